import { frrDaemons } from '../harness/capability.ts'
import { run } from '../harness/command.ts'
import { FrrRouter } from '../harness/frr.ts'
import type { Json } from '../harness/json.ts'
import {
  bfdIntervalMs,
  bfdMultiplier,
  holdTimeSeconds,
  largeVip,
  password,
  routerAsn,
  routerId,
  vips,
  type Session,
} from './plan.ts'
import type { Implementation, InteropRouter, RouteView, SessionView } from './router.ts'

export const frr: Implementation = {
  name: 'FRR',
  version: async () => /version ([\d.]+)/.exec(await run(`${frrDaemons}/bgpd`, '--version'))?.[1] ?? '',
  needs: { files: [`${frrDaemons}/bgpd`, `${frrDaemons}/bfdd`, '/usr/bin/vtysh'], package: 'frr' },
  start: async (site) => {
    const options = { configuration: configuration(site.sessions), isListening: true, hasBfd: true }
    return new Frr(await FrrRouter.configured(site.lab, site.router, options))
  },
  notes: [
    'FRR 8.4.4 now and then ends, after a collision, also the connection that it has just kept (`Deleting stub connection`, then Cease 6/7); the session is back a second later.',
  ],
  cannot: () => undefined,
}

class Frr implements InteropRouter {
  readonly #router: FrrRouter

  constructor(router: FrrRouter) {
    this.#router = router
  }

  readonly session = async (session: Session): Promise<SessionView> => {
    const all = await this.#router.show(`show bgp neighbors ${session.nodeAddress} json`)
    const view = all.at(session.nodeAddress)
    if (view.isMissing) return { state: 'no such neighbour', isEstablished: false }
    const capabilities = view.at('neighborCapabilities')
    const restart = view.at('gracefulRestartInfo')
    const family = session.family === 'ipv4' ? 'ipv4Unicast' : 'ipv6Unicast'
    const paths = capabilities.at('addPath').at(family)
    const isAgreed = (name: string): boolean => capabilities.at(name).textOr('').startsWith('advertisedAndReceived')
    return {
      state: view.at('bgpState').text(),
      isEstablished: view.at('bgpState').text() === 'Established',
      remoteAsn: view.at('remoteAs').number(),
      establishments: view.at('connectionsEstablished').number(),
      isFourOctetAs: isAgreed('4byteAs'),
      isGracefulRestart: isAgreed('gracefulRestart'),
      hasPeerRestarted: restart.at('rBit').isTrue(),
      isEndOfRibReceived: restart.at('endOfRibRecv').at(family).isTrue(),
      isExtendedMessage: isAgreed('extendedMessage'),
      isAddPath: paths.at('rxAdvertised').isTrue() && paths.at('txReceived').isTrue(),
      isRouteRefresh: isAgreed('routeRefresh'),
      lastDown: view.at('lastNotificationReason').textOr(undefined) ?? view.at('lastResetDueTo').textOr(undefined),
      bfd: view.at('peerBfdInfo').at('status').textOr(undefined),
    }
  }

  readonly routes = async (session: Session): Promise<readonly RouteView[]> => {
    const found: RouteView[] = []
    for (const address of [...vips[session.family], largeVip[session.family]]) {
      const prefix = `${address}/${session.family === 'ipv4' ? 32 : 128}`
      const paths = (await this.#router.show(`show bgp ${session.family} unicast ${prefix} json`)).at('paths').list()
      const ours = paths.filter((path) => path.at('peer').at('peerId').text() === session.nodeAddress)
      found.push(...ours.map((path) => routeView(address, path)))
    }
    return found
  }

  /** bgpd has no counter of routes, so that the lines of its log are counted. */
  readonly received = async (session: Session): Promise<number> => {
    const pattern = new RegExp(` ${session.nodeAddress}(?:\\([^)]*\\))? rcvd \\S+/\\d+ `, 'g')
    return Promise.resolve([...this.#router.log().matchAll(pattern)].length)
  }

  readonly refresh = async (session: Session): Promise<void> => {
    await this.#router.execute(`clear bgp ${session.family} unicast ${session.nodeAddress} soft in`)
  }
}

const routeView = (address: string, path: Json): RouteView => ({
  address,
  nextHop: path.at('nexthops').list()[0]?.at('ip').text() ?? '',
  asPath: path.at('aspath').at('string').text().replace('Local', ''),
  largeCommunities: path.at('largeCommunity').at('list').list().length,
  pathId: path.at('addpathRxId').numberOr(undefined) ?? path.at('remotePathId').numberOr(undefined),
  isStale: path.at('stale').isTrue(),
})

function configuration(sessions: readonly Session[]): string {
  const family = (name: 'ipv4' | 'ipv6'): readonly string[] => [
    ` address-family ${name} unicast`,
    ...sessions
      .filter((one) => one.family === name)
      .flatMap((one) => [
        `  neighbor ${neighbourName(one)} activate`,
        `  neighbor ${neighbourName(one)} route-map NOTHING out`,
      ]),
    ' exit-address-family',
  ]
  return [
    'hostname router',
    'log stdout debugging',
    'debug bgp neighbor-events',
    'debug bgp updates in',
    'route-map NOTHING deny 1',
    `router bgp ${routerAsn}`,
    ` bgp router-id ${routerId}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' bgp log-neighbor-changes',
    ...sessions.flatMap(neighbourLines),
    ...family('ipv4'),
    ...family('ipv6'),
    '',
  ].join('\n')
}

const neighbourName = ({ purpose, name, nodeAddress }: Session): string => (purpose === 'dynamic' ? name : nodeAddress)

function neighbourLines(session: Session): readonly string[] {
  const { purpose, nodeAsn, network, transport } = session
  const name = neighbourName(session)
  const own: Readonly<Partial<Record<Session['purpose'], readonly string[]>>> = {
    md5: [` neighbor ${name} password ${password}`],
    gtsm: [` neighbor ${name} ttl-security hops 1`],
    bfd: [` neighbor ${name} bfd ${bfdMultiplier} ${bfdIntervalMs} ${bfdIntervalMs}`],
  }
  return [
    ...(purpose === 'dynamic' ? [` neighbor ${name} peer-group`] : []),
    ` neighbor ${name} remote-as ${nodeAsn}`,
    ...(purpose === 'dynamic' ? [` bgp listen range ${network} peer-group ${name}`] : []),
    ` neighbor ${name} timers ${holdTimeSeconds / 3} ${holdTimeSeconds}`,
    ` neighbor ${name} timers connect 1`,
    ...(purpose === 'collision' || purpose === 'dynamic' ? [] : [` neighbor ${name} passive`]),
    ...(transport === 'IPv4 over IPv6' ? [` neighbor ${name} capability extended-nexthop`] : []),
    ...(own[purpose] ?? []),
  ]
}
