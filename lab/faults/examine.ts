import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../harness/eventually.ts'
import type { Connection, Kind, Target } from './kinds.ts'
import { faultName, rulesOf } from './kinds.ts'
import type { RemoteProxy } from './proxies.ts'
import type { Expectation, Subject } from './subject.ts'

/** What is to be done to a subject. */
export interface Trial {
  readonly kinds: readonly Kind[]
  /** Name of a target. */
  readonly target: string
}

export interface Finding {
  readonly subject: string
  /** `empty list of services`. */
  readonly trial: string
  /** From the end of the fault, or from the change where that is to come through meanwhile, until all was at its place. */
  readonly recoveryMs: number
  /** undefined: all was as required. */
  readonly problem: string | undefined
}

export interface Pace {
  /** How long a fault lasts that does not end by itself. */
  readonly lastsMs: number
}

/** Within which everything has to be well again. */
const recoveryLimitMs = 30_000
const strikeLimitMs = 40_000
/** Within which a program is back at its watch after whatever happened to it. */
const settleLimitMs = 60_000
const touchAgainMs = 2000

export const trialName = ({ kinds, target }: Trial): string =>
  `${kinds.map(({ name }) => name).join(', then ')}: ${target}`

/** Does a trial to a subject. */
export async function examine(subject: Subject, trial: Trial, pace: Pace): Promise<Finding> {
  const seenBefore = new Set(subject.violations())
  const target = subject.targets.find(({ name }) => name === trial.target)
  assert.ok(target, `${subject.name} has no target ${trial.target}`)
  const finding = (recoveryMs: number, problem: string | undefined): Finding => ({
    subject: subject.name,
    trial: trialName(trial),
    recoveryMs: Math.round(recoveryMs),
    problem,
  })
  const newViolations = (): readonly string[] => subject.violations().filter((line) => !seenBefore.has(line))
  try {
    await subject.prepare(target)
    await settle(subject, target)
    const recoveryMs = await strike(subject, { kinds: trial.kinds, target, pace })
    await subject.restore(target)
    const violations = newViolations()
    return finding(recoveryMs, violations.length === 0 ? undefined : violations.join('\n'))
  } catch (error) {
    await subject.proxy.setRules()
    const violations = newViolations()
    const text = error instanceof Error ? error.message : String(error)
    return finding(Number.NaN, [text, ...violations, subject.tail()].join('\n'))
  }
}

/** An event passes the watch, where there is one that says nothing: for the program, earlier faults are over. */
async function settle(subject: Subject, target: Target): Promise<void> {
  const seen = await subject.proxy.events(target.name)
  if (!(await subject.touch(target))) return
  const observe = touchingAgain(subject, target, () => subject.proxy.events(target.name))
  await eventually('an event has passed', observe, (now) => assert.ok(now > seen), { timeoutMs: settleLimitMs })
}

/** What was touched before the program has its watch again comes to it in a list, and not in an event. */
function touchingAgain<T>({ touch }: Subject, target: Target, observe: () => Promise<T>): () => Promise<T> {
  let touchedMs = performance.now()
  return async () => {
    if (performance.now() > touchedMs + touchAgainMs) {
      await touch(target)
      touchedMs = performance.now()
    }
    return await observe()
  }
}

interface Plan {
  readonly kinds: readonly Kind[]
  readonly target: Target
  readonly pace: Pace
}

/** Lets the faults happen in their order, with a change in the last; returns how long the recovery took. */
async function strike(subject: Subject, { kinds, target, pace }: Plan): Promise<number> {
  const last = kinds.at(-1)
  assert.ok(last)
  for (const kind of kinds.slice(0, -1)) {
    await begin(subject.proxy, kind, target)
    await pause(pace.lastsMs)
    await end(subject.proxy, kind, target)
  }
  const usesBefore = await subject.proxy.applied(faultName)
  await begin(subject.proxy, last, target)
  const startMs = performance.now()
  const expectations = await subject.change(target)
  const changedMs = performance.now()
  if (last.fault !== undefined && last.fault.kind !== 'dropEvents') {
    const applied = (): Promise<number> => subject.proxy.applied(faultName)
    await eventually(
      'the fault strikes',
      // After an earlier fault the program may be without its watch for a while.
      last.approach === 'event' ? touchingAgain(subject, target, applied) : applied,
      (uses) => assert.ok(uses > usesBefore),
      { timeoutMs: strikeLimitMs },
    )
  }
  if (last.isBearable === true && !(subject.needsWrites && last.strikes === 'writes')) {
    const recoveryMs = await recovery(expectations, changedMs)
    await end(subject.proxy, last, target)
    return recoveryMs
  }
  await pause(Math.max(0, startMs + pace.lastsMs - performance.now()))
  await end(subject.proxy, last, target)
  return await recovery(expectations, performance.now())
}

async function recovery(expectations: readonly Expectation[], sinceMs: number): Promise<number> {
  await eventually(
    `everything is well ${recoveryLimitMs} ms after the fault`,
    () => expectations.filter(({ isMet }) => !isMet()).map(({ what }) => what),
    (missing) => assert.deepEqual(missing, []),
    { timeoutMs: recoveryLimitMs },
  )
  return performance.now() - sinceMs
}

type Means = (proxy: RemoteProxy) => Promise<unknown>
const nothing: Means = () => Promise.resolve()

const connections: Readonly<Record<Connection, { readonly begin: Means; readonly end: Means }>> = {
  down: { begin: (proxy) => proxy.down(), end: (proxy) => proxy.up() },
  stranger: {
    begin: async (proxy) => {
      await proxy.present(true)
      await proxy.breakOff()
    },
    end: (proxy) => proxy.present(false),
  },
  losePackets: { begin: (proxy) => proxy.losePackets(true), end: (proxy) => proxy.losePackets(false) },
  breakOff: { begin: (proxy) => proxy.breakOff(), end: nothing },
  halfClose: { begin: (proxy) => proxy.halfClose(), end: nothing },
}

async function begin(proxy: RemoteProxy, kind: Kind, target: Target): Promise<void> {
  if (kind.connection !== undefined) await connections[kind.connection].begin(proxy)
  else await proxy.setRules(...rulesOf(kind, target))
  if (kind.approach === 'watch') await proxy.breakOff({ ...target.on, verbs: ['watch'] })
}

async function end(proxy: RemoteProxy, kind: Kind, target: Target): Promise<void> {
  if (kind.connection !== undefined) await connections[kind.connection].end(proxy)
  await proxy.setRules()
  // Of a watch that is quiet nobody knows but by time; the fault ends with its connection.
  if (kind.fault?.kind === 'quiet') await proxy.breakOff({ ...target.on, verbs: ['watch'] })
}
