import type { MigrateSite } from './site.ts'
import type { RouteChange } from './route-record.ts'
import type { Path, RecordingRouter } from './routers.ts'

/** What every path of a prefix says, by prefix; a prefix whose paths differ throws. */
function attributesIn(table: ReadonlyMap<string, readonly Path[]>): ReadonlyMap<string, string> {
  return new Map(
    [...table].map(([prefix, paths]) => {
      const [first, ...others] = new Set(paths.map(attributesOf))
      if (first === undefined || others.length > 0) throw new Error(`${prefix}: ${JSON.stringify(paths)}`)
      return [prefix, first]
    }),
  )
}

const attributesOf = ({ origin, asPath, med, localPref, communities }: Path): string =>
  [
    `origin ${origin}`,
    `AS path ${asPath}`,
    `MED ${med ?? 'none'}`,
    `LOCAL_PREF ${localPref ?? 'none'}`,
    communities,
  ].join(', ')

/** Who announces what, and with which attributes: `10.0.0.11 origin IGP, …`, by prefix. */
export const summaryOf = (table: ReadonlyMap<string, readonly Path[]>): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    [...table].map(([prefix, paths]) => [prefix, paths.map((path) => `${path.nextHop} ${attributesOf(path)}`)]),
  )

/** Looks at a router over and over. */
export interface Sampler {
  /** Everything that was not as at first: other attributes, and paths that are there and not used. */
  readonly complaints: () => readonly string[]
  readonly samples: () => number
  readonly stop: () => Promise<void>
}

/** Compares every path of the prefixes that are there now with what is there now. Fewer next hops are no complaint. */
export async function sample(router: RecordingRouter): Promise<Sampler> {
  const wanted = attributesIn(await router.table())
  const complaints = new Set<string>()
  let samples = 0
  // bgpd takes a path into use a moment after it has come.
  let unused: ReadonlySet<string> = new Set()
  let isEnding = false
  const look = async (): Promise<void> => {
    const table = await router.table()
    const unusedNow = new Set<string>()
    samples += 1
    for (const [prefix, attributes] of wanted) {
      const paths = table.get(prefix) ?? []
      if (paths.length === 0) complaints.add(`${prefix} has no path`)
      for (const path of paths) {
        if (attributesOf(path) !== attributes)
          complaints.add(`${prefix} via ${path.nextHop}: ${attributesOf(path)} instead of ${attributes}`)
        if (!path.isUsed) unusedNow.add(`${prefix} via ${path.nextHop} is not used`)
      }
    }
    for (const one of unusedNow) if (unused.has(one)) complaints.add(one)
    unused = unusedNow
  }
  const loop = async (): Promise<void> => {
    while (!isEnding) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  const ended = loop()
  return {
    complaints: () => [...complaints],
    samples: () => samples,
    stop: () => {
      isEnding = true
      return ended
    },
  }
}

/** The changes of the kernel's table since a number of changes, by prefix, as sets of next hops. */
export function changesSince(
  router: RecordingRouter,
  begin: number,
): ReadonlyMap<string, readonly (readonly string[])[]> {
  const changes = Map.groupBy(router.routes.changes().slice(begin), ({ prefix }: RouteChange) => prefix)
  return new Map([...changes].map(([prefix, some]) => [prefix, some.map(({ nextHops }) => nextHops)]))
}

/** `node service peer,peer` of every ServiceBGPStatus, sorted. */
export async function announcedStatuses(site: MigrateSite): Promise<readonly string[]> {
  const path = '/apis/metallb.io/v1beta1/namespaces/metallb-system/servicebgpstatuses'
  const items = (await site.cluster.client().get(path)).at('items').list()
  return items
    .map((one) => {
      const status = one.at('status')
      const peers = status
        .at('peers')
        .list()
        .map((peer) => peer.text())
        .sort()
      const service = `${status.at('serviceNamespace').textOr('')}/${status.at('serviceName').textOr('')}`
      return `${status.at('node').textOr('')} ${service} ${peers.join()}`
    })
    .sort()
}

/** `object result`, sorted. */
export async function configurationStates(site: MigrateSite): Promise<readonly string[]> {
  const path = '/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates'
  const items = (await site.cluster.client().get(path)).at('items').list()
  return items
    .map((one) => `${one.at('metadata').at('name').text()} ${one.at('status').at('result').textOr('')}`)
    .sort()
}

/** A metric's lines by name and labels, whose order means nothing. For labels without a comma in their values. */
export const seriesIn = (lines: readonly string[]): ReadonlyMap<string, number> =>
  new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(line.slice(0, end)) ?? []
      return [`${name} ${labels.split(',').sort().join()}`.trim(), Number(line.slice(end + 1))]
    }),
  )
