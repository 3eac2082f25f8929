import { join } from 'node:path'
import type { Fabric } from '../harness/fabric.ts'
import { FrrRouter } from '../harness/frr.ts'
import { monitorRoutes, tailOf, type Loss, type RouteMonitor } from './routes.ts'

export const nodeAsn = 64500
export const routerAsn = 64512
const holdTimeSeconds = 30

/**
 * FRR, and everything that it ever told: each withdrawal that bgpd received, each session that ended, and each route that went
 * from the kernel's table, however short it was away.
 */
export class WatchedRouter {
  readonly frr: FrrRouter
  readonly #routes: RouteMonitor
  readonly #log: () => readonly string[]
  readonly #sessions = new Set<string>()
  readonly #losses: Loss[] = []

  private constructor(frr: FrrRouter, routes: RouteMonitor, log: () => readonly string[]) {
    this.frr = frr
    this.#routes = routes
    this.#log = log
  }

  static async start(fabric: Fabric): Promise<WatchedRouter> {
    const { lab, router } = fabric
    const routes = monitorRoutes(lab, router)
    const configuration = configurationFor(fabric)
    const frr = await FrrRouter.configured(lab, router, { configuration, isListening: true, hasBfd: false })
    return new WatchedRouter(frr, routes, tailOf(join(lab.directory, 'bgpd.out')))
  }

  /** A TCP MD5 key for the sessions with these neighbours (RFC 2385). */
  async setPassword(password: string, neighbors: readonly string[]): Promise<void> {
    const lines = neighbors.map((address) => `neighbor ${address} password ${password}`)
    await this.frr.execute(['configure terminal', `router bgp ${routerAsn}`, ...lines].join('\n'))
  }

  /** Whether the kernel forwards to this address. */
  has(address: string): boolean {
    return this.#routes.has(address)
  }

  hasSession(neighbor: string): boolean {
    this.#read()
    return this.#sessions.has(neighbor)
  }

  /** All so far: of the kernel's table, and of bgpd. */
  losses(): readonly Loss[] {
    this.#read()
    return [...this.#routes.losses(), ...this.#losses]
  }

  #read(): void {
    for (const line of this.#log()) this.#take(line)
  }

  #take(line: string): void {
    const withdrawn = /rcvd UPDATE about ([\d.]+)\/32 .*-- withdrawn/.exec(line)?.[1]
    if (withdrawn !== undefined) this.#losses.push({ what: withdrawn, line })
    const [, neighbor = '', way] = /ADJCHANGE: neighbor ([\w.:]+)\(.*\) .*(Up|Down)/.exec(line) ?? []
    if (way === 'Up') this.#sessions.add(neighbor)
    if (way !== 'Down') return
    this.#sessions.delete(neighbor)
    this.#losses.push({ what: `session with ${neighbor}`, line })
  }
}

function configurationFor(fabric: Fabric): string {
  const families = (['ipv4', 'ipv6'] as const).flatMap((family) => [
    ` address-family ${family} unicast`,
    ...fabric.nodes.map((node) => `  neighbor ${node[family]} activate`),
    ' exit-address-family',
  ])
  return [
    'hostname router',
    'log timestamp precision 3',
    'debug bgp updates in',
    `router bgp ${routerAsn}`,
    ' bgp router-id 10.0.0.1',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' bgp log-neighbor-changes',
    ...fabric.nodes.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((address) => [
        ` neighbor ${address} remote-as ${nodeAsn}`,
        ` neighbor ${address} timers ${holdTimeSeconds / 3} ${holdTimeSeconds}`,
        ` neighbor ${address} passive`,
      ]),
    ),
    ...families,
    '',
  ].join('\n')
}
