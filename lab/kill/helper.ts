import { BirdRouter } from '../harness/bird.ts'
import type { Fabric } from '../harness/fabric.ts'
import { FrrRouter } from '../harness/frr.ts'
import { run } from '../harness/command.ts'
import { frrDaemons } from '../harness/capability.ts'

export const routerAsn = 64512
export const nodeAsn = 64500
export const holdTimeSeconds = 9

/** What the router says of a node that came back. */
export interface Restart {
  /** The R bit (RFC 4724 section 3), on the sessions of both families. */
  readonly isRestartSeen: boolean
  /** End-of-RIB, of both families. */
  readonly isComplete: boolean
  /** Still waits for routes to be said again. */
  readonly isStale: boolean
}

/** A router that keeps a node's routes over a restart (RFC 4724), and forwards by the kernel. */
export interface Helper {
  readonly name: string
  readonly version: string
  /** How often sessions with this address came up so far. */
  readonly established: (address: string) => number
  readonly restart: (node: { readonly ipv4: string; readonly ipv6: string }) => Promise<Restart>
  /** The communities of the route to a VIP that came from this address, in its own writing; undefined: no such route. */
  readonly communities: (vip: string, from: string) => Promise<string | undefined>
  /** What it logged of messages from this address, in order: `withdrawn`, and the names of NOTIFICATIONs. */
  readonly farewell: (address: string) => readonly string[]
  /** GRACEFUL_SHUTDOWN (RFC 8326) as it writes it. */
  readonly gracefulShutdown: string
}

export type HelperName = 'FRR' | 'BIRD'

/** With BFD where it has a part in the session; FRR only. */
export function startHelper(name: HelperName, fabric: Fabric, hasBfd: boolean): Promise<Helper> {
  return name === 'FRR' ? startFrr(fabric, hasBfd) : startBird(fabric)
}

async function startFrr(fabric: Fabric, hasBfd: boolean): Promise<Helper> {
  const addresses = fabric.nodes.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
  const family = (wanted: 'ipv4' | 'ipv6'): readonly string[] => [
    ` address-family ${wanted} unicast`,
    ...fabric.nodes.map((node) => `  neighbor ${node[wanted]} activate`),
    '  maximum-paths 16',
    ' exit-address-family',
  ]
  const configuration = [
    'hostname router',
    'log timestamp precision 3',
    'debug bgp neighbor-events',
    'debug bgp updates in',
    `router bgp ${routerAsn}`,
    ' bgp router-id 10.0.0.1',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' bgp log-neighbor-changes',
    ' bgp graceful-restart notification',
    ' bgp bestpath as-path multipath-relax',
    ...addresses.flatMap((address) => [
      ` neighbor ${address} remote-as ${nodeAsn}`,
      ` neighbor ${address} timers ${holdTimeSeconds / 3} ${holdTimeSeconds}`,
      ` neighbor ${address} timers connect 1`,
      ` neighbor ${address} passive`,
      ...(hasBfd ? [` neighbor ${address} bfd`] : []),
    ]),
    ...family('ipv4'),
    ...family('ipv6'),
    '',
  ].join('\n')
  const router = await FrrRouter.configured(fabric.lab, fabric.router, {
    configuration,
    isListening: true,
    hasBfd,
  })
  const restartOf = async (address: string): Promise<Restart> => {
    const view = (await router.show(`show bgp neighbors ${address} json`)).at(address)
    const family = address.includes(':') ? 'ipv6' : 'ipv4'
    const info = view.at('gracefulRestartInfo')
    const routes = (await router.show(`show bgp ${family} unicast json`)).at('routes')
    const paths = routes.keys().flatMap((prefix) => routes.at(prefix).list())
    return {
      isRestartSeen: info.at('rBit').isTrue(),
      isComplete: info.at('endOfRibRecv').at(`${family}Unicast`).isTrue(),
      isStale: paths.some((path) => path.at('stale').isTrue()),
    }
  }
  return {
    name: 'FRR',
    version: /version ([\d.]+)/.exec(await run(`${frrDaemons}/bgpd`, '--version'))?.[1] ?? '',
    established: (address) => occurrences(router.log(), new RegExp(`ADJCHANGE: neighbor ${address}\\(.*\\) .*Up`, 'g')),
    restart: async ({ ipv4, ipv6 }) => both(await restartOf(ipv4), await restartOf(ipv6)),
    communities: async (vip, from) => {
      const [family, length] = vip.includes(':') ? (['ipv6', 128] as const) : (['ipv4', 32] as const)
      const paths = (await router.show(`show bgp ${family} unicast ${vip}/${length} json`)).at('paths').list()
      const path = paths.find((one) => one.at('peer').at('peerId').text() === from)
      return path?.at('community').at('string').textOr('')
    },
    farewell: (address) =>
      collapse(router.log(), [
        [new RegExp(`${address}(?:\\(.*?\\))? rcvd UPDATE about \\S+.* -- withdrawn`), 'withdrawn'],
        [new RegExp(`%NOTIFICATION(\\(Hard Reset\\))?: received from neighbor ${address} \\S+ \\((.*?)\\)`), undefined],
      ]),
    gracefulShutdown: 'graceful-shutdown',
  }
}

async function startBird(fabric: Fabric): Promise<Helper> {
  const names = new Map(
    fabric.nodes.flatMap(({ name, ipv4, ipv6 }) =>
      [ipv4, ipv6].map((address) => [address, `${name}_${address.includes(':') ? 'v6' : 'v4'}`.replaceAll('-', '_')]),
    ),
  )
  const nameOf = (address: string): string => names.get(address) ?? ''
  const configuration = [
    'log stderr all;',
    'timeformat log iso long ms;',
    'router id 10.0.0.1;',
    'protocol device { }',
    'protocol direct { ipv4; ipv6; }',
    'protocol kernel { ipv4 { import none; export all; }; merge paths yes; }',
    'protocol kernel { ipv6 { import none; export all; }; merge paths yes; }',
    ...[...names].flatMap(([address, name]) => [
      `protocol bgp ${name} {`,
      '  debug all;',
      `  local ${address.includes(':') ? 'fd00:0:0:1::1' : '10.0.0.1'} as ${routerAsn};`,
      `  neighbor ${address} as ${nodeAsn};`,
      '  direct;',
      '  passive yes;',
      `  hold time ${holdTimeSeconds};`,
      '  error wait time 1, 2;',
      `  ${address.includes(':') ? 'ipv6' : 'ipv4'} { import all; export none; };`,
      '}',
    ]),
    '',
  ].join('\n')
  const router = await BirdRouter.start(fabric.lab, fabric.router, configuration)
  const log = (): string => router.process.output()
  const restartOf = async (address: string): Promise<Restart> => {
    const name = nameOf(address)
    const text = await router.show(`show protocols all ${name}`)
    const events = log()
      .split('\n')
      .filter((line) => line.includes(`${name}:`))
    const up = events.findLastIndex((line) => line.includes('BGP session established'))
    return {
      isRestartSeen: text.includes('Restart recovery'),
      isComplete: events.slice(up).some((line) => line.includes('Got END-OF-RIB')),
      isStale: text.includes('Neighbor graceful restart active'),
    }
  }
  return {
    name: 'BIRD',
    version: /[\d.]+/.exec(await run('sh', '-c', '/usr/sbin/bird --version 2>&1'))?.[0] ?? '',
    established: (address) => occurrences(log(), new RegExp(`${nameOf(address)}: BGP session established`, 'g')),
    restart: async ({ ipv4, ipv6 }) => both(await restartOf(ipv4), await restartOf(ipv6)),
    communities: async (vip, from) => {
      const text = await router.show(`show route all for ${vip} protocol ${nameOf(from)}`)
      return text.includes('BGP.origin') ? (/BGP\.community: (.*)/.exec(text)?.[1] ?? '') : undefined
    },
    farewell: (address) =>
      collapse(log(), [
        [new RegExp(`${nameOf(address)}\\.\\S+ > removed`), 'withdrawn'],
        [new RegExp(`<RMT> ${nameOf(address)}: Received: (.*)`), undefined],
      ]),
    gracefulShutdown: '(65535,0)',
  }
}

/** What lines of a log are called, or their groups; the same several times over is once. */
function collapse(log: string, patterns: readonly (readonly [RegExp, string | undefined])[]): readonly string[] {
  const words = log.split('\n').flatMap((line) =>
    patterns.flatMap(([pattern, name]) => {
      const found = pattern.exec(line)
      return found === null ? [] : [name ?? found.slice(1).filter(Boolean).join(' ')]
    }),
  )
  return words.filter((word, index) => word !== words[index - 1])
}

const occurrences = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length

const both = (one: Restart, other: Restart): Restart => ({
  isRestartSeen: one.isRestartSeen && other.isRestartSeen,
  isComplete: one.isComplete && other.isComplete,
  isStale: one.isStale || other.isStale,
})
