import type { Snapshot, Source, StateDirectory } from '@holdfast/cluster'
import type { AllocationState } from '@holdfast/ipam'
import { encodeState } from '@holdfast/ipam'
import type { Model } from '@holdfast/model'
import type { Alarm } from '@holdfast/runtime'
import type { AnnouncementsOptions } from '../sessions/announcements.ts'
import { Announcements } from '../sessions/announcements.ts'
import type { Pass } from './pipeline.ts'
import { Pipeline } from './pipeline.ts'
import { StatusFiles } from './status.ts'
import { Told, tellPass } from './tell.ts'

export interface StandaloneOptions extends AnnouncementsOptions {
  readonly source: Source
  /** Names of the Node objects that this process speaks for. */
  readonly nodes: readonly string[]
  readonly state: StateDirectory | undefined
  /** What an earlier run kept, or an empty state. */
  readonly restored: AllocationState
  /** Called once between the first plan and the first session, so that a router made for these manifests is there first. */
  readonly beforeSessions: (model: Model, snapshot: Snapshot) => Promise<void>
}

/** How long status may lag behind what it shows. */
const statusDelayMs = 250
/** How soon what could not be written is written again. */
const retryMs = 2000

/**
 * Controller and speaker in one: follows a source of manifests, and brings assignments, sessions and routes in line with
 * each snapshot. Snapshots that come while one is being acted upon are not queued: the newest counts.
 */
export class Standalone {
  readonly #options: StandaloneOptions
  readonly #pipeline: Pipeline
  /** The sessions of the nodes that this process speaks for. */
  readonly announcements: Announcements
  readonly #status: StatusFiles | undefined
  readonly #told = new Told()
  #newest: Snapshot | undefined
  #working: Promise<void> | undefined
  #statusAlarm: Alarm | undefined
  #keepAlarm: Alarm | undefined
  #lastPass: Pass | undefined
  #isFirst = true
  #isStopping = false
  #stateFailure = ''
  #startFailure: { readonly error: unknown } | undefined
  #isLeaving = false

  constructor(options: StandaloneOptions) {
    this.#options = options
    this.#pipeline = new Pipeline(options.nodes, options.restored)
    this.#status = options.state === undefined ? undefined : new StatusFiles(options.state)
    this.announcements = new Announcements({
      ...options,
      report: (event) => {
        options.report(event)
        if (event.event === 'session') this.#scheduleStatus()
      },
    })
  }

  /** Resolves when the first snapshot is in force. Rejects where the source cannot be read at all, or `beforeSessions` does. */
  async start(): Promise<void> {
    await this.#options.source.start((snapshot) => {
      this.#newest = snapshot
      this.#work()
    })
    await this.#working
    if (this.#startFailure !== undefined) throw this.#startFailure.error
  }

  /**
   * Closes every session and writes the last status. Routes go, with a warning first where the node leaves, or stay for the
   * next process (`restart`). Never rejects.
   */
  async stop(way: 'leave' | 'restart' = 'leave'): Promise<void> {
    if (way === 'leave') {
      this.#isLeaving = true
      await this.announcements.leave()
    }
    this.#isStopping = true
    this.#statusAlarm?.cancel()
    this.#keepAlarm?.cancel()
    // The sessions go first: what a source that hangs would cost is clients' packets.
    await this.announcements.stop(way)
    await this.#options.source.stop()
    await this.#working
    await this.#writeStatus()
  }

  #work(): void {
    this.#working ??= this.#drain().finally(() => {
      this.#working = undefined
    })
  }

  async #drain(): Promise<void> {
    while (this.#newest !== undefined && !this.#isStopping && !this.#isLeaving) {
      const snapshot = this.#newest
      this.#newest = undefined
      await this.#guarded(snapshot)
    }
  }

  /**
   * A defect of ours in a later pass costs that pass, not the routes: what was in force stays so until the next change.
   * The first pass has nothing to fall back to.
   */
  async #guarded(snapshot: Snapshot): Promise<void> {
    const isFallingBack = !this.#isFirst
    try {
      await this.#pass(snapshot)
    } catch (error) {
      if (!isFallingBack) {
        this.#startFailure = { error }
        this.#isStopping = true
        return
      }
      this.#options.report({
        event: 'defect',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
    }
  }

  async #pass(snapshot: Snapshot): Promise<void> {
    const pass = this.#pipeline.run(snapshot)
    this.#options.source.judge(snapshot, new Set(pass.evaluation.faults.map(({ file }) => file)))
    if (this.#isFirst) await this.#options.beforeSessions(pass.evaluation.model, snapshot)
    // Assignments are kept before anybody hears of them: a crash in between moves no address.
    await this.#keep(pass)
    for (const event of tellPass(pass, snapshot.faults, this.#told)) this.#options.report(event)
    this.#isFirst = false
    if (this.#isStopping) return
    this.announcements.apply({ model: pass.evaluation.model, nodePlans: pass.nodePlans })
    this.#lastPass = pass
    this.#scheduleStatus()
  }

  async #keep(pass: Pass): Promise<void> {
    const isOld = pass.plan.changes.length === 0 && !this.#isFirst && this.#stateFailure === ''
    if (this.#options.state === undefined || isOld) return
    const result = await this.#options.state.write('assignments', encodeState(pass.plan.state))
    const failure = result.kind === 'failed' ? `assignments are not kept: ${result.reason}. ${result.remedy}` : ''
    if (failure !== '') this.#retryKeeping()
    if (failure !== '' && failure !== this.#stateFailure)
      this.#options.report({ event: 'state', outcome: 'failed', message: failure })
    this.#stateFailure = failure
  }

  /** A disk that was full has room again some time: until then each attempt may be the one that saves the addresses. */
  #retryKeeping(): void {
    this.#keepAlarm ??= this.#options.clock.after(retryMs, () => {
      this.#keepAlarm = undefined
      const pass = this.#lastPass
      if (pass !== undefined && this.#newest === undefined && this.#working === undefined) void this.#keep(pass)
      else if (this.#stateFailure !== '') this.#retryKeeping()
    })
  }

  #scheduleStatus(): void {
    if (this.#status === undefined || this.#isStopping) return
    this.#statusAlarm ??= this.#options.clock.after(statusDelayMs, () => {
      this.#statusAlarm = undefined
      void this.#writeStatus()
    })
  }

  async #writeStatus(): Promise<void> {
    if (this.#status === undefined || this.#lastPass === undefined) return
    const failure = await this.#status.write(this.#lastPass, this.announcements)
    if (failure !== undefined) this.#options.report({ event: 'state', outcome: 'failed', message: failure })
  }
}
