import type { ApiResult, KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Alarm, Clock } from '@holdfast/runtime'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { peersAnswer } from '../peers/answer.ts'
import type { LifecycleState } from './lifecycle.ts'
import { isToBeLookedAt, nodeStateObject, nodeStateStatus } from './node-state.ts'
import { correctionOf } from './overwritten.ts'
import { createPrefixCount } from './prefix-count.ts'
import { routesByPrefix } from './routes-by-prefix.ts'
import type { Speaker } from './speaker.ts'
import type { Outcome } from './written.ts'
import { done, fieldManager, outcomeOf } from './written.ts'

export interface NodeStateWriterOptions {
  readonly api: Pick<KubeApi, 'apply' | 'merge'>
  readonly clock: Clock
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  readonly node: string
  readonly namespace: string
  readonly serviceStatuses: 'all' | 'none'
  /** It is to be written again where it has become another one by time alone. */
  readonly due: () => void
}

/** What others write over is put right at once, but no more often than this: two speakers of one node would go on for ever. */
const restoreEveryMs = 10_000
/** Nothing tells that an attempt has gone without an answer for long. */
const lookEveryMs = 5000
/** Versions that are remembered: more are never under way between a write and its event. */
const mostVersions = 16

/** Writes the NodeState of this node, where it is not so already. */
export class NodeStateWriter {
  readonly #speaker: Speaker
  readonly #countPrefixes = createPrefixCount()
  readonly #options: NodeStateWriterOptions
  /** What was written last, as text; empty where that is not known. */
  #text = ''
  #status: object = {}
  /** Made by us, and not seen yet. */
  #isMade = false
  #last: Promise<unknown> = Promise.resolve()
  /** The newest versions that need nothing: we have written them, or written after we had heard of them. */
  #settled: readonly string[] = []
  #heard = ''
  #restoreAtMs = 0
  #looking: Alarm | undefined
  #isStopped = false
  #lifecycle: { readonly phase: LifecycleState['phase']; readonly since: string } | undefined

  constructor(speaker: Speaker, options: NodeStateWriterOptions) {
    this.#speaker = speaker
    this.#options = options
  }

  /** What is asked for is still written; nothing is by itself. */
  stop(): void {
    this.#isStopped = true
    this.#looking?.cancel()
  }

  /** One write after another, each of what holds when its turn comes: an older one never comes last. Never rejects. */
  write(): Promise<Outcome> {
    const outcome = this.#last.then(() => this.#write())
    this.#last = outcome
    return outcome
  }

  /** A version is there. */
  heard(version: string): void {
    this.#heard = version
  }

  /** Whether somebody else has written the newest version that was heard of, as far as is known. */
  get isForeign(): boolean {
    return this.#heard !== '' && !this.#settled.includes(this.#heard)
  }

  /** By the clock: from when on it may be written because of that. */
  get restoreAtMs(): number {
    return this.#restoreAtMs
  }

  async #write(): Promise<Outcome> {
    const { api, clock, node, namespace } = this.#options
    const heard = this.#heard
    const isRestoring = this.isForeign && clock.now() >= this.#restoreAtMs
    const status = this.#statusNow()
    const text = JSON.stringify(status)
    const isThere = this.#isThere()
    if (isThere && text === this.#text && !isRestoring) return done
    const object = nodeStateObject(node, namespace)
    const type = resourceTypes.NodeState
    if (!isThere) {
      const made = await api.apply(type, object, { fieldManager })
      if (made.kind === 'fault') return outcomeOf(made)
      this.#settle(made.value.metadata.resourceVersion)
    }
    const result = await this.#put(object, text)
    this.#status = status
    // Where it failed it may be gone: the next attempt makes it.
    this.#text = result.kind === 'ok' ? text : ''
    this.#isMade = result.kind === 'ok'
    if (result.kind === 'ok') {
      this.#settle(heard, result.value.metadata.resourceVersion)
      if (isRestoring) this.#restoreAtMs = clock.now() + restoreEveryMs
    }
    return outcomeOf(result)
  }

  /** Writes our status, and takes out what others have added to it. */
  async #put(object: KubeObject, text: string): Promise<ApiResult<KubeObject>> {
    const { api, node: name, namespace } = this.#options
    const type = resourceTypes.NodeState
    const status = fieldsOf(JSON.parse(text))
    const write = { fieldManager, subresource: 'status' } as const
    const result = await api.apply(type, { ...object, status }, write)
    if (result.kind === 'fault') return result
    this.#settle(result.value.metadata.resourceVersion)
    const correction = correctionOf(fieldsOf(result.value['status']), status)
    return correction === undefined ? result : api.merge(type, { namespace, name }, { status: correction }, write)
  }

  #settle(...versions: readonly (string | undefined)[]): void {
    this.#settled = [...this.#settled, ...versions.filter((version) => version !== undefined)].slice(-mostVersions)
  }

  /** Once it was seen, what is seen counts: somebody may remove it. */
  #isThere(): boolean {
    if (this.#speaker.hasNodeState) this.#isMade = false
    return this.#speaker.hasNodeState || this.#isMade
  }

  #statusNow(): object {
    const { clock, now, serviceStatuses } = this.#options
    const { announcements, draining, gate, knowledge, doubt } = this.#speaker
    const { phase } = draining.state
    if (this.#lifecycle?.phase !== phase) this.#lifecycle = { phase, since: now() }
    const { peers } = peersAnswer(announcements, { nowMs: clock.now(), nowIso: now() })
    this.#lookAgain(isToBeLookedAt(peers))
    return nodeStateStatus({
      peers,
      routes: peers.some(({ routes }) => routes.sent > 0) ? this.#announced() : 0,
      serviceStatuses,
      lifecycle: draining.state,
      lifecycleSince: this.#lifecycle.since,
      asked: this.#speaker.asked,
      connections: draining.connections,
      gate,
      knowledge,
      doubt,
      faults: this.#speaker.faults?.length,
      before: this.#status,
      now: now(),
    })
  }

  #lookAgain(isToBeLookedAt: boolean): void {
    this.#looking?.cancel()
    const isDue = isToBeLookedAt && !this.#isStopped
    this.#looking = isDue ? this.#options.clock.after(lookEveryMs, this.#options.due) : undefined
  }

  /** How many prefixes of the plan are announced: the stance may have withdrawn some of them, or all. */
  #announced(): number {
    const { pass, stance, draining } = this.#speaker
    if (pass === undefined || stance === 'withdrawn' || stance === 'notYet') return 0
    const { state } = draining
    if (state.phase !== 'HeldBack') return this.#countPrefixes(pass.plan)
    return [...routesByPrefix(pass.plan).keys()].filter((prefix) => state.held.has(prefix)).length
  }
}
