import type { NodePlan } from '@holdfast/announce'
import { addressKey, parseAddress, parsePrefix } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import type { Connections } from './conntrack.ts'
import { countConnections, isOurs } from './conntrack.ts'
import { departureOf } from './departure.ts'
import { doubtOf } from './doubt.ts'
import type { Probe } from './kube-proxy-gate.ts'
import { waitForKubeProxy } from './kube-proxy-gate.ts'
import { safeToReboot } from './node-state.ts'
import type { WishInput } from './wish.ts'
import { isHostLeaving, wishOf } from './wish.ts'

const routesOf = (peers: Readonly<Record<string, number>>): NodePlan['routes'] =>
  new Map(
    Object.entries(peers).map(([peer, count]) => [
      peer,
      Array.from({ length: count }, (_, index) => {
        const prefix = parsePrefix(`192.0.2.${index}/32`)
        assert.ok(prefix.ok)
        return { prefix: prefix.value, localPref: undefined, communities: [] }
      }),
    ]),
  )

const doubts: readonly (readonly [string, Record<string, number>, Record<string, number>, number | undefined])[] = [
  ['half of them is not more than half', { a: 8 }, { a: 4 }, undefined],
  ['more than half is', { a: 8 }, { a: 3 }, 5],
  ['three are never doubted', { a: 3 }, { a: 0 }, undefined],
  ['a peer that is gone loses all', { a: 8, b: 8 }, { a: 8 }, 8],
  ['routes that come are no loss', { a: 4 }, { a: 100 }, undefined],
]
for (const [name, before, after, withdrawn] of doubts) {
  test(`doubt: ${name}`, () => {
    assert.equal(doubtOf(routesOf(before), routesOf(after), 0.5)?.withdrawn, withdrawn)
  })
}

const node = (more: object): WishInput => ({
  node: more,
  isNodeGone: false,
  drain: undefined,
  ignoreExcludeLB: false,
  drainOnCordon: false,
})
const shuttingDown = {
  status: {
    conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' }],
  },
}
const wishes: readonly (readonly [string, WishInput, string | undefined, boolean])[] = [
  ['a plain node', node({}), undefined, false],
  [
    'a node that is not Ready for another reason',
    node({
      status: {
        conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'PLEG is not healthy' }],
      },
    }),
    undefined,
    false,
  ],
  ['the kubelet’s graceful shutdown', node(shuttingDown), 'kubeletShutdown', true],
  [
    'a Node that is being deleted',
    node({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    'nodeDeleted',
    true,
  ],
  ['a Node that is gone', { ...node({}), isNodeGone: true }, 'nodeDeleted', true],
  ['a cordoned node', node({ spec: { unschedulable: true } }), undefined, false],
  ['a cordoned node, opted in', { ...node({ spec: { unschedulable: true } }), drainOnCordon: true }, 'cordoned', false],
  ['a drain that was asked for', { ...node({}), drain: { requestedAt: '' } }, 'requested', false],
  [
    'a taint of another kind',
    node({ spec: { taints: [{ key: 'node.kubernetes.io/not-ready' }, { key: 'constructor' }] } }),
    undefined,
    false,
  ],
  ['what is no Node at all', node([1, 'x', null]), undefined, false],
]
for (const [name, input, cause, isLeaving] of wishes) {
  test(`leaving: ${name}`, () => {
    assert.equal(wishOf(input)?.cause, cause)
    assert.equal(isHostLeaving(input), isLeaving)
  })
}

test('signals: a rollout keeps the routes, a node that goes away does not (ADR 10)', () => {
  const way = (
    signal: 'SIGTERM' | 'SIGINT' | 'SIGUSR2',
    isHostLeaving: boolean,
    phase: 'Active' | 'HeldBack' | 'Withdrawn',
  ) => departureOf({ signal, isHostLeaving, phase }).way
  assert.equal(way('SIGTERM', false, 'Active'), 'restart')
  assert.equal(way('SIGTERM', true, 'Active'), 'leave')
  assert.equal(way('SIGTERM', false, 'HeldBack'), 'restart')
  assert.equal(way('SIGTERM', false, 'Withdrawn'), 'leave')
  assert.equal(way('SIGUSR2', true, 'Active'), 'restart')
  assert.equal(way('SIGINT', false, 'Active'), 'leave')
})

interface GateCase {
  readonly health?: string
  readonly isSameBoot?: boolean
  readonly uptimeMs?: number
  readonly answers: readonly Probe[]
  /** What the metrics answer, one after the other; nobody answers there unless given. */
  readonly metrics?: readonly Probe[]
}

/** How long the gate stays closed, and whether it was given up. */
async function gate({
  health = 'auto',
  isSameBoot = false,
  uptimeMs = 0,
  answers,
  metrics = [],
}: GateCase): Promise<readonly [number, boolean]> {
  const clock = createVirtualClock()
  const asked = new Map<readonly Probe[], number>()
  let result: readonly [number, boolean] | undefined
  const probe = (url: string): Promise<Probe> => {
    const of = url === 'http://127.0.0.1:10249/metrics' ? metrics : answers
    const index = asked.get(of) ?? 0
    asked.set(of, index + 1)
    return Promise.resolve(of[Math.min(index, of.length - 1)] ?? { kind: 'refused' })
  }
  void waitForKubeProxy({ health, isSameBoot, hostUptimeMs: uptimeMs, clock, probe, wait: () => undefined }).then(
    ({ isLate }) => (result = [clock.now(), isLate]),
  )
  for (let turn = 0; result === undefined && turn < 1000; turn += 1) {
    await setImmediate()
    clock.advanceToNext()
  }
  assert.ok(result)
  return result
}

const healthy: Probe = { kind: 'answered', status: 200 }
const metricsOf = (...lines: readonly string[]): Probe => ({
  kind: 'answered',
  status: 200,
  text: ['# TYPE kubeproxy_x counter', ...lines.map((line) => `kubeproxy_sync_proxy_rules_${line}`), ''].join('\n'),
})
const begun = [
  'last_queued_timestamp_seconds{ip_family="IPv4"} 1.7e+09',
  'last_queued_timestamp_seconds{ip_family="IPv6"} 1.7e+09',
]

test('the gate opens as soon as kube-proxy is ready and shows no metrics when asked twice', async () => {
  const answers: readonly Probe[] = [{ kind: 'refused' }, { kind: 'answered', status: 503 }, healthy]
  assert.deepEqual(await gate({ answers }), [750, false])
})
test('kube-proxy says 200 before it has made its rules: the gate waits for those of every family', async () => {
  const metrics = [
    { kind: 'refused' } as const,
    metricsOf(),
    metricsOf(...begun),
    metricsOf(...begun, 'last_timestamp_seconds{ip_family="IPv4"} 1.7e+09'),
    metricsOf(
      ...begun,
      'last_timestamp_seconds{ip_family="IPv4"} 1.7e+09',
      'last_timestamp_seconds{ip_family="IPv6"} 1.7e+09',
    ),
  ]
  assert.deepEqual(await gate({ answers: [healthy], metrics }), [1000, false])
})
test('an older kube-proxy has one figure for both families, 0 until its rules are made', async () => {
  const metrics = [0, 0, 1.7e9].map((seconds) =>
    metricsOf('last_queued_timestamp_seconds 1.7e+09', `last_timestamp_seconds ${seconds}`),
  )
  assert.deepEqual(await gate({ answers: [healthy], metrics }), [500, false])
})
test('a kube-proxy that never makes its rules is waited for 30 s', async () => {
  assert.deepEqual(await gate({ answers: [healthy], metrics: [metricsOf(...begun)] }), [30_000, true])
})
test('metrics of something else at that place are none of kube-proxy', async () => {
  const metrics: readonly Probe[] = [{ kind: 'answered', status: 200, text: 'node_load1 0.5\n' }]
  assert.deepEqual(await gate({ answers: [healthy], metrics }), [250, false])
})
test('the gate is given up after 30 s', async () => {
  assert.deepEqual(await gate({ answers: [{ kind: 'answered', status: 503 }] }), [30_000, true])
})
test('a host that has been up for long and where nobody listens has no kube-proxy', async () => {
  assert.deepEqual(await gate({ answers: [{ kind: 'refused' }], uptimeMs: 3_600_000 }), [0, false])
})
test('a host that was just booted may have started us first', async () => {
  const [ms] = await gate({ answers: [{ kind: 'refused' }, { kind: 'refused' }, healthy] })
  assert.equal(ms, 750)
})
test('a URL that was named is waited for also where nobody listens', async () => {
  assert.deepEqual(await gate({ health: 'http://127.0.0.1:1/', answers: [{ kind: 'refused' }], uptimeMs: 3_600_000 }), [
    30_000,
    true,
  ])
})

const keys = new Set(
  ['192.0.2.10', '2001:db8::10'].map((text) => {
    const address = parseAddress(text)
    assert.ok(address.ok)
    return addressKey(address.value)
  }),
)
const lines: readonly (readonly [string, boolean])[] = [
  [
    'ipv4     2 tcp      6 431999 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport=40000 dport=80 src=10.244.0.2 dst=10.0.0.11 sport=8080 dport=40000 [ASSURED] mark=0 use=1',
    true,
  ],
  [
    'tcp      6 431999 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport=40000 dport=80 src=10.244.0.2 dst=10.0.0.11 sport=8080 dport=40000 [ASSURED] mark=0 use=1',
    true,
  ],
  [
    'ipv4     2 tcp      6 110 TIME_WAIT src=198.51.100.7 dst=192.0.2.10 sport=40000 dport=80 src=10.244.0.2 dst=10.0.0.11 sport=8080 dport=40000 [ASSURED] mark=0 use=1',
    false,
  ],
  [
    'ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.10 dst=198.51.100.7 sport=40000 dport=80 src=198.51.100.7 dst=192.0.2.10 sport=80 dport=40000 [ASSURED] use=1',
    false,
  ],
  [
    'ipv6     10 tcp      6 431999 ESTABLISHED src=2001:0db8:0000:0000:0000:0000:0000:0007 dst=2001:0db8:0000:0000:0000:0000:0000:0010 sport=1 dport=80 src=fd00::1 dst=fd00::2 sport=80 dport=1 [ASSURED] use=1',
    true,
  ],
  [
    'ipv4     2 udp      17 170 src=198.51.100.7 dst=192.0.2.10 sport=5000 dport=53 src=10.244.0.2 dst=10.0.0.11 sport=53 dport=5000 [ASSURED] use=1',
    true,
  ],
  [
    'ipv4     2 udp      17 20 src=198.51.100.7 dst=192.0.2.10 sport=5000 dport=53 [UNREPLIED] src=192.0.2.10 dst=198.51.100.7 sport=53 dport=5000 use=1',
    false,
  ],
  [
    'ipv4     2 tcp      6 src=198.51.100.7 dst=192.0.2.10 sport=40000 dport=80 src=10.244.0.2 dst=10.0.0.11 sport=8080 dport=40000 [OFFLOAD] mark=0 use=3',
    true,
  ],
  ['', false],
]
test('connections to our addresses are told from all other lines of the kernel’s table', () => {
  for (const [line, expected] of lines) assert.equal(isOurs(line, keys, new Map()), expected, line)
})

const counted = (count: number, silent: number): Connections => ({ kind: 'counted', count, silent, silenceSeconds: 60 })

test('nothing to look for is nothing found', async () => {
  assert.deepEqual(await countConnections([], 60), counted(0, 0))
})

test('safe to reboot: only where all is withdrawn, and with the number of connections', () => {
  const wish = { cause: 'requested', message: '', isForced: false } as const
  const gone = { phase: 'Withdrawn', sinceMs: 0, wish } as const
  const saying = (...input: Parameters<typeof safeToReboot>): string => {
    const { status, reason } = safeToReboot(...input)
    return `${status} ${reason}`
  }
  assert.equal(saying({ phase: 'Active', sinceMs: 0 }, undefined), 'False Announcing')
  assert.equal(saying({ ...gone, phase: 'GracefulShutdown', untilMs: 0 }, counted(0, 0)), 'False GracefulShutdown')
  assert.equal(saying({ ...gone, phase: 'HeldBack', held: new Map(), checkAtMs: 0 }, counted(0, 0)), 'False HeldBack')
  assert.equal(saying(gone, undefined), 'False CountingConnections')
  assert.equal(saying(gone, counted(2, 0)), 'False ConnectionsRemain')
  assert.equal(saying(gone, counted(0, 0)), 'True NoConnections')
  assert.equal(saying(gone, counted(5, 3)), 'False ConnectionsRemain')
  assert.equal(saying(gone, counted(3, 3)), 'True SilentConnectionsOnly')
  assert.equal(saying({ ...gone, phase: 'HeldBack', held: new Map(), checkAtMs: 0 }, counted(3, 3)), 'False HeldBack')
  const messages: readonly (readonly [count: number, silent: number, message: string])[] = [
    [1, 0, '1 connection is left'],
    [
      5,
      3,
      '2 connections are left, 3 more have been silent for over 60 s: the router may have moved them, or they are idle',
    ],
    [3, 3, '3 connections have been silent for over 60 s: the router may have moved them, or they are idle'],
    [1, 1, '1 connection has been silent for over 60 s: the router may have moved it, or it is idle'],
  ]
  for (const [count, silent, message] of messages)
    assert.equal(safeToReboot(gone, counted(count, silent)).message, `nothing is announced; ${message}`)
  const unknown = safeToReboot(gone, { kind: 'unknown', reason: 'permission denied' })
  assert.equal(unknown.status, 'True')
  assert.match(unknown.message, /not known: permission denied/)
})
