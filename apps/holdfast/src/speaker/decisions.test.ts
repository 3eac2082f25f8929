import type { NodePlan } from '@holdfast/announce'
import { addressKey, parseAddress, parsePrefix } from '@holdfast/ip'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { countConnections, isOurs } from './conntrack.ts'
import { departureOf } from './departure.ts'
import { doubtOf } from './doubt.ts'
import type { Probe } from './kube-proxy-gate.ts'
import { waitForKubeProxy } from './kube-proxy-gate.ts'
import { safeToReboot } from './node-state.ts'
import type { WishInput } from './wish.ts'
import { isHostLeaving, wishOf } from './wish.ts'
import { createWriteQueue } from './write-queue.ts'
import type { Outcome } from './written.ts'

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
}

/** How long the gate stays closed, and whether it was given up. */
async function gate({
  health = 'auto',
  isSameBoot = false,
  uptimeMs = 0,
  answers,
}: GateCase): Promise<readonly [number, boolean]> {
  const clock = createVirtualClock()
  let asked = 0
  let result: readonly [number, boolean] | undefined
  const probe = (): Promise<Probe> => {
    asked += 1
    return Promise.resolve(answers[Math.min(asked, answers.length) - 1] ?? { kind: 'refused' })
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

test('the gate opens as soon as kube-proxy is ready', async () => {
  const answers: readonly Probe[] = [
    { kind: 'refused' },
    { kind: 'answered', status: 503 },
    { kind: 'answered', status: 200 },
  ]
  assert.deepEqual(await gate({ answers }), [500, false])
})
test('the gate is given up after 30 s', async () => {
  assert.deepEqual(await gate({ answers: [{ kind: 'answered', status: 503 }] }), [30_000, true])
})
test('a host that has been up for long and where nobody listens has no kube-proxy', async () => {
  assert.deepEqual(await gate({ answers: [{ kind: 'refused' }], uptimeMs: 3_600_000 }), [0, false])
})
test('a host that was just booted may have started us first', async () => {
  const [ms] = await gate({ answers: [{ kind: 'refused' }, { kind: 'refused' }, { kind: 'answered', status: 200 }] })
  assert.equal(ms, 500)
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
  ['', false],
]
test('connections to our addresses are told from all other lines of the kernel’s table', () => {
  for (const [line, expected] of lines) assert.equal(isOurs(line, keys, new Map()), expected, line)
})

test('nothing to look for is nothing found', async () => {
  assert.deepEqual(await countConnections([]), { kind: 'counted', count: 0 })
})

test('safe to reboot: only where all is withdrawn, and with the number of connections', () => {
  const wish = { cause: 'requested', message: '', isForced: false } as const
  const gone = { phase: 'Withdrawn', sinceMs: 0, wish } as const
  const saying = (...input: Parameters<typeof safeToReboot>): string => {
    const { status, reason } = safeToReboot(...input)
    return `${status} ${reason}`
  }
  assert.equal(saying({ phase: 'Active', sinceMs: 0 }, undefined), 'False Announcing')
  assert.equal(
    saying({ ...gone, phase: 'GracefulShutdown', untilMs: 0 }, { kind: 'counted', count: 0 }),
    'False GracefulShutdown',
  )
  assert.equal(
    saying({ ...gone, phase: 'HeldBack', held: new Map(), checkAtMs: 0 }, { kind: 'counted', count: 0 }),
    'False HeldBack',
  )
  assert.equal(saying(gone, undefined), 'False CountingConnections')
  assert.equal(saying(gone, { kind: 'counted', count: 2 }), 'False ConnectionsRemain')
  assert.equal(saying(gone, { kind: 'counted', count: 0 }), 'True NoConnections')
  const unknown = safeToReboot(gone, { kind: 'unknown', reason: 'permission denied' })
  assert.equal(unknown.status, 'True')
  assert.match(unknown.message, /not known: permission denied/)
})

test('the write queue writes each key once however often it was wanted, and a failed one later and later', async () => {
  const clock = createVirtualClock()
  const written: (readonly [string, number])[] = []
  let failures = 3
  const queue = createWriteQueue({
    clock,
    random: () => 0.999,
    perSecond: 1,
    burst: 2,
    reconcile: (key): Promise<Outcome> => {
      written.push([key, Math.round(clock.now() / 1000)])
      if (key !== 'bad' || failures === 0) return Promise.resolve({ kind: 'done' })
      failures -= 1
      const fault = { kind: 'fault', code: 'serverError', status: 500, message: '', retryAfterMs: undefined } as const
      return Promise.resolve({ kind: 'failed', fault })
    },
  })
  queue.add(['bad', 'a', 'b', 'a'])
  queue.add(['a'])
  for (let turn = 0; turn < 200 && queue.size() > 0; turn += 1) {
    await setImmediate()
    clock.advanceToNext()
  }
  assert.deepEqual(written, [
    ['bad', 0],
    ['a', 0],
    ['b', 1],
    ['bad', 2],
    ['bad', 4],
    ['bad', 8],
  ])
})
