import { run } from '../harness/command.ts'
import { Json } from '../harness/json.ts'
import { OpenbgpdRouter } from '../harness/openbgpd.ts'
import { holdTimeSeconds, password, routerAsn, routerId, type Feature, type Session } from './plan.ts'
import { hasNoBfd, lacksCapability, takesAnyTtl } from './inabilities.ts'
import type { Implementation, Inability, InteropRouter, RouteView, SessionView } from './router.ts'

export const openbgpd: Implementation = {
  name: 'OpenBGPD',
  version: () => run('sh', '-c', '/usr/sbin/bgpd -V 2>&1').then((text) => text.trim()),
  needs: { files: ['/usr/sbin/bgpd', '/usr/sbin/bgpctl'], package: 'openbgpd' },
  start: async (site) => new Openbgpd(await OpenbgpdRouter.start(site.lab, site.router, configuration(site.sessions))),
  notes: [
    'OpenBGPD 7.7 sleeps for up to a second for each session that is lost with graceful restart, one after the other, and answers nobody meanwhile.',
  ],
  leavesOut: ({ transport, purpose }) => transport === 'IPv4 over IPv6' && purpose !== 'probe',
  cannot: (feature, { transport, relation }) => {
    if (transport === 'IPv4 over IPv6') return noIpv6NextHop
    if (feature === 'GTSM' && relation === 'iBGP') return noInternalGtsm
    return inabilities[feature]
  },
}

const noIpv6NextHop = lacksCapability(5, 'has no IPv6 next hops for IPv4 (RFC 8950): no such capability in its OPEN')
const noInternalGtsm = takesAnyTtl(
  'checks no TTL on iBGP sessions: `ttl-security yes` is set, and the session stays when packets come with 254',
)
const inabilities: Readonly<Partial<Record<Feature, Inability>>> = {
  'extended messages': lacksCapability(6, 'has no extended messages: no such capability in its OPEN'),
  BFD: hasNoBfd,
}

class Openbgpd implements InteropRouter {
  readonly #router: OpenbgpdRouter

  constructor(router: OpenbgpdRouter) {
    this.#router = router
  }

  readonly session = async (session: Session): Promise<SessionView> => {
    const view = await this.#neighbour(session)
    const agreed = view.at('session').at('capabilities')
    const family = session.family === 'ipv4' ? 'IPv4 unicast' : 'IPv6 unicast'
    const isAddPath = agreed
      .at('add-path')
      .list()
      .some((one) => one.at('family').text() === family && one.at('mode').text().includes('recv'))
    return {
      state: view.at('state').textOr('no such neighbour'),
      isEstablished: view.at('state').textOr('') === 'Established',
      remoteAsn: Number(view.at('remote_as').textOr('')),
      establishments: this.#establishments(session),
      isFourOctetAs: agreed.at('as4byte').isTrue(),
      isGracefulRestart: agreed.at('graceful_restart').keys().length > 0,
      hasPeerRestarted: view
        .at('session')
        .at('remote')
        .at('capabilities')
        .at('graceful_restart')
        .at('restart')
        .isTrue(),
      isEndOfRibReceived: view.at('stats').at('update').at('received').at('eor').numberOr(0) > 0,
      isAddPath,
      isRouteRefresh: agreed.at('refresh').isTrue(),
    }
  }

  readonly routes = async (session: Session): Promise<readonly RouteView[]> => {
    const table = await this.#router.show('show', 'rib', 'detail', 'neighbor', session.nodeAddress)
    return table
      .at('rib')
      .list()
      .map((route) => ({
        address: route.at('prefix').text().split('/')[0] ?? '',
        nextHop: route.at('exit_nexthop').text(),
        asPath: route.at('aspath').text(),
        largeCommunities: route.at('large_communities').list().length,
        pathId: route.at('path_id').numberOr(undefined),
        isStale: route.at('stale').isTrue(),
      }))
      .filter(({ address }) => address.includes(':') === (session.family === 'ipv6'))
  }

  readonly received = async (session: Session): Promise<number> =>
    (await this.#neighbour(session)).at('stats').at('update').at('received').at('updates').numberOr(0)

  readonly refresh = async (session: Session): Promise<void> => {
    await this.#router.execute('neighbor', session.nodeAddress, 'refresh')
  }

  async #neighbour(session: Session): Promise<Json> {
    const found = (await this.#router.show('show', 'neighbor', session.nodeAddress)).at('neighbors').list()
    return found.find((one) => one.at('remote_addr').text() === session.nodeAddress) ?? new Json(undefined)
  }

  #establishments(session: Session): number {
    const line = `neighbor ${session.nodeAddress} (${session.name}): state change OpenConfirm -> Established`
    return this.#router.process.output().split(line).length - 1
  }
}

function configuration(sessions: readonly Session[]): string {
  return [
    `AS ${routerAsn}`,
    `router-id ${routerId}`,
    `holdtime ${holdTimeSeconds}`,
    'holdtime min 3',
    'connect-retry 1',
    ...sessions.flatMap(neighbourLines),
    'allow from any',
    'deny to any',
    '',
  ].join('\n')
}

function neighbourLines(session: Session): readonly string[] {
  const { purpose, name, nodeAsn, nodeAddress, network, family } = session
  return [
    `neighbor ${purpose === 'dynamic' ? network : nodeAddress} {`,
    `  descr "${name}"`,
    `  remote-as ${nodeAsn}`,
    `  announce ${family === 'ipv4' ? 'IPv4' : 'IPv6'} unicast`,
    ...(family === 'ipv4' && nodeAddress.includes(':') ? ['  announce IPv6 none'] : []),
    '  announce add-path recv yes',
    ...(purpose === 'collision' || purpose === 'dynamic' ? [] : ['  passive']),
    ...(purpose === 'md5' ? [`  tcp md5sig password ${password}`] : []),
    ...(purpose === 'gtsm' ? ['  ttl-security yes'] : []),
    '}',
  ]
}
