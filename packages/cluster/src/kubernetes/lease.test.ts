import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createVirtualClock, type Clock, type VirtualClock } from '@holdfast/runtime'
import { createRandom, pass, passUntil, settle } from '../testing/virtual-time.ts'
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

const versionOf = (api: MemoryApi): string => api.read(resourceTypes.Lease, lease)?.metadata.resourceVersion ?? ''

describe('A leadership', () => {
  it('has the version of the Lease that acquired it, and the next one a greater number', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const [one, two] = [createCandidate(api, clock, 'one'), createCandidate(api, clock, 'two')]
    assert.equal(one.election.leadership(), undefined)
    await pass(clock, 700)
    one.election.start()
    await settle()
    const number = versionOf(api)
    assert.deepEqual(one.election.leadership(), { number, sinceMs: 700, renewedMs: 700 })
    two.election.start()
    await pass(clock, 5_000)
    assert.notEqual(versionOf(api), number)
    assert.deepEqual(one.election.leadership(), { number, sinceMs: 700, renewedMs: 4_700 })
    assert.equal(two.election.leadership(), undefined)
    await one.election.stop()
    assert.equal(one.election.leadership(), undefined)
    await passUntil(clock, () => two.election.isLeader(), 3_000)
    const next = two.election.leadership()
    assert.deepEqual(next, { number: versionOf(api), sinceMs: clock.now(), renewedMs: clock.now() })
    assert.ok(Number(next.number) > Number(number))
    await two.election.stop()
  })

  it('is another one once the Lease was deleted, since somebody else may have made it and led between', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { election, changes } = createCandidate(api, clock, 'one')
    election.start()
    await settle()
    const first = election.leadership()
    api.drop(resourceTypes.Lease, lease)
    await passUntil(clock, () => changes.length >= 3, 5_000)
    assert.deepEqual(changes, [{ kind: 'acquired' }, { kind: 'lost', reason: 'taken' }, { kind: 'acquired' }])
    assert.equal(election.leadership()?.number, versionOf(api))
    assert.ok(Number(versionOf(api)) > Number(first?.number))
    await election.stop()
  })

  it('can be asked for by whoever is told of it, and is over for whoever is told that it is', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const seen: (string | undefined)[] = []
    const election = createLeaderElection({
      ...{ api, clock, lease, identity: 'one', random: () => 0, wallTimeMs: () => clock.now() },
      observe: ({ kind }) => seen.push(kind, election.leadership()?.number),
    })
    election.start()
    await settle()
    const number = versionOf(api)
    await election.stop()
    assert.deepEqual(seen, ['acquired', number, 'lost', undefined])
  })

  it('is undefined from when it expires, and of the same process again it has a greater number', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { client, election, changes } = createCandidate(api, clock, 'one')
    election.start()
    await pass(clock, 4_100)
    const first = election.leadership()
    client.setOutage('refused')
    await pass(clock, 9_800)
    assert.deepEqual(election.leadership(), first)
    await pass(clock, 100)
    assert.deepEqual([clock.now(), election.leadership()], [14_000, undefined])
    client.setOutage(undefined)
    await passUntil(clock, () => election.isLeader(), 3_000)
    const second = election.leadership()
    assert.deepEqual(second, { number: versionOf(api), sinceMs: clock.now(), renewedMs: clock.now() })
    assert.ok(Number(second.number) > Number(first?.number))
    assert.deepEqual(
      changes.map(({ kind }) => kind).filter((kind) => kind !== 'fault'),
      ['acquired', 'lost', 'acquired'],
    )
    await election.stop()
  })

  it('is another one where it had expired before its alarm rang', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    // While it is stopped no alarm rings; then they ring in turn, and the renewal is answered before the deadline rings.
    let isStopped = false
    const due = new Set<() => void>()
    const stoppable: Clock = {
      now: () => clock.now(),
      after: (ms, run) => {
        const alarm = clock.after(ms, () => (isStopped ? void due.add(run) : run()))
        return {
          cancel: () => {
            alarm.cancel()
            due.delete(run)
          },
        }
      },
    }
    const { election, changes } = createCandidate(api, stoppable, 'one')
    election.start()
    await pass(clock, 2_900)
    const first = election.leadership()
    isStopped = true
    await pass(clock, 11_000)
    assert.equal(election.leadership(), undefined)
    isStopped = false
    for (const run of due) {
      due.delete(run)
      run()
      await settle()
    }
    assert.ok(Number(election.leadership()?.number) > Number(first?.number))
    assert.deepEqual(changes, [{ kind: 'acquired' }, { kind: 'lost', reason: 'expired' }, { kind: 'acquired' }])
    await election.stop()
  })

  it('was renewed when the renewal was sent, not when it was answered', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { client, election } = createCandidate(api, clock, 'one')
    client.setLatency(() => 400)
    election.start()
    // A read, which finds nothing, and the write.
    await pass(clock, 1_599)
    assert.equal(election.leadership(), undefined)
    await pass(clock, 1)
    assert.deepEqual(election.leadership(), { number: versionOf(api), sinceMs: 1_600, renewedMs: 800 })
    await pass(clock, 1_199)
    assert.equal(election.leadership()?.renewedMs, 800)
    await pass(clock, 1)
    assert.equal(election.leadership()?.renewedMs, 2_000)
    void election.stop()
  })

  it('was renewed by a late answer where nothing newer is known', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { client, election } = createCandidate(api, clock, 'one')
    election.start()
    await pass(clock, 3_000)
    const [early, next] = [client.holdNext({ verbs: ['replace'] }, 'after'), client.holdNext({}, 'before')]
    // Sent at 4 s, not waited for after 9 s.
    await pass(clock, 6_500)
    assert.ok(early.hasArrived() && next.hasArrived())
    assert.equal(election.leadership()?.renewedMs, 2_000)
    const third = client.holdNext({}, 'before')
    early.release()
    await pass(clock, 1)
    assert.deepEqual([third.hasArrived(), election.leadership()?.renewedMs], [true, 4_000])
    await pass(clock, 4_499)
    assert.deepEqual([clock.now(), election.leadership()], [14_000, undefined])
    void election.stop()
  })

  it('is not put back by an answer that comes after that to a later write', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const { client, election } = createCandidate(api, clock, 'one')
    election.start()
    await pass(clock, 3_000)
    const late = client.holdNext({ verbs: ['replace'] }, 'after')
    await pass(clock, 6_500)
    assert.ok(late.hasArrived())
    assert.equal(election.leadership()?.renewedMs, 9_000)
    late.release()
    await settle()
    assert.equal(election.leadership()?.renewedMs, 9_000)
    await election.stop()
  })

  it('has a number of its own also where the clock for people stands still', async () => {
    for (const times of [12, 13]) {
      const clock = createVirtualClock()
      const api = createMemoryApi({ clock })
      const { client, election } = createCandidate(api, clock, 'one', { wallTimeMs: () => 0 })
      election.start()
      await settle()
      const first = election.leadership()
      client.failNext({ verbs: ['replace'] }, apiFault('serverError', 'x'), { times })
      await passUntil(clock, () => !election.isLeader(), 11_000)
      await passUntil(clock, () => election.isLeader(), 30_000)
      assert.ok(Number(election.leadership()?.number) > Number(first?.number), `${times}`)
      await election.stop()
    }
  })

  it('needs a Lease with a version', async () => {
    const clock = createVirtualClock()
    const api = createMemoryApi({ clock })
    const bare = { kind: 'ok', value: { metadata: lease, spec: { holderIdentity: 'one' } } } as const
    const changes: LeadershipChange[] = []
    const election = createLeaderElection({
      api: { ...api, create: () => Promise.resolve(bare) },
      ...{ clock, lease, identity: 'one', random: () => 0, wallTimeMs: () => clock.now() },
      observe: (change) => changes.push(change),
    })
    election.start()
    await pass(clock, 10_000)
    assert.equal(election.leadership(), undefined)
    assert.deepEqual(
      changes.map((change) => (change.kind === 'fault' ? change.fault.code : change.kind)),
      ['badAnswer'],
    )
    await election.stop()
  })
})

interface Run {
  readonly worstOverlapMs: number
  readonly longestGapMs: number
  readonly hadTrouble: boolean
  /** In the order in which they were acquired. */
  readonly leaderships: readonly Led[]
}

/** A leadership; times are those of the server's clock. */
interface Led {
  readonly number: number
  readonly candidate: number
  readonly sinceMs: number
  readonly renewedMs: number
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
  const leaderships = new Map<number, Led>()
  const note = (candidate: number): void => {
    const { election } = candidates[candidate]!
    const led = election.leadership()
    assert.equal(led !== undefined, election.isLeader())
    if (led === undefined) return
    const [rate, number] = [rates[candidate]!, Number(led.number)]
    const before = leaderships.get(number)
    const after = { number, candidate, sinceMs: led.sinceMs / rate, renewedMs: led.renewedMs / rate }
    leaderships.set(number, after)
    if (before === undefined) return
    assert.deepEqual([before.candidate, before.sinceMs], [candidate, after.sinceMs], `seed ${seed}`)
    assert.ok(before.renewedMs <= after.renewedMs, `seed ${seed}: renewed at ${after.renewedMs}, and before later`)
  }
  let [worstOverlapMs, longestGapMs] = [0, 0]
  let [overlapSinceMs, gapSinceMs] = [Infinity, 0]
  while (clock.now() < endMs) {
    clock.advanceToNext()
    await setImmediate()
    const nowMs = clock.now()
    for (const index of candidates.keys()) note(index)
    const leaders = candidates.filter(({ election }) => election.isLeader()).length
    overlapSinceMs = leaders > 1 ? Math.min(overlapSinceMs, nowMs) : Infinity
    worstOverlapMs = Math.max(worstOverlapMs, nowMs - overlapSinceMs)
    gapSinceMs = leaders === 0 ? Math.min(gapSinceMs, nowMs) : Infinity
    longestGapMs = Math.max(longestGapMs, nowMs - Math.max(gapSinceMs, healthySinceMs))
  }
  for (const { election } of candidates) void election.stop()
  return { worstOverlapMs, longestGapMs, hadTrouble, leaderships: [...leaderships.values()] }
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

/** A later leadership has a greater number, and began after every renewal of those before it was sent. */
function checkNumbers(leaderships: readonly Led[], seed: number): void {
  for (const [index, later] of leaderships.toSorted((a, b) => a.number - b.number).entries()) {
    for (const earlier of leaderships.toSorted((a, b) => a.number - b.number).slice(0, index)) {
      assert.ok(
        earlier.renewedMs < later.sinceMs,
        `seed ${seed}: ${earlier.number} renewed after ${later.number} began`,
      )
    }
  }
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
        const { worstOverlapMs, longestGapMs, hadTrouble, leaderships } = await simulate(seed, rates)
        checkNumbers(leaderships, seed)
        if (allowedMs === 0) {
          const numbers = leaderships.map(({ number }) => number)
          assert.deepEqual(
            numbers,
            numbers.toSorted((a, b) => a - b),
            `seed ${seed}`,
          )
        }
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
