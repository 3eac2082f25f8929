import type { PeerView } from '../peers/view.ts'
import type { MetricFamily, Sample } from './exposition.ts'

/** A metric of every session: how it is read off one; undefined: this session has none. */
interface SessionMetric {
  /** Without its prefix: `bgp_session_up`. */
  readonly name: string
  readonly type: MetricFamily['type']
  readonly help: string
  readonly valueOf: (peer: PeerView) => number | undefined
  /** Under which prefixes: MetalLB's name, where it has the metric, and ours. */
  readonly prefixes: readonly ('metallb' | 'holdfast')[]
}

const both = ['metallb', 'holdfast'] as const
const ours = ['holdfast'] as const

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

const counter = (
  name: string,
  help: string,
  valueOf: SessionMetric['valueOf'],
  prefixes = both as SessionMetric['prefixes'],
): SessionMetric => ({
  name,
  type: 'counter',
  help,
  valueOf,
  prefixes,
})

const gauge = (
  name: string,
  help: string,
  valueOf: SessionMetric['valueOf'],
  prefixes = both as SessionMetric['prefixes'],
): SessionMetric => ({
  ...counter(name, help, valueOf, prefixes),
  type: 'gauge',
})

const sent = (message: string) => (peer: PeerView) => peer.messages.sent[message] ?? 0
const received = (message: string) => (peer: PeerView) => peer.messages.received[message] ?? 0
const bfd = (value: (view: NonNullable<PeerView['bfd']>) => number) => (peer: PeerView) =>
  peer.bfd === null ? undefined : value(peer.bfd)

/** The names after `metallb_` are those of MetalLB's native, FRR and FRR-K8s back-ends, which its dashboards and alerts query. */
const metrics: readonly SessionMetric[] = [
  gauge('bgp_session_up', '1 while the BGP session is Established, else 0.', ({ state }) =>
    state === 'Established' ? 1 : 0,
  ),
  gauge(
    'bgp_announced_prefixes_total',
    'Prefixes that the peer has been sent and that are not withdrawn.',
    ({ routes }) => routes.sent,
  ),
  gauge('bgp_pending_prefixes_total', 'Prefixes that the peer is to have and has not been sent.', ({ routes }) =>
    Math.max(0, routes.offered - routes.sent),
  ),
  counter('bgp_updates_total', 'UPDATE messages sent.', sent('update')),
  counter('bgp_updates_total_received', 'UPDATE messages received.', received('update')),
  counter('bgp_opens_sent', 'OPEN messages sent.', sent('open')),
  counter('bgp_opens_received', 'OPEN messages received.', received('open')),
  counter('bgp_notifications_sent', 'NOTIFICATION messages sent.', sent('notification')),
  counter('bgp_notifications_received', 'NOTIFICATION messages received.', received('notification'), ours),
  counter('bgp_keepalives_sent', 'KEEPALIVE messages sent.', sent('keepalive')),
  counter('bgp_keepalives_received', 'KEEPALIVE messages received.', received('keepalive')),
  counter('bgp_route_refresh_sent', 'ROUTE-REFRESH messages sent.', sent('routeRefresh')),
  counter('bgp_route_refresh_received', 'ROUTE-REFRESH messages received.', received('routeRefresh'), ours),
  counter('bgp_total_sent', 'BGP messages sent.', ({ messages }) => total(messages.sent)),
  counter('bgp_total_received', 'BGP messages received.', ({ messages }) => total(messages.received)),
  counter('bgp_sent_bytes_total', 'Bytes of BGP sent.', ({ bytes }) => bytes.sent, ours),
  counter('bgp_received_bytes_total', 'Bytes of BGP received.', ({ bytes }) => bytes.received, ours),
  gauge('bgp_waiting_bytes', 'Bytes that wait for the peer to take them.', ({ bytes }) => bytes.waiting, ours),
  gauge(
    'bgp_received_prefixes',
    'Prefixes received, where there is a prefix limit.',
    ({ routes }) => routes.received ?? undefined,
    ours,
  ),
  counter(
    'bgp_session_established_total',
    'How often the session became Established.',
    ({ counts }) => counts.established,
    ours,
  ),
  counter('bgp_dials_total', 'How many connections were begun.', ({ counts }) => counts.dials, ours),
  counter(
    'bgp_update_faults',
    'Faulty UPDATEs of the present session that did not cost it (RFC 7606).',
    ({ updateFaults }) => updateFaults.count,
    ours,
  ),
  gauge(
    'bfd_session_up',
    '1 while the BFD session is Up, else 0.',
    bfd(({ state }) => (state === 'up' ? 1 : 0)),
  ),
  counter(
    'bfd_control_packet_input',
    'BFD control packets received.',
    bfd(({ counters }) => counters.received),
  ),
  counter(
    'bfd_control_packet_output',
    'BFD control packets sent.',
    bfd(({ counters }) => counters.sent),
  ),
  counter(
    'bfd_session_up_events',
    'How often BFD came Up.',
    bfd(({ counters }) => counters.upCount),
  ),
  counter(
    'bfd_session_down_events',
    'How often BFD went Down.',
    bfd(({ counters }) => counters.downCount),
  ),
]

/** The metrics of all sessions, labelled as MetalLB's: `peer` is `address:port`. Ours name node and BGPPeer besides. */
export const sessionMetrics = (peers: readonly PeerView[]): readonly MetricFamily[] =>
  metrics.flatMap((metric) =>
    metric.prefixes.map((prefix) => ({
      name: `${prefix}_${metric.name}`,
      type: metric.type,
      help: metric.help,
      samples: peers.flatMap((peer) => sample(metric, peer, prefix)),
    })),
  )

function sample({ valueOf }: SessionMetric, peer: PeerView, prefix: 'metallb' | 'holdfast'): readonly Sample[] {
  const value = valueOf(peer)
  if (value === undefined) return []
  const labels = { peer: peer.remote, ...(peer.vrf === null ? {} : { vrf: peer.vrf }) }
  return [{ value, labels: prefix === 'metallb' ? labels : { ...labels, name: peer.peer, node: peer.node } }]
}
