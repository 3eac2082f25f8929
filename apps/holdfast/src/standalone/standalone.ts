import type { Snapshot, Source, StateDirectory } from '@holdfast/cluster'
import type { Address } from '@holdfast/ip'
import type { AllocationState } from '@holdfast/ipam'
import { encodeState } from '@holdfast/ipam'
import type { Model } from '@holdfast/model'
import type { ProtectedPeer, RecordEntry, Transport } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import type { Pass } from './pipeline.ts'
import { Pipeline } from './pipeline.ts'
import { createRouteMaker } from './routes.ts'
import type { ConnectionEnds, SessionNow } from './session.ts'
import { SessionSet } from './session-set.ts'
import type { WantedSession } from './sessions.ts'
import { wantedSessions } from './sessions.ts'
import { StatusFiles } from './status.ts'
import { Told, tellPass } from './tell.ts'

export interface StandaloneOptions {
  readonly source: Source
  /** Names of the Node objects that this process speaks for. */
  readonly nodes: readonly string[]
  readonly state: StateDirectory | undefined
  /** What an earlier run kept, or an empty state. */
  readonly restored: AllocationState
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
  /** Whether this host has an address in the same network. */
  readonly isOnLink: (address: Address) => boolean
  /** Where a session's recording goes; undefined: nothing is recorded. */
  readonly record: ((session: string) => (entry: RecordEntry) => void) | undefined
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
  readonly #sessions: SessionSet
  readonly #status: StatusFiles | undefined
  readonly #told = new Told()
  readonly #routeMakers = new Map<string, ReturnType<typeof createRouteMaker>>()
  #newest: Snapshot | undefined
  #working: Promise<void> | undefined
  #statusAlarm: Alarm | undefined
  #keepAlarm: Alarm | undefined
  #lastPass: Pass | undefined
  #wanted: ReadonlyMap<string, WantedSession> = new Map()
  #isFirst = true
  #isStopping = false
  #stateFailure = ''
  #startFailure: { readonly error: unknown } | undefined
  #protect: ((peers: readonly ProtectedPeer[]) => void) | undefined
  #isLeaving = false

  constructor(options: StandaloneOptions) {
    this.#options = options
    this.#pipeline = new Pipeline(options.nodes, options.restored)
    this.#status = options.state === undefined ? undefined : new StatusFiles(options.state)
    this.#sessions = new SessionSet({
      transport: options.transport,
      clock: options.clock,
      record: options.record,
      protect: (peers) => this.#protect?.(peers),
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

  /** The session that a connection from outside belongs to; undefined: nobody's. */
  driverFor(ends: ConnectionEnds): ReturnType<SessionSet['driverFor']> {
    return this.#sessions.driverFor(ends)
  }

  /** From now on `protect` is told the peers whose connections need keys or TTLs. */
  protectWith(protect: (peers: readonly ProtectedPeer[]) => void): void {
    this.#protect = protect
    this.#sessions.protect(true)
  }

  /** Every session with its state. */
  sessions(): readonly SessionNow[] {
    return this.#sessions.now()
  }

  /** What the manifests want, also sessions that cannot be opened. */
  wanted(): readonly WantedSession[] {
    return [...this.#wanted.values()]
  }

  /**
   * What a node does that will not be back at once: asks the routers to prefer others (RFC 8326), gives them time for it, and
   * withdraws. Sessions stay open; `stop` closes them. Resolves at once where nobody has routes of ours.
   */
  async #leave(): Promise<void> {
    const heard = this.#sessions.now().filter(({ snapshot }) => (snapshot?.sentPrefixes ?? 0) > 0)
    const waitMs = Math.max(0, ...heard.map(({ settings }) => settings.gracefulShutdownMs))
    if (heard.length === 0 || this.#lastPass === undefined) return
    this.#isLeaving = true
    this.#announce(this.#lastPass)
    await new Promise<void>((resolve) => void this.#options.clock.after(waitMs, resolve))
    for (const { wanted } of heard) this.#sessions.setRoutes(wanted.key, [])
  }

  /**
   * Closes every session and writes the last status. Routes go, with a warning first where the node leaves, or stay for the
   * next process (`restart`). Never rejects.
   */
  async stop(way: 'leave' | 'restart' = 'leave'): Promise<void> {
    if (way === 'leave') await this.#leave()
    this.#isStopping = true
    this.#statusAlarm?.cancel()
    this.#keepAlarm?.cancel()
    // The sessions go first: what a source that hangs would cost is clients' packets.
    await this.#sessions.stop(way === 'leave' ? 'administrativeShutdown' : 'restart')
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
    this.#announce(pass)
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

  #announce(pass: Pass): void {
    const { model } = pass.evaluation
    this.#wanted = wantedSessions({ model, isOnLink: this.#options.isOnLink }, this.#options.nodes)
    this.#sessions.apply(this.#wanted)
    for (const key of this.#routeMakers.keys()) if (!this.#wanted.has(key)) this.#routeMakers.delete(key)
    for (const { key, node, peer, terms } of this.#wanted.values()) {
      if ('obstacle' in terms) continue
      const make = this.#routeMakers.get(key) ?? createRouteMaker()
      this.#routeMakers.set(key, make)
      const routes = pass.nodePlans.get(node)?.routes.get(peer) ?? []
      this.#sessions.setRoutes(key, make(routes, { ...terms.routes, isLeaving: this.#isLeaving }))
    }
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
    const failure = await this.#status.write(this.#lastPass, this.#wanted, this.#sessions.now())
    if (failure !== undefined) this.#options.report({ event: 'state', outcome: 'failed', message: failure })
  }
}
