import type { KubernetesSource, Snapshot } from '@holdfast/cluster'
import type { Fault, RawObject } from '@holdfast/model'
import type { Alarm } from '@holdfast/runtime'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { AnnouncementsOptions, Stance } from '../sessions/announcements.ts'
import { Announcements } from '../sessions/announcements.ts'
import type { Connections } from './conntrack.ts'
import { Obedience } from './obedience.ts'
import type { DrainingOptions } from './draining.ts'
import { Draining } from './draining.ts'
import type { EarlierVersions } from './earlier-versions.ts'
import { resumedState } from './lifecycle.ts'
import { mostHeldBack } from './node-state.ts'
import { ownFaults } from './own-faults.ts'
import type { SpeakerPass } from './pipeline.ts'
import { SpeakerPipeline } from './pipeline.ts'
import { routesByPrefix } from './routes-by-prefix.ts'
import type { Seen } from './snapshot.ts'
import { createSnapshotReader } from './snapshot.ts'
import type { Tell } from './telling.ts'
import { createTelling } from './telling.ts'
import type { Wish, WishInput } from './wish.ts'
import { isHostLeaving, wishOf } from './wish.ts'

export interface SpeakerRules {
  /** Name of the own Node. */
  readonly node: string
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
  readonly drainOnCordon: boolean
  /** 0 to 1, see `doubtOf`. */
  readonly doubtShare: number
}

export interface SpeakerOptions extends AnnouncementsOptions {
  readonly rules: SpeakerRules
  readonly source: Pick<KubernetesSource, 'start' | 'stop' | 'relist'>
  readonly tell: Tell
  /** What an earlier life has kept, and when; undefined: nothing. */
  readonly restored: Restored | undefined
  /** See `DrainingOptions`. */
  readonly askOthers: DrainingOptions['askOthers']
  readonly countConnections: () => Promise<Connections>
  /** Something that a status shows has changed: a pass, a session, the node's leaving, the age of what is known. */
  readonly changed: () => void
}

/** What an earlier life knew. */
interface Restored {
  readonly snapshot: Snapshot
  readonly earlier: EarlierVersions
  readonly writtenAt: string
  /** That life has ended a moment ago: routers may still have its routes. */
  readonly isFresh: boolean
}

/** What announcing waits for at the start. */
export type Gate = { readonly isOpen: false; readonly message: string } | { readonly isOpen: true }

/** Where what is in force comes from. */
export type Knowledge =
  | { readonly kind: 'none' }
  /** The file of an earlier life; the API server has not been heard yet. */
  | { readonly kind: 'lastKnown'; readonly writtenAt: string; readonly isObeyed: boolean }
  | { readonly kind: 'api' }

/** How long the API server may take until what an earlier life knew is obeyed in its place. */
const patienceMs = 3000
/** What can wait gets out of the way of the routes. */
const laterMs = 2

/**
 * The speaker of one node: follows the API server, and keeps sessions and routes in line with it. Whatever is wrong with the API
 * server, its lists or its objects, what was in force stays so.
 */
export class Speaker {
  readonly #options: Omit<SpeakerOptions, 'restored'>
  readonly #pipeline: SpeakerPipeline
  readonly #readSnapshot: ReturnType<typeof createSnapshotReader>
  readonly announcements: Announcements
  readonly draining: Draining
  readonly #obedience: Obedience
  readonly #tellPass: ReturnType<typeof createTelling>
  #restored: SpeakerOptions['restored']
  #newest: Snapshot | undefined
  #seenNode: RawObject | undefined
  #pass: SpeakerPass | undefined
  #obeyed: readonly RawObject[] = []
  #nodeState: unknown
  #knowledge: Knowledge = { kind: 'none' }
  #gate: Gate = { isOpen: false, message: 'not asked yet' }
  #patience: Alarm | undefined
  #later: Alarm | undefined
  #isStopping = false
  #hasResumed = false
  #toldLifecycle = ''
  /** Since the start: snapshots that were acted upon, and those that a defect of ours kept from taking effect. */
  readonly counts = { passes: 0, defects: 0 }
  #isNodeGone = false

  constructor(options: SpeakerOptions) {
    // No closure may hold the options whole: what an earlier life knew is as much as everything that is known.
    const { restored, ...others } = options
    const { clock, rules, tell, report, changed, source } = others
    this.#restored = restored
    this.#options = others
    this.#pipeline = new SpeakerPipeline({ ...rules, earlier: restored?.earlier })
    this.#readSnapshot = createSnapshotReader(rules.node)
    this.#tellPass = createTelling(rules.node, report, tell)
    this.announcements = new Announcements({
      ...others,
      report: (event) => {
        report(event)
        if (event.event === 'session' || event.event === 'bfd') changed()
      },
    })
    this.draining = new Draining({
      clock,
      routes: () => this.#routes(),
      gracefulShutdownMs: () => this.announcements.gracefulShutdownMs(),
      askOthers: others.askOthers,
      countConnections: others.countConnections,
      changed: () => this.#lifecycleChanged(),
    })
    this.#obedience = new Obedience({
      share: rules.doubtShare,
      relist: () => source.relist(),
      tell,
      decided: () => this.#guarded(),
    })
  }

  /** What is in force now; undefined: nothing is known yet. */
  get pass(): SpeakerPass | undefined {
    return this.#pass
  }

  /** The objects that are in force. */
  get objects(): readonly RawObject[] {
    return this.#obeyed
  }

  /** What is wrong with the configuration of this node; undefined: nothing is known yet. */
  get faults(): readonly Fault[] | undefined {
    return this.#pass === undefined
      ? undefined
      : ownFaults(this.#pass.evaluation, this.#obeyed, this.#options.rules.node)
  }

  /** Whether the own NodeState is there, as far as is known. */
  get hasNodeState(): boolean {
    return this.#nodeState !== undefined
  }

  /** `spec` of the own NodeState, as far as is known: what follows from it has been begun. */
  get asked(): unknown {
    return valueAt(this.#nodeState, 'spec')
  }

  get knowledge(): Knowledge {
    return this.#knowledge
  }

  get gate(): Gate {
    return this.#gate
  }

  get doubt(): string | undefined {
    return this.#obedience.doubt
  }

  /** How often lists were doubted since the start, and how often these were obeyed in the end. */
  get doubtCounts(): Obedience['counts'] {
    return this.#obedience.counts
  }

  /** Resolves when the API server has been heard: after a restart without it, sessions and routes are there before. */
  async start(): Promise<void> {
    const { source, clock } = this.#options
    const restored = this.#restored
    if (restored !== undefined) {
      const { writtenAt, isFresh } = restored
      this.#knowledge = { kind: 'lastKnown', writtenAt, isObeyed: isFresh }
      if (isFresh) this.#tellLastKnown('info', writtenAt, 'it was in force a moment ago')
      this.#newest = restored.snapshot
      this.#guarded()
      this.#patience = clock.after(patienceMs, () => this.obeyLastKnown('the API server has not answered in time'))
    }
    await source.start((snapshot) => this.#heard(snapshot))
  }

  /** The API server cannot be had now: what an earlier life knew is announced, where there is that. */
  obeyLastKnown(why: string): void {
    const knowledge = this.#knowledge
    if (knowledge.kind !== 'lastKnown' || knowledge.isObeyed || this.#isStopping) return
    this.#patience?.cancel()
    this.#knowledge = { ...knowledge, isObeyed: true }
    this.#tellLastKnown('warn', knowledge.writtenAt, why)
    this.#applyAgain()
  }

  #tellLastKnown(level: 'info' | 'warn', writtenAt: string, why: string): void {
    this.#options.tell(level, 'lastKnownState', `announcing what was known at ${writtenAt}: ${why}`, { writtenAt })
  }

  /** What announcing waits for; an open gate is never closed again. */
  setGate(gate: Gate): void {
    this.#gate = gate
    this.#applyAgain()
  }

  isHostLeaving(node: unknown = this.#seenNode?.value): boolean {
    return isHostLeaving({ ...this.#wishInput(), node })
  }

  /** Closes every session. Routes go, with a warning first for no more than `mostMs`, or stay for the next process. Never rejects. */
  async stop(way: 'leave' | 'restart', mostMs?: number): Promise<void> {
    this.#isStopping = true
    this.draining.stop()
    this.#patience?.cancel()
    this.#later?.cancel()
    if (way === 'leave') await this.announcements.leave(mostMs)
    await this.announcements.stop(way)
    await this.#options.source.stop()
  }

  #heard(snapshot: Snapshot): void {
    this.#obedience.heard(this.#knowledge.kind === 'api' ? snapshot.relisted : everyKind)
    this.#newest = snapshot
    this.#patience?.cancel()
    this.#guarded()
  }

  /** A defect of ours costs a pass, not the routes: what was in force stays so until the next change. */
  #guarded(): void {
    try {
      this.#run()
      this.counts.passes += 1
    } catch (error) {
      this.counts.defects += 1
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#options.report({ event: 'defect', message })
    }
  }

  #run(): void {
    const snapshot = this.#newest
    if (snapshot === undefined || this.#isStopping) return
    const seen = this.#readSnapshot(snapshot.objects)
    // A Node that is gone is one to leave from, in the way that it was configured.
    const kept = seen.node === undefined ? this.#seenNode : undefined
    const objects = kept === undefined ? snapshot.objects : [...snapshot.objects, kept]
    const pass = this.#pipeline.run(objects, this.#ignoresExcludeLB())
    const isFromFile = snapshot === this.#restored?.snapshot
    if (!isFromFile && !this.#obedience.obeys(this.#pass?.plan, pass.plan, kept !== undefined)) {
      this.obeyLastKnown('what the API server says is doubted')
      return
    }
    this.#obey(snapshot, pass, seen)
    if (!isFromFile) this.#nowFromApi()
    this.#apply()
  }

  #obey({ objects }: Snapshot, pass: SpeakerPass, { node, nodeState }: Seen): void {
    this.#pass = pass
    this.#obeyed = objects
    this.#nodeState = nodeState
    this.#isNodeGone = node === undefined && this.#seenNode !== undefined
    this.#seenNode = node ?? this.#seenNode
  }

  #nowFromApi(): void {
    const before = this.#knowledge
    // As much as everything that is known now: it is not needed twice.
    this.#restored = undefined
    this.#knowledge = { kind: 'api' }
    if (before.kind !== 'lastKnown' || !before.isObeyed) return
    this.#options.tell('info', 'apiServerHeard', 'the API server is back: what it says is in force')
  }

  #apply(): void {
    const pass = this.#pass
    if (pass === undefined || this.#isStopping) return
    this.#resume()
    this.draining.update(this.#wish())
    const { model } = pass.evaluation
    this.announcements.apply({ model, nodePlans: new Map([[this.#options.rules.node, pass.plan]]) }, this.stance)
    this.#later ??= this.#options.clock.after(laterMs, () => {
      this.#later = undefined
      if (this.#pass !== undefined) this.#tellPass(this.#pass)
      this.#options.changed()
    })
  }

  /** The first time that the NodeState is known, it may say that an earlier life had left. */
  #resume(): void {
    const wish = this.#wish()
    if (this.#hasResumed || this.#knowledge.kind === 'none') return
    this.#hasResumed = true
    if (wish === undefined) return
    const drain = valueAt(this.#nodeState, 'status', 'drain')
    const named = listAt(drain, 'heldBack').map((one) => textAt(one, 'prefix'))
    // Where there were too many to name all of them, everything stays until the others were asked.
    const held = named.length < mostHeldBack ? named : [...this.#routes().keys()]
    this.draining.resume(resumedState(this.#options.clock.now(), textAt(drain, 'phase'), held, wish))
  }

  #routes(): ReadonlyMap<string, readonly string[]> {
    return this.#pass === undefined ? new Map() : routesByPrefix(this.#pass.plan)
  }

  /** What routers are told of each route now. */
  get stance(): Stance {
    const stance = this.draining.stance()
    if (stance === 'withdrawn') return stance
    const isKnown = this.#knowledge.kind === 'api' || (this.#knowledge.kind === 'lastKnown' && this.#knowledge.isObeyed)
    return isKnown && this.#gate.isOpen ? stance : 'notYet'
  }

  #applyAgain(): void {
    if (this.#pass !== undefined) this.#apply()
  }

  /** While the node is leaving because of the label, its routes are still planned, to be marked before they go. */
  #ignoresExcludeLB(): boolean {
    const { state } = this.draining
    const hasGone = state.phase === 'Withdrawn' && state.wish.cause === 'nodeLabeledExcludeBalancers'
    return this.#options.rules.ignoreExcludeLB || !hasGone
  }

  #lifecycleChanged(): void {
    const { state } = this.draining
    const message = state.phase === 'Active' ? '' : `${state.phase}: ${state.wish.message}`
    // What is held back is looked at again every few seconds.
    if (message !== '' && message !== this.#toldLifecycle) {
      this.#options.tell('info', 'lifecycle', message, { phase: state.phase })
    }
    this.#toldLifecycle = message
    // Planned anew: once the label has silenced the node, it is the reason of all that is withheld.
    this.#guarded()
  }

  #wish(): Wish | undefined {
    return wishOf(this.#wishInput())
  }

  #wishInput(): WishInput {
    const { ignoreExcludeLB, drainOnCordon } = this.#options.rules
    return {
      node: this.#seenNode?.value,
      isNodeGone: this.#isNodeGone,
      drain: valueAt(this.#nodeState, 'spec', 'drain'),
      ignoreExcludeLB,
      drainOnCordon,
    }
  }
}

/** The first snapshot of all is made of lists. */
const everyKind: ReadonlySet<string> = new Set(['every kind'])
