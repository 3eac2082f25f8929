import type { CodecContext, Peer, PeerConfig, PeerOutput, Route, RouteAttributes } from '@holdfast/bgp'
import { createPeer, encodeMessage, initialContext, plainSession, step } from '@holdfast/bgp'
import { hostPrefix, ipv4 } from '@holdfast/ip'

/** What a full set costs in an Established session: from the `desire` input to UPDATEs, and to bytes. */
export interface OutboundTiming {
  readonly name: string
  readonly medianMs: number
  readonly repetitions: number
  readonly updates: number
}

const config: PeerConfig = {
  localAsn: 65010,
  remoteAsn: 65020,
  routerId: 0x0a000001,
  ...plainSession,
  families: ['ipv4'],
}

const context: CodecContext = {
  ...initialContext,
  isFourOctetAs: true,
  isInternal: false,
  localAddress: ipv4(0xc0000201),
  families: ['ipv4'],
}

const attributes: RouteAttributes = {
  origin: 'igp',
  localPref: undefined,
  med: undefined,
  communities: [0xfde80001],
  largeCommunities: [],
  extendedCommunities: [],
  prepend: 0,
  nextHop: undefined,
}

/** `count` host routes. Their attributes are one object or, as from a caller who takes no care, equal ones. */
const routesOf = (count: number, isShared: boolean): readonly Route[] =>
  Array.from({ length: count }, (_, index) => ({
    prefix: hostPrefix(ipv4(0x0a000000 + index)),
    attributes: isShared ? attributes : { ...attributes, communities: [...attributes.communities] },
  }))

/** A peer whose session is up and that has no routes yet. */
function establishedPeer(): Peer {
  const [local, remote] = [ipv4(0xc0000201), ipv4(0xc0000202)]
  let { peer } = step(createPeer(config, 0), { kind: 'start' }, 0)
  peer = step(peer, { kind: 'connected', role: 'active', local, remote }, 0).peer
  const open = {
    kind: 'open' as const,
    version: 4,
    asn: 65020,
    holdTimeSeconds: 90,
    routerId: 0x0a000002,
    capabilities: [{ kind: 'fourOctetAs' as const, asn: 65020 }],
  }
  peer = step(peer, { kind: 'received', role: 'active', message: open }, 0).peer
  return step(peer, { kind: 'received', role: 'active', message: { kind: 'keepalive' } }, 0).peer
}

function measure(name: string, repetitions: number, run: () => readonly PeerOutput[]): OutboundTiming {
  const times: number[] = []
  let outputs: readonly PeerOutput[] = []
  for (let round = 0; round < repetitions + 3; round += 1) {
    const start = performance.now()
    outputs = run()
    if (round >= 3) times.push(performance.now() - start)
  }
  const medianMs = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  const updates = outputs.filter((output) => output.kind === 'send' && output.message.kind === 'update').length
  return { name, medianMs, repetitions, updates }
}

/** All cases, one after the other. */
export function measureOutbound(repetitions = 15): readonly OutboundTiming[] {
  const idle = establishedPeer()
  const initial = [1000, 10_000, 100_000].flatMap((count) =>
    [true, false].map((isShared) => {
      const routes = routesOf(count, isShared)
      const kind = isShared ? 'shared' : 'equal'
      return measure(
        `${count} routes, ${kind} attributes: diff and pack`,
        repetitions,
        () => step(idle, { kind: 'desire', routes }, 0).outputs,
      )
    }),
  )
  return [...initial, ...[1000, 10_000, 100_000].map((count) => encoded(idle, count, repetitions)), ...changes(idle)]
}

function encoded(idle: Peer, count: number, repetitions: number): OutboundTiming {
  const routes = routesOf(count, true)
  return measure(`${count} routes, shared attributes: diff, pack and encode`, repetitions, () => {
    const { outputs } = step(idle, { kind: 'desire', routes }, 0)
    for (const output of outputs) if (output.kind === 'send') encodeMessage(output.message, context)
    return outputs
  })
}

/** One route of 10,000 comes with another MED; every route, and its attributes, is a new object. */
function changes(idle: Peer): readonly OutboundTiming[] {
  const before = routesOf(10_000, false)
  const { peer } = step(idle, { kind: 'desire', routes: before }, 0)
  const after = routesOf(10_000, false).map((route, index) =>
    index === 5000 ? { ...route, attributes: { ...attributes, med: 7 } } : route,
  )
  return [
    measure('one change among 10,000', 101, () => step(peer, { kind: 'desire', routes: after }, 0).outputs),
    measure(
      'one change among 10,000 in another order',
      101,
      () => step(peer, { kind: 'desire', routes: after.toReversed() }, 0).outputs,
    ),
    measure('the same array of 10,000', 101, () => step(peer, { kind: 'desire', routes: before }, 0).outputs),
  ]
}

if (import.meta.main) {
  for (const { name, medianMs, repetitions, updates } of measureOutbound()) {
    console.log(`${name}: ${medianMs.toFixed(3)} ms, ${updates} UPDATEs (median of ${repetitions})`)
  }
}
