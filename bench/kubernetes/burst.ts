import { isIPv4 } from 'node:net'
import { figure, addressText, type Figures } from './figures.ts'
import { paths, serviceOf, sliceOf } from './objects.ts'
import { roles, type Role, type Stage } from './stage.ts'
import { addUp, isLease, sumOf, type Requests } from './requests.ts'

export interface Burst {
  readonly figures: Figures
  /** By role, what was asked for, most first: for whoever wants to know where requests go. */
  readonly breakdown: Readonly<Record<Role, string>>
}

const clients = 4

/** `count` Services, created by four clients as fast as each gets its answers, with controller and speaker running. */
export async function burst(stage: Stage, count: number): Promise<Burst> {
  const names = Array.from({ length: count }, (_, index) => `service-${index}`)
  const prepare = stage.cluster.client('admin', 16)
  await each(names, 16, (name) => prepare.create(paths.slices, sliceOf(name)))
  await stage.settle()

  stage.requests()
  stage.router.countAnew()
  const before = stage.usage()
  const ownBefore = process.cpuUsage()
  const api = stage.cluster.client('admin', clients)
  const start = performance.now()
  let lastSentMs = start
  let milliseconds = 0
  await each(names, clients, async (name) => {
    const sentMs = performance.now()
    lastSentMs = sentMs
    await api.create(paths.services, serviceOf(name, policyOf(name)))
    milliseconds += performance.now() - sentMs
  })
  const createdMs = performance.now()
  const routedMs = await stage.router.until('all at the router', () => stage.router.routes.size === count, 600_000)
  await stage.watch.until('all have addresses', () => stage.watch.addresses.size === count)
  const addressedMs = stage.watch.lastChangeMs
  const after = stage.usage()
  const own = process.cpuUsage(ownBefore)
  const seconds = (fromMs: number, toMs: number): number => Math.max(0, toMs - fromMs) / 1000
  const { updates } = stage.router
  const soFar = stage.requests()
  const late = await stage.settle()
  expectSame(stage)

  const asked = (role: Role): Requests => addUp([soFar[role], late[role]])
  const perService = (role: Role): number => sumOf(asked(role), (name) => !isLease(name)) / count
  return {
    figures: [
      figure('burst: 4 clients create them in, s', seconds(start, createdMs), 2),
      figure('burst: answer to one create, mean, ms', milliseconds / count, 1),
      figure('burst: last create to all have addresses, s', seconds(lastSentMs, addressedMs), 2),
      figure('burst: last create to all at the router, s', seconds(lastSentMs, routedMs), 2),
      figure('burst: UPDATEs', updates),
      ...roles.map((role) => figure(`burst: requests of the ${role} for each Service`, perService(role), 2)),
      ...(['controller', 'speaker', 'apiServer', 'etcd'] as const).map((name) =>
        figure(`burst: CPU of ${titles[name]} for each Service, ms`, ((after[name] - before[name]) / count) * 1000, 2),
      ),
      figure('burst: CPU of the bench itself for each Service, ms', (own.user + own.system) / 1000 / count, 2),
    ],
    breakdown: { controller: listed(asked('controller')), speaker: listed(asked('speaker')) },
  }
}

const titles = { controller: 'controller', speaker: 'speaker', apiServer: 'API server', etcd: 'etcd' } as const

/** Every other one announces only from nodes with an endpoint. */
const policyOf = (name: string): 'Local' | 'Cluster' => (/[02468]$/.test(name) ? 'Local' : 'Cluster')

/** What the router has must be what the Services say, each address once. */
function expectSame(stage: Stage): void {
  const given = [...stage.watch.addresses.values()].filter((address) => isIPv4(address)).sort()
  const routed = [...stage.router.routes.keys()].map(addressText).sort()
  if (given.join() !== routed.join() || new Set(given).size !== given.length) {
    const missing = given.filter((address) => !routed.includes(address)).slice(0, 3)
    const many = `${given.length} addresses (${new Set(given).size} different), ${routed.length} routes`
    throw new Error(`the router has not what the Services have: ${many}; missing ${missing.join(', ')}`)
  }
}

async function each<T>(items: readonly T[], atOnce: number, act: (item: T) => Promise<unknown>): Promise<void> {
  const left = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (const item of left) await act(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const listed = (requests: Requests): string =>
  [...requests]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
