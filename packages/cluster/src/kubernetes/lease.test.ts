import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createVirtualClock, type Clock, type VirtualClock } from '@holdfast/runtime'
import { createRandom, pass, settle } from '../testing/virtual-time.ts'
import { createLeaderElection, leaseTiming, type LeaderElection, type LeadershipChange } from './lease.ts'
import { apiFault, createMemoryApi, type MemoryApi, type MemoryClient } from './memory-api.ts'
import { resourceTypes } from './resource-types.ts'

const lease = { namespace: 'holdfast', name: 'holdfast-controller' }

/** The same time at another rate: 2 passes twice as fast. */
const atRate = (clock: Clock, rate: number): Clock => ({
  now: () => clock.now() * rate,
  after: (ms, run) => clock.after(ms / rate, run),
})

interface Candidate {
  readonly client: MemoryClient
  readonly election: LeaderElection
  readonly changes: LeadershipChange[]
}

function createCandidate(
  api: MemoryApi,
  clock: Clock,
  identity: string,
  { rate = 1, seed = 1, wallTimeMs = () => 1_790_000_000_000 + clock.now() } = {},
): Candidate {
  const client = api.connect()
  const changes: LeadershipChange[] = []
  const election = createLeaderElection({
    api: client,
    clock: atRate(clock, rate),
    random: createRandom(seed),
    lease,
    identity,
    wallTimeMs,
    observe: (change) => changes.push(change),
  })
  return { client, election, changes }
}

const specOf = (api: MemoryApi) => api.read(resourceTypes.Lease, lease)?.['spec'] as Readonly<Record<string, unknown>>

describe('Leader election', () => {
  it('makes the Lease as client-go does, and renews it every 2 s', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { election, changes } = createCandidate(api, clock, 'one')
    election.start()
    await settle()
    assert.deepEqual(changes, [{ kind: 'acquired' }])
    assert.deepEqual(specOf(api), {
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2026-09-21T14:13:20.000000Z',
      renewTime: '2026-09-21T14:13:20.000000Z',
      leaseTransitions: 0,
    })
    api.forgetRequests()
    await pass(clock, 60_100)
    assert.equal(specOf(api)['renewTime'], '2026-09-21T14:14:20.000000Z')
    assert.equal(specOf(api)['acquireTime'], '2026-09-21T14:13:20.000000Z')
    await election.stop()
    assert.equal(clock.pending(), 0)
  })

  it('gives the Lease back at stop, after saying that it is lost, and another takes it within 2.4 s', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const [one, two] = [createCandidate(api, clock, 'one'), createCandidate(api, clock, 'two')]
    one.election.start()
    await settle()
    two.election.start()
    await pass(clock, 10_000)
    assert.deepEqual([one.election.isLeader(), two.election.isLeader(), two.election.holder()], [true, false, 'one'])
    await one.election.stop()
    assert.deepEqual(one.changes.at(-1), { kind: 'lost', reason: 'stopped' })
    assert.equal(specOf(api)['holderIdentity'], '')
    await pass(clock, 2_400)
    assert.deepEqual([two.election.isLeader(), specOf(api)['leaseTransitions']], [true, 1])
    await two.election.stop()
  })

  it('is over for a leader that cannot renew after 10 s, before another takes over, at most 20 s after', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const [one, two] = [createCandidate(api, clock, 'one'), createCandidate(api, clock, 'two')]
    one.election.start()
    await settle()
    two.election.start()
    await pass(clock, 5_000)
    one.client.setOutage('refused')
    const cutMs = clock.now()
    let lostMs = 0
    while (!two.election.isLeader()) {
      await pass(clock, 100)
      assert.ok(!(one.election.isLeader() && two.election.isLeader()))
      if (!one.election.isLeader() && lostMs === 0) lostMs = clock.now()
    }
    assert.ok(lostMs > 0 && lostMs - cutMs <= leaseTiming.renewDeadlineMs + 100)
    assert.ok(clock.now() - cutMs <= 20_000, `${clock.now() - cutMs}`)
    assert.ok(one.changes.some((change) => change.kind === 'lost' && change.reason === 'expired'))
    assert.ok(one.changes.some((change) => change.kind === 'fault'))
    one.client.setOutage(undefined)
    await pass(clock, 10_000)
    assert.equal(one.election.holder(), 'two')
    await one.election.stop()
    await two.election.stop()
    assert.equal(clock.pending(), 0)
  })

  it('tells a process that was stopped for long at its first question that it does not lead', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    let heldMs: number | undefined
    const alarms: (() => void)[] = []
    // While it is stopped its alarms do not ring, but time goes on.
    const stoppable: Clock = {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, () => (heldMs === undefined ? run() : void alarms.push(run))),
    }
    const one = createCandidate(api, stoppable, 'one')
    one.election.start()
    await settle()
    assert.ok(one.election.isLeader())
    heldMs = clock.now()
    await pass(clock, 11_000)
    assert.equal(one.election.isLeader(), false)
    heldMs = undefined
    for (const run of alarms.splice(0)) run()
    await settle()
    assert.ok(one.changes.some(({ kind }) => kind === 'lost'))
    await one.election.stop()
  })

  it('does not believe what the times in the Lease say', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const one = createCandidate(api, clock, 'one', { wallTimeMs: () => 0 })
    const two = createCandidate(api, clock, 'two', { wallTimeMs: () => 4_000_000_000_000 })
    one.election.start()
    await settle()
    two.election.start()
    await pass(clock, 120_000)
    assert.deepEqual([one.election.isLeader(), two.election.isLeader()], [true, false])
    assert.equal(
      two.changes.some(({ kind }) => kind === 'acquired'),
      false,
    )
    await one.election.stop()
    await two.election.stop()
  })

  it('waits for the end of a Lease that it finds, by its own clock', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const spec = { holderIdentity: 'dead', leaseDurationSeconds: 30, renewTime: '2000-01-01T00:00:00.000000Z' }
    api.put(resourceTypes.Lease, { metadata: lease, spec })
    const one = createCandidate(api, clock, 'one')
    one.election.start()
    await pass(clock, 29_900)
    assert.equal(one.election.isLeader(), false)
    await pass(clock, 2_500)
    assert.equal(one.election.isLeader(), true)
    await one.election.stop()
  })

  it('does not wait for an answer until the Lease is lost', async () => {
    for (const when of ['before', 'after'] as const) {
      const clock = createVirtualClock()
      const api = createMemoryApi({ clock })
      const one = createCandidate(api, clock, 'one')
      one.election.start()
      await pass(clock, 3_000)
      const hold = one.client.holdNext({ verbs: ['replace'] }, when)
      await pass(clock, 20_000)
      assert.ok(hold.hasArrived())
      hold.release()
      await pass(clock, 20_000)
      assert.deepEqual(one.changes, [{ kind: 'acquired' }])
      await one.election.stop()
    }
  })

  it('leads where every answer takes 6 s, from the moment of the question, and the Lease stays its own', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const [one, two] = [createCandidate(api, clock, 'one'), createCandidate(api, clock, 'two', { seed: 2 })]
    for (const { client } of [one, two]) client.setLatency(() => 3_000)
    one.election.start()
    await pass(clock, 20_000)
    two.election.start()
    let ledMs = 0
    for (let ms = 0; ms < 120_000; ms += 100) {
      await pass(clock, 100)
      assert.equal(two.election.isLeader(), false)
      if (one.election.isLeader()) ledMs += 100
    }
    // Of each six seconds the last four: a renewal counts for ten from when it was sent.
    assert.ok(ledMs >= 75_000, `${ledMs} ms of 120,000`)
    assert.equal(specOf(api)['leaseTransitions'], 0)
    assert.equal(two.election.holder(), 'one')
    void one.election.stop()
    void two.election.stop()
  })

  it('is not led to believe what it once asked by an answer that comes after a newer one', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const one = createCandidate(api, clock, 'one')
    one.election.start()
    await pass(clock, 3_000)
    const hold = one.client.holdNext({ verbs: ['replace'] }, 'after')
    await pass(clock, 5_000)
    assert.ok(hold.hasArrived())
    api.put(resourceTypes.Lease, { metadata: lease, spec: { ...specOf(api), holderIdentity: 'another' } })
    await pass(clock, 5_000)
    assert.equal(one.election.isLeader(), false)
    hold.release()
    await settle()
    assert.deepEqual([one.election.isLeader(), one.election.holder()], [false, 'another'])
    await one.election.stop()
  })

  it('stops within 5 s when the server does not answer', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const one = createCandidate(api, clock, 'one')
    one.election.start()
    await settle()
    one.client.setOutage('silent')
    let isStopped = false
    void one.election.stop().then(() => (isStopped = true))
    await settle()
    assert.equal(one.election.isLeader(), false)
    await pass(clock, 5_000)
    assert.ok(isStopped)
  })
})

interface Run {
  readonly worstOverlapMs: number
  readonly longestGapMs: number
  readonly hadTrouble: boolean
}

const healthyMs = 80_000
const endMs = 120_000

/** A random history: candidates with the given rates over a server with faults. */
async function simulate(seed: number, rates: readonly number[]): Promise<Run> {
  const random = createRandom(seed)
  const clock: VirtualClock = createVirtualClock()
  const api = createMemoryApi({ clock })
  const candidates = rates.map((rate, index) =>
    createCandidate(api, clock, `candidate-${index}`, { rate, seed: seed * 10 + index }),
  )
  for (const { client, election } of candidates) {
    client.setLatency(() => random() * 200)
    election.start()
  }
  let hadTrouble = false
  let healthySinceMs = 0
  for (let atMs = random() * 10_000; atMs < healthyMs; atMs += random() * 20_000) {
    clock.after(atMs, () => {
      const trouble = candidates[Math.floor(random() * candidates.length)]
      if (trouble === undefined) return
      hadTrouble = true
      healthySinceMs = Math.max(healthySinceMs, makeTrouble(trouble, clock, random))
    })
  }
  let [worstOverlapMs, longestGapMs] = [0, 0]
  let [overlapSinceMs, gapSinceMs] = [Infinity, 0]
  while (clock.now() < endMs) {
    clock.advanceToNext()
    await setImmediate()
    const nowMs = clock.now()
    const leaders = candidates.filter(({ election }) => election.isLeader()).length
    overlapSinceMs = leaders > 1 ? Math.min(overlapSinceMs, nowMs) : Infinity
    worstOverlapMs = Math.max(worstOverlapMs, nowMs - overlapSinceMs)
    gapSinceMs = leaders === 0 ? Math.min(gapSinceMs, nowMs) : Infinity
    longestGapMs = Math.max(longestGapMs, nowMs - Math.max(gapSinceMs, healthySinceMs))
  }
  for (const { election } of candidates) void election.stop()
  return { worstOverlapMs, longestGapMs, hadTrouble }
}

/** Returns when it is over. */
function makeTrouble({ client }: Candidate, clock: Clock, random: () => number): number {
  const ms = random() * 30_000
  const kind = Math.floor(random() * 5)
  if (kind === 0) {
    client.setOutage(random() < 0.5 ? 'refused' : 'silent')
    clock.after(ms, () => client.setOutage(undefined))
  }
  if (kind === 1) client.failNext({}, apiFault('serverError', 'x'), { times: 3 })
  if (kind === 2) client.failNext({ verbs: ['replace'] }, apiFault('timeout', 'x'), { times: 2, isPerformed: true })
  if (kind === 3) {
    const hold = client.holdNext({ verbs: ['replace', 'get'] }, random() < 0.5 ? 'before' : 'after')
    clock.after(ms, () => hold.release())
  }
  if (kind === 4) {
    client.standStill()
    clock.after(ms, () => client.catchUp())
  }
  return clock.now() + ms
}

/** A leader gives up 10 s after its last renewal, another takes over 15 s after it saw that; each by its own clock. */
const allowedOverlapMs = (rates: readonly number[]): number =>
  Math.max(
    0,
    ...rates.flatMap((leads, a) =>
      rates.map((follows, b) => (a === b ? 0 : leaseTiming.renewDeadlineMs / leads - leaseTiming.durationMs / follows)),
    ),
  )

describe('In random histories with faults', () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['two equal clocks', [1, 1]],
    ['three equal clocks', [1, 1, 1]],
    ['clocks that differ by less than half', [1, 1.4]],
    ['a clock at double rate', [2, 1]],
    ['a clock at half rate', [0.5, 1]],
    ['clocks at half and double rate', [0.5, 2, 1]],
  ]
  for (const [name, rates] of cases) {
    const allowedMs = allowedOverlapMs(rates)
    it(`${name}: two lead for at most ${allowedMs} ms, and one does within 20 s of health`, async () => {
      let troubled = 0
      for (let seed = 1; seed <= 40; seed += 1) {
        const { worstOverlapMs, longestGapMs, hadTrouble } = await simulate(seed, rates)
        if (hadTrouble) troubled += 1
        assert.ok(worstOverlapMs <= allowedMs, `seed ${seed}: ${worstOverlapMs} ms`)
        // By the slowest clock of those that follow.
        const slowest = Math.min(...rates, 1)
        assert.ok(longestGapMs <= 20_000 / slowest, `seed ${seed}: nobody for ${longestGapMs} ms`)
      }
      assert.ok(troubled > 20)
    })
  }
})
