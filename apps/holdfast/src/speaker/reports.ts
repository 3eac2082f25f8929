import type { ApiResult, KubeApi, KubernetesSource, ResourceType } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { SortedMap } from '@holdfast/model'
import type { Alarm, Clock } from '@holdfast/runtime'
import { fieldsOf, listAt, textAt } from '../kubernetes/fields-at.ts'
import { AssignedEvents } from './assigned-events.ts'
import { configurationState, configurationStateName } from './configuration-state.ts'
import { NodeStateWriter } from './node-state-writer.ts'
import type { Owner, PeersByService } from './service-statuses.ts'
import { createPeersByService, ServiceStatuses } from './service-statuses.ts'
import type { Speaker } from './speaker.ts'
import type { Tell } from './telling.ts'
import type { WriteQueue } from './write-queue.ts'
import { createWriteQueue } from './write-queue.ts'
import type { Outcome, Verb } from './written.ts'
import { createPermissionTeller, done, fieldManager, outcomeOf, permission } from './written.ts'

export interface ReportsOptions {
  readonly api: KubeApi
  /** Follows what is written here, see `writtenBySpeaker`. */
  readonly written: KubernetesSource
  readonly clock: Clock
  readonly random: () => number
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  readonly node: string
  readonly namespace: string
  /** Name of the own pod; undefined outside of one. */
  readonly pod: string | undefined
  /** `none`: of what is announced nothing is told Service by Service, and what an earlier life told is taken away. */
  readonly serviceStatuses: 'all' | 'none'
  readonly tell: Tell
  /** Which events an earlier life has told, by Service key. */
  readonly told: ReadonlyMap<string, string>
}

const podType: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

const nothing: PeersByService = SortedMap.empty()

/** How soon a change is looked at: many that come together are one. */
const gatherMs = 250

/** Everything that the speaker writes to the API server: in the background, only differences, at a bounded rate. */
export class Reports {
  readonly #options: Omit<ReportsOptions, 'told'>
  readonly #speaker: Speaker
  readonly #statuses: ServiceStatuses
  readonly #peersByService = createPeersByService()
  readonly #nodeState: NodeStateWriter
  readonly #events: AssignedEvents
  readonly #statusQueue: WriteQueue
  readonly #eventQueue: WriteQueue
  readonly #stateQueue: WriteQueue
  readonly #tellPermission: ReturnType<typeof createPermissionTeller>
  #owner: Owner
  #graceMs: number | undefined
  #isReady = false
  /** What is written has changed since it was looked at last. */
  #isWrittenNew = false
  #alarm: Alarm | undefined
  #restoring: Alarm | undefined
  #isStopped = false

  constructor(speaker: Speaker, { told, ...options }: ReportsOptions) {
    const { api, clock, random, now, node, namespace, pod } = options
    this.#options = options
    this.#speaker = speaker
    this.#tellPermission = createPermissionTeller(options.tell)
    this.#statuses = new ServiceStatuses({ api: this.#told(api), node, namespace, owner: () => this.#owner })
    this.#events = new AssignedEvents({ api: this.#told(api), node, pod, now, told })
    const due = (): void => this.#stateQueue.add(['NodeState'])
    this.#nodeState = new NodeStateWriter(speaker, { ...options, api: this.#told(api), due })
    const queue = (reconcile: (key: string) => Promise<Outcome>, perSecond: number, burst: number): WriteQueue =>
      createWriteQueue({ clock, random, reconcile, perSecond, burst })
    this.#statusQueue = queue((key) => this.#statuses.reconcile(key), 20, 50)
    this.#eventQueue = queue((key) => this.#events.reconcile(key), 5, 25)
    this.#stateQueue = queue(
      (key) => (key === 'NodeState' ? this.#nodeState.write() : this.#writeConfiguration()),
      1,
      3,
    )
  }

  /** What was told of each Service: to be kept for the next life. */
  get told(): ReadonlyMap<string, string> {
    return this.#events.told
  }

  /** How long the kubelet lets the pod live after SIGTERM; undefined: not known. */
  get graceMs(): number | undefined {
    return this.#graceMs
  }

  /** How many objects wait to be written. */
  get backlog(): number {
    return this.#statusQueue.size() + this.#eventQueue.size() + this.#stateQueue.size()
  }

  /** Begins to write: to be called once the API server has been heard. Resolves when it is known what is there. */
  async start(): Promise<void> {
    await this.#findOwner()
    await this.#options.written.start(() => {
      this.#isWrittenNew = true
      this.changed()
    })
    this.#isReady = true
    this.changed()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#alarm?.cancel()
    this.#restoring?.cancel()
    this.#nodeState.stop()
    for (const queue of [this.#statusQueue, this.#eventQueue, this.#stateQueue]) queue.stop()
    await this.#options.written.stop()
  }

  /** Something changed that a status shows. */
  changed(): void {
    if (this.#isStopped || !this.#isReady) return
    this.#alarm ??= this.#options.clock.after(gatherMs, () => {
      this.#alarm = undefined
      this.#gather()
    })
  }

  /** A version of the own NodeState is there: where it is not ours, what it says may not be ours either. */
  nodeStateHeard(version: string): void {
    this.#nodeState.heard(version)
    if (this.#isStopped || !this.#isReady || !this.#nodeState.isForeign) return
    const { clock } = this.#options
    this.#restoring ??= clock.after(Math.max(gatherMs, this.#nodeState.restoreAtMs - clock.now()), () => {
      this.#restoring = undefined
      this.#stateQueue.add(['NodeState'])
    })
  }

  /** Writes the NodeState now: others decide by it. True: it says how this node stands. */
  async publish(): Promise<boolean> {
    return (await this.#nodeState.write()).kind === 'done'
  }

  #gather(): void {
    this.#stateQueue.add(['NodeState', 'ConfigurationState'])
    const { pass, knowledge, gate, draining } = this.#speaker
    // Of what is not in force nothing is said, and what an earlier life said stays.
    if (pass === undefined || knowledge.kind !== 'api' || !gate.isOpen) return
    const isTold = this.#options.serviceStatuses === 'all'
    const announced = isTold ? this.#peersByService(pass.plan, draining.stance()) : nothing
    const written = this.#isWrittenNew ? [...this.#options.written.objects(resourceTypes.ServiceBGPStatus)] : undefined
    this.#isWrittenNew = false
    this.#statusQueue.add(this.#statuses.update(announced, written))
    if (isTold) this.#eventQueue.add(this.#events.want(announced, pass.evaluation.model))
  }

  /** A pod's uid never changes; without the permission there is no owner, and nothing else is lost. */
  async #findOwner(): Promise<void> {
    const { api, namespace, pod } = this.#options
    if (pod === undefined) return
    const result = await this.#told(api).get(podType, { namespace, name: pod })
    if (result.kind === 'fault') return
    this.#owner = { name: pod, uid: result.value.metadata.uid ?? '' }
    const { terminationGracePeriodSeconds: seconds } = fieldsOf(result.value['spec'])
    this.#graceMs = typeof seconds === 'number' ? seconds * 1000 : undefined
  }

  async #writeConfiguration(): Promise<Outcome> {
    const { node, namespace, now, written } = this.#options
    const type = resourceTypes.ConfigurationState
    const before = written.object(type, { namespace, name: configurationStateName(node) })
    const { object, status } = configurationState({
      node,
      namespace,
      owner: this.#owner,
      faults: this.#speaker.faults,
      before: before?.['status'],
      now: now(),
    })
    const api = this.#told(this.#options.api)
    if (before === undefined || !isOwned(before.metadata['ownerReferences'], this.#owner)) {
      const made = await api.apply(type, object, { fieldManager })
      if (made.kind === 'fault') return outcomeOf(made)
    }
    if (isSameStatus(before?.['status'], status)) return done
    const whole = { ...object, metadata: { name: object.metadata.name, namespace }, status }
    return outcomeOf(await api.apply(type, whole, { fieldManager, subresource: 'status' }))
  }

  /** The same API, which tells of missing permissions. */
  #told(api: KubeApi): Pick<KubeApi, 'get' | 'apply' | 'merge' | 'create' | 'remove'> {
    const telling = async <T>(needed: string, result: Promise<ApiResult<T>>): Promise<ApiResult<T>> => {
      const answer = await result
      this.#tellPermission(needed, answer.kind === 'fault' ? answer : undefined)
      return answer
    }
    const of = (verb: Verb, type: ResourceType, subresource?: string): string => permission(verb, type, subresource)
    return {
      get: (type, key) => telling(of('get', type), api.get(type, key)),
      apply: (type, object, write) => telling(of('patch', type, write.subresource), api.apply(type, object, write)),
      merge: (type, key, patch, write) =>
        telling(of('patch', type, write.subresource), api.merge(type, key, patch, write)),
      create: (type, object, write) => telling(of('create', type), api.create(type, object, write)),
      remove: (type, key, preconditions) => telling(of('delete', type), api.remove(type, key, preconditions)),
    }
  }
}

const isOwned = (references: unknown, owner: Owner): boolean =>
  owner === undefined || listAt(references).some((one) => textAt(one, 'uid') === owner.uid)

/** As far as a person sees it; the time of a condition only changes with its status. */
function isSameStatus(before: unknown, after: object): boolean {
  const { result, errorSummary } = fieldsOf(before)
  const now = fieldsOf(after)
  return result === now['result'] && (errorSummary ?? '') === now['errorSummary']
}
