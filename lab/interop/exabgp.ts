import assert from 'node:assert/strict'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { ExabgpRouter } from '../harness/exabgp.ts'
import { Json } from '../harness/json.ts'
import { holdTimeSeconds, password, routerAsn, routerId, type Feature, type Session } from './plan.ts'
import { hasNoBfd, takesAnyTtl } from './inabilities.ts'
import type { Implementation, Inability, InteropRouter, RouteView, SessionView } from './router.ts'

export const exabgp: Implementation = {
  name: 'ExaBGP',
  version: async () => /ExaBGP : (\S+)/.exec(await run('/usr/sbin/exabgp', '--version'))?.[1] ?? '',
  needs: { files: ['/usr/sbin/exabgp'], package: 'exabgp' },
  start: async (site) => {
    const groups = Map.groupBy(site.sessions, ({ name, purpose }) => (purpose === 'dynamic' ? name : 'exabgp'))
    const routers = [...groups].map(async ([name, chosen]) => {
      const neighbors = chosen.flatMap(neighbourLines).join('\n')
      const listen = chosen.map(({ routerAddress }) => routerAddress)
      return [name, await ExabgpRouter.start(site.lab, site.router, { name, neighbors, listen })] as const
    })
    return new Exabgp(new Map(await Promise.all(routers)))
  },
  notes: [
    'ExaBGP 4.2.21 forgets connections that come at the same time as one for a neighbour that is a range: each of these has a process of its own here. What it tells its API process of ROUTE-REFRESH messages is not JSON.',
  ],
  cannot: (feature, { transport }) => {
    if (feature === 'GTSM') return transport === 'IPv4' ? noGtsmCheck : noGtsmOverIpv6
    return inabilities[feature]
  },
}

const noGtsmCheck = takesAnyTtl(
  'sends with TTL 255 and checks nothing, for want of IP_MINTTL in Python: the session stays when packets come with 254',
)
const noGtsmOverIpv6: Inability = {
  reason:
    'has `incoming-ttl` and `outgoing-ttl` for IPv4 alone: what it accepts over IPv6 it answers with hop limit 64, which our side drops',
  verify: async ({ site, router, session }) => {
    assert.ok(!(await router.session(session)).isEstablished)
    assert.ok((await site.counter('TCPMinTTLDrop')).node > 0, 'nothing with a low hop limit came from it')
  },
}

const inabilities: Readonly<Partial<Record<Feature, Inability>>> = {
  'routes kept': {
    reason:
      'has no table that routes could be kept in: it tells its API process that the session is down, and that it is up again',
    verify: async ({ router, session }) => {
      const isBack = ({ isEstablished, establishments, lastDown }: SessionView): void =>
        assert.deepEqual([isEstablished, establishments, typeof lastDown], [true, 2, 'string'])
      await eventually('the session is back', () => router.session(session), isBack, { timeoutMs: 20_000 })
    },
  },
  BFD: hasNoBfd,
}

/**
 * Each neighbour that is a range has a process of its own: ExaBGP 4.2.21 forgets connections that arrive together with one
 * for a range.
 */
class Exabgp implements InteropRouter {
  readonly #routers: ReadonlyMap<string, ExabgpRouter>

  constructor(routers: ReadonlyMap<string, ExabgpRouter>) {
    this.#routers = routers
  }

  readonly session = async (session: Session): Promise<SessionView> => {
    const events = this.#events(session)
    const state = last(events, 'state').at('state').textOr('never heard of')
    const negotiated = last(events, 'negotiated').at('negotiated')
    const capabilities = last(events, 'open').at('open').at('capabilities')
    return Promise.resolve({
      state,
      isEstablished: state === 'up',
      remoteAsn: capabilities.at('65').at('asn4').numberOr(undefined),
      establishments: events.filter((event) => isState(event, 'up')).length,
      isFourOctetAs: negotiated.at('asn4').isTrue(),
      isGracefulRestart: !capabilities.at('64').isMissing,
      hasPeerRestarted: undefined,
      isEndOfRibReceived: sinceUp(events).some((event) => !message(event).at('eor').isMissing),
      isExtendedMessage: negotiated.at('message_size').numberOr(0) === 65535,
      isAddPath: negotiated
        .at('add_path')
        .at('receive')
        .list()
        .some((one) => one.text() === `${session.family} unicast`),
      isRouteRefresh: negotiated.at('refresh').textOr('absent') !== 'absent',
      lastDown: events
        .findLast((event) => isState(event, 'down'))
        ?.at('neighbor')
        .at('reason')
        .textOr(undefined),
    })
  }

  /** ExaBGP keeps no table: what it was told since the session came up, and not told to forget. */
  readonly routes = async (session: Session): Promise<readonly RouteView[]> => {
    const found = new Map<string, RouteView>()
    for (const event of sinceUp(this.#events(session))) {
      for (const route of announced(event, session)) found.set(route.address, route)
      const withdrawn = message(event).at('update').at('withdraw').at(`${session.family} unicast`).list()
      for (const route of withdrawn) found.delete(route.at('nlri').text().split('/')[0] ?? '')
    }
    return Promise.resolve([...found.values()])
  }

  readonly received = async (session: Session): Promise<number> =>
    Promise.resolve(this.#events(session).flatMap((event) => announced(event, session)).length)

  readonly refresh = async (session: Session): Promise<void> => {
    await this.#router(session).command(
      `neighbor ${session.nodeAddress} announce route-refresh ${session.family} unicast`,
    )
  }

  #router({ name, purpose }: Session): ExabgpRouter {
    const found = this.#routers.get(purpose === 'dynamic' ? name : 'exabgp')
    if (found === undefined) throw new Error(`no ExaBGP for ${name}`)
    return found
  }

  #events(session: Session): readonly Json[] {
    const all = this.#router(session).events()
    return all.filter((event) => event.at('neighbor').at('address').at('peer').textOr('') === session.nodeAddress)
  }
}

/** The latest event of a type, as far as it is about the neighbour. */
const last = (events: readonly Json[], type: string): Json =>
  (events.findLast((event) => event.at('type').text() === type) ?? new Json(undefined)).at('neighbor')

const isState = (event: Json, state: string): boolean =>
  event.at('type').text() === 'state' && event.at('neighbor').at('state').text() === state

const message = (event: Json): Json =>
  event.at('type').text() === 'update' ? event.at('neighbor').at('message') : new Json(undefined)

function sinceUp(events: readonly Json[]): readonly Json[] {
  const start = events.findLastIndex((event) => isState(event, 'up'))
  const end = events.findLastIndex((event) => isState(event, 'down'))
  return start === -1 || end > start ? [] : events.slice(start)
}

function announced(event: Json, session: Session): readonly RouteView[] {
  const update = message(event).at('update')
  const attributes = update.at('attribute')
  const byNextHop = update.at('announce').at(`${session.family} unicast`)
  return byNextHop.keys().flatMap((nextHop) =>
    byNextHop
      .at(nextHop)
      .list()
      .map((route) => ({
        address: route.at('nlri').text().split('/')[0] ?? '',
        nextHop,
        asPath: attributes
          .at('as-path')
          .list()
          .map((asn) => asn.number())
          .join(' '),
        largeCommunities: attributes.at('large-community').list().length,
        pathId: pathId(route.at('path-information').textOr(undefined)),
        isStale: false,
      })),
  )
}

/** ExaBGP writes the identifier like an IPv4 address. */
const pathId = (text: string | undefined): number | undefined =>
  text?.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

function neighbourLines(session: Session): readonly string[] {
  const { purpose, nodeAsn, nodeAddress, routerAddress, network, family, transport } = session
  return [
    `neighbor ${purpose === 'dynamic' ? network : nodeAddress} {`,
    `  router-id ${routerId};`,
    `  local-address ${routerAddress};`,
    `  local-as ${routerAsn};`,
    `  peer-as ${nodeAsn};`,
    `  hold-time ${holdTimeSeconds};`,
    ...(purpose === 'collision' ? [] : ['  passive true;']),
    ...(purpose === 'md5' ? [`  md5-password '${password}';`] : []),
    ...(purpose === 'gtsm' ? ['  listen 179;', '  incoming-ttl 255;', '  outgoing-ttl 255;'] : []),
    `  family { ${family} unicast; ${transport === 'IPv4 over IPv6' ? 'ipv6 unicast; ' : ''}}`,
    ...(transport === 'IPv4 over IPv6' ? ['  nexthop { ipv4 unicast ipv6; }'] : []),
    '  capability {',
    '    asn4 enable;',
    '    route-refresh enable;',
    '    graceful-restart 120;',
    '    extended-message enable;',
    '    add-path receive;',
    ...(transport === 'IPv4 over IPv6' ? ['    nexthop enable;'] : []),
    '  }',
    '  api {',
    '    processes [ lab ];',
    '    neighbor-changes;',
    '    negotiated;',
    '    fsm;',
    '    receive { parsed; open; update; notification; refresh; }',
    '  }',
    '}',
  ]
}
