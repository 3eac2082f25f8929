import assert from 'node:assert/strict'
import { run } from '../harness/command.ts'
import { GobgpRouter } from '../harness/gobgp.ts'
import { Json } from '../harness/json.ts'
import { holdTimeSeconds, password, routerAsn, routerId, type Feature, type Session } from './plan.ts'
import { hasNoBfd, lacksCapability } from './inabilities.ts'
import type { Implementation, Inability, InteropRouter, RouteView, SessionView } from './router.ts'

export const gobgp: Implementation = {
  name: 'GoBGP',
  version: () => run('/usr/bin/gobgpd', '--version').then((text) => text.trim()),
  needs: { files: ['/usr/bin/gobgpd', '/usr/bin/gobgp'], package: 'gobgpd' },
  start: async (site) => new Gobgp(await GobgpRouter.start(site.lab, site.router, configuration(site.sessions))),
  cannot: (feature) => inabilities[feature],
}

const inabilities: Readonly<Partial<Record<Feature, Inability>>> = {
  'extended messages': lacksCapability(6, 'has no extended messages: no such capability in its OPEN'),
  'route refresh': {
    reason: 'does not ask: `softresetin` reads again what it has, and its counter of ROUTE-REFRESH messages stays at 0',
    verify: async ({ router, session }) => {
      const before = await router.received(session)
      await router.refresh(session)
      assert.deepEqual([await router.received(session), (await router.session(session)).refreshesSent], [before, 0])
    },
  },
  BFD: hasNoBfd,
}

class Gobgp implements InteropRouter {
  readonly #router: GobgpRouter

  constructor(router: GobgpRouter) {
    this.#router = router
  }

  readonly session = async (session: Session): Promise<SessionView> => {
    const view = await this.#router.show('neighbor', session.nodeAddress)
    const text = view.isMissing ? '' : await this.#router.execute('neighbor', session.nodeAddress)
    const state = /BGP state = (\w+)/.exec(text)?.[1] ?? 'no such neighbour'
    const isAgreed = (name: string): boolean => new RegExp(`${name}:\\tadvertised and received`).test(text)
    const family = view.at('afi_safis').list()[0]?.at('mp_graceful_restart').at('state')
    return {
      state,
      isEstablished: state === 'ESTABLISHED',
      remoteAsn: view.at('state').at('peer_asn').numberOr(undefined),
      isFourOctetAs: isAgreed('4-octet-as'),
      isGracefulRestart: isAgreed('graceful-restart'),
      hasPeerRestarted: view.at('graceful_restart').at('peer_restarting').isTrue() ? true : undefined,
      isEndOfRibReceived: family?.at('end_of_rib_received').isTrue(),
      isAddPath: isAgreed('add-path'),
      isRouteRefresh: isAgreed('route-refresh'),
      refreshesSent: view.at('state').at('messages').at('sent').at('refresh').numberOr(0),
    }
  }

  readonly routes = async (session: Session): Promise<readonly RouteView[]> => {
    const table = await this.#router.show('neighbor', session.nodeAddress, 'adj-in', '-a', session.family)
    return table.keys().flatMap((prefix) =>
      table
        .at(prefix)
        .list()
        .map((path) => routeView(prefix, path)),
    )
  }

  /** Routes that are sent again are told from the old ones by gobgpd's log alone. */
  readonly received = async (session: Session): Promise<number> => {
    const view = await this.#router.show('neighbor', session.nodeAddress)
    return view.at('state').at('messages').at('received').at('update').numberOr(0)
  }

  readonly refresh = async (session: Session): Promise<void> => {
    await this.#router.execute('neighbor', session.nodeAddress, 'softresetin', '-a', session.family)
  }
}

function routeView(prefix: string, path: Json): RouteView {
  const attributes = path.at('attrs').list()
  const attribute = (type: number): Json | undefined => attributes.find((one) => one.at('type').number() === type)
  const none = new Json(undefined)
  const nextHop = (attribute(3) ?? attribute(14) ?? none).at('nexthop')
  const segments = (attribute(2) ?? none).at('as_paths').list()
  return {
    address: prefix.split('/')[0] ?? '',
    nextHop: nextHop.textOr(''),
    asPath: segments
      .flatMap((one) =>
        one
          .at('asns')
          .list()
          .map((asn) => asn.number()),
      )
      .join(' '),
    largeCommunities: (attribute(32) ?? none).at('value').list().length,
    pathId: path.at('nlri').at('id').numberOr(undefined),
    isStale: path.at('stale').isTrue(),
  }
}

function configuration(sessions: readonly Session[]): string {
  return [
    '[global.config]',
    `  as = ${routerAsn}`,
    `  router-id = "${routerId}"`,
    '  port = 179',
    '  local-address-list = ["0.0.0.0", "::"]',
    '[global.apply-policy.config]',
    '  default-export-policy = "reject-route"',
    ...sessions.flatMap(neighbourLines),
    '',
  ].join('\n')
}

function neighbourLines(session: Session): readonly string[] {
  const { purpose, name, nodeAsn, nodeAddress, network, family } = session
  const isDynamic = purpose === 'dynamic'
  const head = isDynamic ? 'peer-groups' : 'neighbors'
  return [
    `[[${head}]]`,
    `  [${head}.config]`,
    isDynamic ? `    peer-group-name = "${name}"` : `    neighbor-address = "${nodeAddress}"`,
    `    peer-as = ${nodeAsn}`,
    ...(purpose === 'md5' ? [`    auth-password = "${password}"`] : []),
    `  [${head}.timers.config]`,
    `    hold-time = ${holdTimeSeconds}`,
    `    keepalive-interval = ${holdTimeSeconds / 3}`,
    '    connect-retry = 1',
    '    idle-hold-time-after-reset = 1',
    `  [${head}.transport.config]`,
    `    passive-mode = ${purpose !== 'collision'}`,
    ...(purpose === 'gtsm' ? [`  [${head}.ttl-security.config]`, '    enabled = true', '    ttl-min = 255'] : []),
    `  [${head}.graceful-restart.config]`,
    '    enabled = true',
    '    restart-time = 120',
    '    helper-only = true',
    '    notification-enabled = true',
    `  [[${head}.afi-safis]]`,
    `    [${head}.afi-safis.config]`,
    `      afi-safi-name = "${family}-unicast"`,
    `    [${head}.afi-safis.mp-graceful-restart.config]`,
    '      enabled = true',
    `    [${head}.afi-safis.add-paths.config]`,
    '      receive = true',
    ...(isDynamic
      ? [
          '[[dynamic-neighbors]]',
          '  [dynamic-neighbors.config]',
          `    prefix = "${network}"`,
          `    peer-group = "${name}"`,
        ]
      : []),
  ]
}
