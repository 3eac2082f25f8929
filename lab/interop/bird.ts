import { run } from '../harness/command.ts'
import { BirdRouter } from '../harness/bird.ts'
import { bfdIntervalMs, bfdMultiplier, holdTimeSeconds, password, routerAsn, routerId, type Session } from './plan.ts'
import type { Implementation, InteropRouter, RouteView, SessionView } from './router.ts'

export const bird: Implementation = {
  name: 'BIRD',
  version: () => run('sh', '-c', '/usr/sbin/bird --version 2>&1').then((text) => text.trim()),
  needs: { files: ['/usr/sbin/bird', '/usr/sbin/birdc'], package: 'bird2' },
  start: async (site) => new Bird(await BirdRouter.start(site.lab, site.router, configuration(site.sessions))),
  cannot: () => undefined,
}

class Bird implements InteropRouter {
  readonly #router: BirdRouter

  constructor(router: BirdRouter) {
    this.#router = router
  }

  readonly session = async (session: Session): Promise<SessionView> => {
    const text = await this.#protocol(session)
    const field = (name: string): string | undefined => new RegExp(`^ *${name}: +(.*)$`, 'm').exec(text)?.[1]
    const capabilities = /Neighbor capabilities\n((?: {6,}.*\n)*)/.exec(text)?.[1] ?? ''
    const ours = /Local capabilities\n((?: {6,}.*\n)*)/.exec(text)?.[1] ?? ''
    const isAgreed = (name: string): boolean => capabilities.includes(`  ${name}\n`) && ours.includes(`  ${name}\n`)
    return {
      state: field('BGP state') ?? 'no such protocol',
      isEstablished: field('BGP state') === 'Established',
      remoteAsn: Number(field('Neighbor AS')),
      establishments: this.#establishments(session),
      isFourOctetAs: isAgreed('4-octet AS numbers') && field('Session')?.includes('AS4') === true,
      isGracefulRestart: isAgreed('Graceful restart'),
      hasPeerRestarted: capabilities.includes('Restart recovery') ? true : undefined,
      isExtendedMessage: isAgreed('Extended message'),
      isAddPath: new RegExp(`ADD-PATH\\n(?: +RX:.*\\n)? +TX:.*${session.family}`).test(capabilities),
      isRouteRefresh: isAgreed('Route refresh'),
      lastDown: field('Last error'),
      bfd: session.purpose === 'bfd' ? await this.#bfd(session) : undefined,
    }
  }

  readonly routes = async (session: Session): Promise<readonly RouteView[]> => {
    const protocol = await this.#protocol(session)
    const name = protocol.split(' ')[0] ?? ''
    if (name === '') return []
    const text = await this.#router.show(`show route all protocol ${name}`)
    const isStale = protocol.includes('Neighbor graceful restart active')
    // A prefix is named once, also where it has several routes.
    return text
      .split(/^(?=[\da-f])/m)
      .filter((block) => /^[\da-f:.]+\/\d+ /.test(block))
      .map((block) => ({
        address: block.split('/')[0] ?? '',
        nextHop: /BGP\.next_hop: (\S+)/.exec(block)?.[1] ?? '',
        asPath: /BGP\.as_path: ?(.*)/.exec(block)?.[1] ?? '',
        largeCommunities: [...block.matchAll(/\(\d+, \d+, \d+\)/g)].length,
        pathId: undefined,
        isStale,
      }))
  }

  readonly received = async (session: Session): Promise<number> =>
    Number(/Import updates: +(\d+)/.exec(await this.#protocol(session))?.[1] ?? 0)

  readonly refresh = async (session: Session): Promise<void> => {
    const name = (await this.#protocol(session)).split(' ')[0] ?? ''
    await this.#router.show(`reload in ${name}`)
  }

  /** What BIRD says of the protocol of a session: for one that a range accepted it makes a protocol of its own. */
  async #protocol(session: Session): Promise<string> {
    const pattern = session.purpose === 'dynamic' ? `"${protocolName(session)}_*"` : protocolName(session)
    const text = await this.#router.show(`show protocols all ${pattern}`)
    return text.split(/^(?=\S)/m).find((one) => one.includes(`Neighbor address: ${session.nodeAddress}\n`)) ?? ''
  }

  #establishments(session: Session): number {
    const line = new RegExp(`<TRACE> ${protocolName(session)}(?:_\\d+)?: BGP session established`, 'g')
    return [...this.#router.process.output().matchAll(line)].length
  }

  async #bfd({ nodeAddress }: Session): Promise<string> {
    const lines = (await this.#router.show('show bfd sessions')).split('\n')
    return lines.find((line) => line.startsWith(`${nodeAddress} `))?.split(/ +/)[2] ?? 'none'
  }
}

const protocolName = ({ name }: Session): string => name.replaceAll('-', '_')

function configuration(sessions: readonly Session[]): string {
  return [
    'log stderr all;',
    `router id ${routerId};`,
    'debug protocols { states, events };',
    'protocol device { }',
    'protocol direct { ipv4; ipv6; }',
    'protocol kernel { ipv4 { import none; export all; }; merge paths yes; }',
    'protocol kernel { ipv6 { import none; export all; }; merge paths yes; }',
    `protocol bfd { interface "*" { interval ${bfdIntervalMs} ms; multiplier ${bfdMultiplier}; }; }`,
    ...sessions.flatMap(protocolLines),
    '',
  ].join('\n')
}

function protocolLines(session: Session): readonly string[] {
  const { purpose, nodeAsn, nodeAddress, routerAddress, network, transport, family } = session
  const isDynamic = purpose === 'dynamic'
  const own: Readonly<Partial<Record<Session['purpose'], readonly string[]>>> = {
    md5: [`  password "${password}";`],
    gtsm: ['  ttl security on;'],
    bfd: ['  bfd on;'],
    dynamic: [`  dynamic name "${protocolName(session)}_";`],
  }
  return [
    `protocol bgp ${protocolName(session)} {`,
    `  local ${routerAddress} as ${routerAsn};`,
    `  neighbor ${isDynamic ? `range ${network}` : nodeAddress} as ${nodeAsn};`,
    '  direct;',
    `  hold time ${holdTimeSeconds};`,
    '  connect delay time 1;',
    '  connect retry time 1;',
    '  error wait time 1, 2;',
    '  enable extended messages on;',
    ...(purpose === 'collision' ? [] : ['  passive yes;']),
    ...(own[purpose] ?? []),
    `  ${family} {`,
    '    import all;',
    '    export none;',
    '    add paths rx;',
    ...(transport === 'IPv4 over IPv6' ? ['    extended next hop on;'] : []),
    '  };',
    '}',
  ]
}
