import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { Json } from '../harness/json.ts'
import type { Cluster } from './cluster.ts'
import { addressesOf } from './service-addresses.ts'

/**
 * The addresses of Services, by a watch of the test's own, past all proxies, that misses nothing from its beginning on. Every function but
 * `close` throws once that watch has ended by itself: what it would say is old. Services are named `namespace/name`.
 */
export interface ServiceRecord {
  /** A Service without an address is not among them. */
  readonly addresses: () => ReadonlyMap<string, string>
  /** As last seen; empty: none. */
  readonly of: (service: string) => string
  /** Every change of a status that named an address, and every address that two Services have that do not share it. */
  readonly violations: () => readonly string[]
  /** The Services that had an address at any time. */
  readonly seen: () => ReadonlySet<string>
  /** How often each Service was written. */
  readonly writes: () => ReadonlyMap<string, number>
  readonly close: () => void
}

/** For a cluster whose API server is not stopped meanwhile. Without a namespace: of all. */
export async function recordServices(cluster: Cluster, namespace?: string): Promise<ServiceRecord> {
  const collection = namespace === undefined ? '/api/v1/services' : `/api/v1/namespaces/${namespace}/services`
  const list = await cluster.client().get(collection)
  const history = createServiceHistory()
  for (const service of list.at('items').list()) history.take('ADDED', service)
  const writes = new Map<string, number>()
  let ended: string | undefined
  let isClosed = false
  const take = (line: string): void => {
    const event = Json.parse(line)
    const [type, object] = [event.at('type').text(), event.at('object')]
    if (type === 'ERROR') {
      ended = object.at('message').text()
      return
    }
    writes.set(nameOf(object), (writes.get(nameOf(object)) ?? 0) + 1)
    history.take(type, object)
  }
  const version = list.at('metadata').at('resourceVersion').text()
  const query = `watch=true&timeoutSeconds=7200&resourceVersion=${version}`
  const close = followLines(cluster, `${collection}?${query}`, take, (why) => {
    if (!isClosed) ended ??= why
  })
  const ifWhole = <T>(value: T): T => {
    if (ended !== undefined) throw new Error(`the watch of ${collection} has ended: ${ended}`)
    return value
  }
  return {
    addresses: () => ifWhole(new Map([...history.held].sort())),
    of: (service) => ifWhole(history.held.get(service) ?? ''),
    violations: () => ifWhole(history.violations),
    seen: () => ifWhole(history.seen),
    writes: () => ifWhole(writes),
    close: () => {
      isClosed = true
      close()
    },
  }
}

/** What Services say, one event after another. */
export interface ServiceHistory {
  readonly held: ReadonlyMap<string, string>
  readonly seen: ReadonlySet<string>
  readonly violations: readonly string[]
  /** An event of a watch, or what was listed before it as ADDED. */
  readonly take: (type: string, service: Json) => void
}

export function createServiceHistory(): ServiceHistory {
  const held = new Map<string, string>()
  const keys = new Map<string, string>()
  const seen = new Set<string>()
  const violations: string[] = []

  /** By both having one key they say that they share; on which ports is another judge's affair. */
  const mayShare = (one: string, other: string): boolean => keys.get(one) !== '' && keys.get(one) === keys.get(other)
  const doublesOf = (name: string, now: string): readonly string[] =>
    partsOf(now).flatMap((address) =>
      [...held]
        .filter(([other, theirs]) => other !== name && partsOf(theirs).includes(address) && !mayShare(name, other))
        .map(([other]) => `${name} and ${other} both have ${address}`),
    )

  return {
    held,
    seen,
    violations,
    take: (type, service) => {
      const name = nameOf(service)
      const isGone = type === 'DELETED'
      const now = isGone ? '' : addressesOf(service)
      const before = held.get(name) ?? ''
      keys.set(name, sharingKeyOf(service))
      if (now === before) return
      if (before !== '' && !isGone) violations.push(`${name} had ${before} and has ${now === '' ? 'none' : now}`)
      violations.push(...doublesOf(name, now))
      if (now === '') held.delete(name)
      else {
        held.set(name, now)
        seen.add(name)
      }
    },
  }
}

const partsOf = (addresses: string): readonly string[] => (addresses === '' ? [] : addresses.split(','))

function nameOf(service: Json): string {
  const metadata = service.at('metadata')
  return `${metadata.at('namespace').text()}/${metadata.at('name').text()}`
}

const sharingKeyOf = (service: Json): string =>
  service.at('metadata').at('annotations').at('metallb.io/allow-shared-ip').textOr('')

/** What the API server sends on a watch, line by line, until what is returned is called; `end` is told why nothing more will come. */
function followLines(
  cluster: Cluster,
  path: string,
  take: (line: string) => void,
  end: (why: string) => void,
): () => void {
  const ca = readFileSync(cluster.authorityFile)
  const headers = { authorization: `Bearer ${cluster.token()}` }
  let rest = ''
  const watching = request(new URL(path, cluster.url), { ca, headers, agent: false }, (response) => {
    if (response.statusCode !== 200) end(`status ${response.statusCode}`)
    response.setEncoding('utf8')
    response.on('error', (error) => end(error.message))
    response.on('close', () => end('the connection was closed'))
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    })
  })
  watching.on('error', (error) => end(error.message))
  watching.end()
  return () => void watching.destroy()
}
