import type { KubeApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { peersAnswer } from '../peers/answer.ts'
import type { LifecycleState } from './lifecycle.ts'
import { nodeStateObject, nodeStateStatus } from './node-state.ts'
import { createPrefixCount } from './prefix-count.ts'
import type { Speaker } from './speaker.ts'
import type { Outcome } from './written.ts'
import { done, fieldManager, outcomeOf } from './written.ts'

export interface NodeStateWriterOptions {
  readonly api: Pick<KubeApi, 'apply'>
  readonly clock: Clock
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  readonly node: string
  readonly namespace: string
}

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
  #lifecycle: { readonly phase: LifecycleState['phase']; readonly since: string } | undefined

  constructor(speaker: Speaker, options: NodeStateWriterOptions) {
    this.#speaker = speaker
    this.#options = options
  }

  /** One write after another, each of what holds when its turn comes: an older one never comes last. Never rejects. */
  write(): Promise<Outcome> {
    const outcome = this.#last.then(() => this.#write())
    this.#last = outcome
    return outcome
  }

  async #write(): Promise<Outcome> {
    const { api, node, namespace } = this.#options
    const status = this.#statusNow()
    const text = JSON.stringify(status)
    const isThere = this.#isThere()
    if (isThere && text === this.#text) return done
    const object = nodeStateObject(node, namespace)
    const type = resourceTypes.NodeState
    if (!isThere) {
      const made = await api.apply(type, object, { fieldManager })
      if (made.kind === 'fault') return outcomeOf(made)
    }
    const result = await api.apply(type, { ...object, status }, { fieldManager, subresource: 'status' })
    this.#status = status
    // Where it failed it may be gone: the next attempt makes it.
    this.#text = result.kind === 'ok' ? text : ''
    this.#isMade = result.kind === 'ok'
    return outcomeOf(result)
  }

  /** Once it was seen, what is seen counts: somebody may remove it. */
  #isThere(): boolean {
    if (this.#speaker.hasNodeState) this.#isMade = false
    return this.#speaker.hasNodeState || this.#isMade
  }

  #statusNow(): object {
    const { clock, now } = this.#options
    const { announcements, draining, pass, gate, knowledge, doubt } = this.#speaker
    const { phase } = draining.state
    if (this.#lifecycle?.phase !== phase) this.#lifecycle = { phase, since: now() }
    return nodeStateStatus({
      peers: peersAnswer(announcements, { nowMs: clock.now(), nowIso: now() }).peers,
      routes: pass === undefined ? 0 : this.#countPrefixes(pass.plan),
      lifecycle: draining.state,
      lifecycleSince: this.#lifecycle.since,
      connections: draining.connections,
      gate,
      knowledge,
      doubt,
      faults: this.#speaker.faults?.length,
      before: this.#status,
      now: now(),
    })
  }
}
