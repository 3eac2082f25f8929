import type { Random } from '../../apps/holdfast/src/controller/testing/random.ts'
import { createRandom } from '../../apps/holdfast/src/controller/testing/random.ts'
import type { People, PeopleAct } from './people.ts'
import { createPeople, mannersOf } from './people.ts'

/** A replica, counted from 0, or the one that has the Lease then (or the first one, where nobody has it). */
export type Target = number | 'leader'

/** What happens to a replica. */
export type Trouble =
  /** SIGKILL, and another process in its place `restartAfterMs` later, whose clock passes at that multiple of the base rate. */
  | {
      readonly kind: 'kill' | 'terminate'
      readonly replica: Target
      readonly restartAfterMs: number
      readonly rate: number
    }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: 'pause'; readonly replica: Target; readonly ms: number }
  /** What is done for so long to the replica's connection to the API server. */
  | { readonly kind: 'connection'; readonly replica: Target; readonly fault: ConnectionFault; readonly ms: number }
  /** Somebody deletes the Lease. */
  | { readonly kind: 'dropLease' }
  /**
   * The same, while the one that has it cannot learn that, nor what becomes of this kind: until its time is over it goes on beside the next
   * one, with what it knew.
   */
  | { readonly kind: 'usurp'; readonly replica: 'leader'; readonly resource: string; readonly ms: number }

export type ConnectionFault =
  /** Nobody listens. */
  | { readonly kind: 'down' }
  /** Nothing of this kind arrives any more; after the time the watch breaks off, and goes on where it was. */
  | { readonly kind: 'stale'; readonly resource: string }
  /** The watch ends with 410, and lists are what they were at first. */
  | { readonly kind: 'staleList'; readonly resource: string }
  /** Writes reach the server so much later. */
  | { readonly kind: 'slowWrites'; readonly delayMs: number }
  /** Writes are done, and nobody is told. */
  | { readonly kind: 'lostAnswers' }
  /** The lease cannot be renewed; all else goes on, so that two believe to lead. */
  | { readonly kind: 'noLease' }

export interface Step {
  readonly atMs: number
  readonly act: PeopleAct | Trouble
}

export interface HistoryPlan {
  readonly seed: number
  /** Of each replica's clock, as a multiple of the base rate. */
  readonly rates: readonly number[]
  /** In the order of time. */
  readonly steps: readonly Step[]
  /** Whether pools are so large that leaders set addresses aside. */
  readonly isRoomy: boolean
  /** What people do when all trouble is over; before each part but the first, who leads is ended by SIGTERM. */
  readonly calm: readonly (readonly CalmStep[])[]
}

export interface CalmStep {
  readonly atMs: number
  readonly act: PeopleAct
}

type Act = Step['act']

const troubleKinds: ReadonlySet<Act['kind']> = new Set<Trouble['kind']>([
  'kill',
  'terminate',
  'pause',
  'connection',
  'dropLease',
  'usurp',
])

export const isTrouble = (act: Act): act is Trouble => troubleKinds.has(act.kind)

const followedResources = ['services', 'addressblocks', 'ipaddresspools', 'namespaces'] as const

/** For a lease of 3.8 s (real time, at the base rate). */
const longestTroubleMs = 6000
const turmoilMs = { least: 8000, most: 14_000 }

/** All that will happen in a history, from its seed alone. How processes take it is not in it. */
export function planHistory(seed: number): HistoryPlan {
  const random = createRandom(seed)
  const rates = Array.from({ length: random.chance(0.3) ? 3 : 2 }, () => pickRate(random))
  const lengthMs = turmoilMs.least + random.next() * (turmoilMs.most - turmoilMs.least)
  const isRoomy = isRoomySeed(seed)
  const people = createPeople(random, mannersOf(isRoomy))
  const steps: Step[] = people.begin().map((act) => ({ atMs: 0, act }))
  for (let atMs = 0; atMs < lengthMs; atMs += pauseOf(random, isRoomy)) steps.push({ atMs, act: people.act() })
  for (let atMs = random.next() * 1500; atMs < lengthMs; atMs += 200 + random.next() * (isRoomy ? 1500 : 1000)) {
    steps.push({ atMs, act: trouble(random, rates.length) })
  }
  const calm = isRoomy ? [calmSteps(people, random), calmSteps(people, random)] : []
  return { seed, rates, steps: steps.toSorted((a, b) => a.atMs - b.atMs), isRoomy, calm }
}

/** Every second one. */
const isRoomySeed = (seed: number): boolean => seed % 2 === 0

/** Services that come alone. */
function calmSteps(people: People, random: Random): readonly CalmStep[] {
  const restored = people.restore().map((act) => ({ atMs: 0, act }))
  const singles = Array.from({ length: 4 }, (_, index) => ({
    atMs: 300 + 600 * index + random.next() * 300,
    act: people.single(),
  }))
  return [...restored, ...singles]
}

/** Clocks that pass twice as fast as others, or half as fast. */
const pickRate = (random: Random): number => random.pick([0.5, 1, 1, 2])

/** Several at once, or one after the other was carried out. */
const pauseOf = (random: Random, isRoomy: boolean): number =>
  random.chance(isRoomy ? 0.4 : 0.5) ? random.next() * 20 : random.next() * 700

function trouble(random: Random, replicas: number): Trouble {
  const replica = random.chance(0.5) ? 'leader' : random.below(replicas)
  const dice = random.next()
  const ms = 200 + random.next() * longestTroubleMs
  if (dice < 0.1) return { kind: 'kill', replica, restartAfterMs: random.next() * 1500, rate: pickRate(random) }
  if (dice < 0.15) return { kind: 'terminate', replica, restartAfterMs: random.next() * 1500, rate: pickRate(random) }
  if (dice < 0.35) return { kind: 'pause', replica, ms: 700 + ms }
  if (dice < 0.6) return { kind: 'usurp', replica: 'leader', resource: random.pick(followedResources), ms: 3000 }
  if (dice < 0.65) return { kind: 'dropLease' }
  return { kind: 'connection', replica, fault: connectionFault(random), ms }
}

function connectionFault(random: Random): ConnectionFault {
  const resource = random.pick(followedResources)
  const dice = random.next()
  if (dice < 0.1) return { kind: 'down' }
  if (dice < 0.4) return { kind: 'stale', resource }
  if (dice < 0.5) return { kind: 'staleList', resource }
  if (dice < 0.65) return { kind: 'slowWrites', delayMs: 50 + random.next() * 3000 }
  if (dice < 0.75) return { kind: 'lostAnswers' }
  return { kind: 'noLease' }
}
