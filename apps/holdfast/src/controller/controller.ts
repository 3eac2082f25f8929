import type { FollowedState, KubeApi, KubernetesSource, LeadershipChange, Snapshot } from '@holdfast/cluster'
import { createKubernetesSource, createLeaderElection, longestWatchMs, resourceTypes } from '@holdfast/cluster'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { ControllerCommand } from '../kubernetes/command.ts'
import { controllerLease } from '../kubernetes/controller-lease.ts'
import type { Log } from '../kubernetes/log.ts'
import { SourceFaults } from '../kubernetes/source-faults.ts'
import { within } from '../kubernetes/within.ts'
import { createAnnounced } from './announced-phase.ts'
import { createEventWriter } from './event-writer.ts'
import { followedByController, followedOf } from './followed.ts'
import { controllerKeeps } from './kept.ts'
import type { Leadership } from './leadership.ts'
import { isNews } from './news.ts'
import { createPace } from './pace.ts'
import type { Planned } from './planner.ts'
import type { Outcome } from './reconciler.ts'
import { createReconciler } from './reconciler.ts'
import { createReports } from './reports.ts'

export interface ControllerOptions {
  readonly api: KubeApi
  readonly clock: Clock
  /** Time of day in ms. */
  readonly nowMs: () => number
  /** 0 to below 1. */
  readonly random: () => number
  readonly log: Log
  readonly command: Pick<ControllerCommand, 'identity' | 'namespace' | 'loadBalancerClass' | 'onPoolLoss'>
}

/** One replica of `holdfast controller`, without what is the operating system's. */
export interface Controller {
  /** Follows the API server, and acts while it leads. */
  readonly start: () => void
  /** Lets the writes under way end, and gives the lease back. Never rejects. */
  readonly stop: () => Promise<void>
  readonly isLeader: () => boolean
  /** Who leads, as far as is known; empty: nobody. */
  readonly leader: () => string
  /** By name: undefined, or a sentence about why it is not as it has to be. */
  readonly live: Readonly<Record<string, () => string | undefined>>
  readonly ready: Readonly<Record<string, () => string | undefined>>
  /** What was last planned; undefined: nothing yet, or it does not lead. */
  readonly planned: () => Planned | undefined
  /** How each followed kind stands. */
  readonly followed: () => readonly FollowedState[]
  /** Since the start: rounds, and those that a defect of ours ended. */
  readonly counts: () => { readonly rounds: number; readonly defects: number }
}

/** Requests under way at once, beside watches and lease. */
const parallel = 16
/** A round that takes longer than this stands still. */
const longestRoundMs = 300_000
const stopWithinMs = 5000

export function createController(options: ControllerOptions): Controller {
  const { api, clock, log, command, random, nowMs } = options
  const { namespace } = command
  let snapshot: Snapshot | undefined
  /** The last that a round took, or in which there was nothing new. */
  let judged: Snapshot | undefined
  let planned: Planned | undefined
  let isDirty = false
  let isStopping = false
  let working: Promise<void> | undefined
  let roundBeganMs: number | undefined
  let retry: Alarm | undefined
  /** After a round that was cut short, none begins before. */
  let notBeforeMs = -Infinity
  let pacing: Alarm | undefined
  let defect: string | undefined
  const counts = { rounds: 0, defects: 0 }
  const pace = createPace(clock)

  const faults = new SourceFaults({ clock, tell: log.log, meanwhile: 'no address is given before it has been listed' })
  const keeps = controllerKeeps()
  const source: KubernetesSource = createKubernetesSource({
    api,
    clock,
    random,
    followed: followedByController(namespace, keeps),
    observe: (state) => faults.observe(state),
  })
  const election = createLeaderElection({
    api,
    clock,
    random,
    lease: { namespace, name: controllerLease },
    identity: command.identity,
    wallTimeMs: nowMs,
    observe: (change) => observeLeadership(change),
  })
  const mayWrite = (): boolean => election.isLeader()
  function leadership(): Leadership | undefined {
    const held = election.leadership()
    const watchedSinceMs = source.watchedSinceMs(resourceTypes.Service)
    if (held === undefined) return undefined
    const { number, sinceMs, renewedMs } = held
    return { number, sinceMs, isHeardInTime: watchedSinceMs !== undefined && watchedSinceMs < renewedMs }
  }
  const events = createEventWriter({ api, clock, log, nowMs, random, identity: command.identity, mayWrite })
  const reports = createReports({ api, clock, random, nowMs, log, namespace, source, events, mayWrite })
  const { loadBalancerClass } = command
  const announced = createAnnounced({
    ...options,
    ...{ namespace, loadBalancerClass, source, mayWrite },
    observe: (state) => faults.observe(state),
  })
  const reconciler = createReconciler({
    api,
    clock,
    log,
    nowMs,
    random,
    rules: command,
    tell: events.tell,
    mayWrite: () => election.isLeader() && !isStopping,
    leadership,
    longestWatchMs,
    keep: { service: keeps('Service'), block: keeps('AddressBlock') },
    parallel,
  })

  function observeLeadership(change: LeadershipChange): void {
    switch (change.kind) {
      case 'acquired':
        log.log('info', 'leading', 'this replica leads now', { identity: command.identity })
        reconciler.forget()
        reports.forget()
        announced.lead()
        wake()
        break
      case 'lost':
        planned = undefined
        void announced.rest()
        log.log(
          change.reason === 'stopped' ? 'info' : 'warn',
          'notLeading',
          `this replica leads no more: ${change.reason}`,
        )
        break
      case 'holder':
        if (change.holder !== '') log.log('info', 'leader', `${change.holder} leads`, { holder: change.holder })
        break
      case 'fault':
        log.log('warn', 'leaseFault', change.fault.message, { code: change.fault.code })
        break
    }
  }

  const mayWork = (): boolean => !isStopping && snapshot !== undefined && election.isLeader()

  function hasNews(): boolean {
    if (snapshot === undefined || snapshot === judged) return false
    if (isNews(judged, snapshot, reconciler.isKnownBlock)) return true
    judged = snapshot
    return false
  }

  const waitMs = (): number => Math.max(pace.waitMs(), notBeforeMs - clock.now())

  function wake(): void {
    isDirty = true
    if (!mayWork() || working !== undefined || pacing !== undefined) return
    const ms = waitMs()
    if (ms > 0) {
      pacing = clock.after(ms, () => {
        pacing = undefined
        wake()
      })
      return
    }
    working = work().finally(() => {
      working = roundBeganMs = undefined
      // What woke us between the end of the last round and here would else be lost.
      if (isDirty || hasNews()) wake()
    })
  }

  /** Round after round as long as something changed meanwhile or there is more to do, and the pace allows it. */
  async function work(): Promise<void> {
    while ((isDirty || hasNews()) && snapshot !== undefined && mayWork() && waitMs() <= 0) {
      isDirty = false
      judged = snapshot
      retry?.cancel()
      roundBeganMs = clock.now()
      pace.begin()
      goOn(await round(snapshot))
    }
  }

  /** A defect of ours costs a round, not the program: what was written stays. */
  async function round(now: Snapshot): Promise<Outcome> {
    counts.rounds += 1
    try {
      const result = await reconciler.round(followedOf(now, source))
      defect = undefined
      planned = result.planned ?? planned
      pace.granted(result.granted)
      if (result.planned !== undefined && election.isLeader()) {
        reports.report(result.planned)
        announced.planned(result.planned, result.changed)
      }
      return result.outcome
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      if (message !== defect) log.event({ event: 'defect', message })
      defect = message
      counts.defects += 1
      reconciler.forget()
      return { kind: 'retryIn', ms: 10_000, reason: undefined }
    }
  }

  function goOn(outcome: Outcome): void {
    if (outcome.kind === 'again') isDirty = true
    if (outcome.kind !== 'retryIn') return
    retry = clock.after(outcome.ms, wake)
    if (outcome.reason !== undefined) notBeforeMs = clock.now() + outcome.ms
  }

  async function stop(): Promise<void> {
    if (isStopping) return
    isStopping = true
    retry?.cancel()
    pacing?.cancel()
    await within(clock, stopWithinMs, Promise.all([working, reports.stop(), announced.rest()]))
    await within(clock, stopWithinMs, events.stop())
    if (election.isLeader()) await within(clock, stopWithinMs, reconciler.giveBack())
    await election.stop()
    await source.stop()
    faults.stop()
  }

  const notSynced = (): string | undefined => {
    const missing = source.states().filter(({ isSynced }) => !isSynced)
    const names = missing.map(({ type, fault }) => `${type.kind}${fault === undefined ? '' : ` (${fault.message})`}`)
    return names.length === 0 ? undefined : `not listed yet: ${names.join(', ')}`
  }

  return {
    start: () => {
      election.start()
      void source.start((next) => {
        if (snapshot === undefined) log.log('info', 'synced', 'everything that is followed has been listed')
        snapshot = next
        // While a round is under way, the answers to its own writes may be still to come.
        if (working === undefined && hasNews()) wake()
      })
    },
    stop,
    isLeader: election.isLeader,
    leader: election.holder,
    live: {
      round: () => {
        const ms = roundBeganMs === undefined ? 0 : clock.now() - roundBeganMs
        return ms > longestRoundMs ? `a round has been under way for ${Math.round(ms / 1000)} s` : undefined
      },
    },
    ready: {
      synced: notSynced,
      defect: () =>
        defect === undefined ? undefined : 'a defect keeps the last change from taking effect: see the log',
    },
    planned: () => planned,
    followed: source.states,
    counts: () => counts,
  }
}
