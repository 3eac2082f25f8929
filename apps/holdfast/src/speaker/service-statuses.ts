import { createHash } from 'node:crypto'
import type { Decision, NodePlan } from '@holdfast/announce'
import type { Prefix } from '@holdfast/ip'
import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { createSharing, resourceTypes } from '@holdfast/cluster'
import { listDifference, mapDifference, SortedMap } from '@holdfast/model'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import { objectKeyOf } from '../kubernetes/object-key.ts'
import type { RouteStance } from '../sessions/announcements.ts'
import type { Outcome } from './written.ts'
import { done, fieldManager, outcomeOf, removalOf } from './written.ts'

/** The pod that owns what the speaker writes (metadata.ownerReferences); undefined: there is none, or it is not known yet. */
export type Owner = { readonly name: string; readonly uid: string } | undefined

/** By key `namespace/name` of the Service: the sorted names of the BGPPeers that it is announced to. */
export type PeersByService = ReadonlyMap<string, readonly string[]>

type OfferStance = RouteStance | ((prefix: Prefix) => RouteStance)

/**
 * MetalLB's ServiceBGPStatus says what a node is configured to announce: what is withdrawn for a drain does not count. Called for one
 * plan after another, it costs what changed.
 */
export function createPeersByService(): (plan: NodePlan, stance: OfferStance) => PeersByService {
  let last: { readonly decisions: NodePlan['decisions']; readonly stance: OfferStance } | undefined
  let wanted = SortedMap.empty<readonly string[]>()
  return ({ decisions }, stance) => {
    const before = last?.stance === stance ? last.decisions : new Map<string, Decision>()
    if (last?.stance !== stance) wanted = SortedMap.empty()
    last = { decisions, stance }
    wanted = wanted.with(mapDifference(before, decisions).map(({ key, after }) => [key, peersOf(after, stance)]))
    return wanted
  }
}

/** undefined: nothing of it is offered to anybody. */
function peersOf(decision: Decision | undefined, stance: OfferStance): readonly string[] | undefined {
  if (decision === undefined || decision.kind === 'withheld') return undefined
  const isOffered = (prefix: Prefix): boolean =>
    (typeof stance === 'function' ? stance(prefix) : stance) !== 'withdrawn'
  const routes = decision.routes.filter(({ prefix }) => isOffered(prefix))
  const [first, ...others] = routes.map(({ peers }) => peers)
  if (first === undefined || others.length === 0) return first
  return [...new Set([first, ...others].flat())].sort()
}

export interface ServiceStatusesOptions {
  readonly api: Pick<KubeApi, 'apply' | 'remove'>
  readonly node: string
  readonly namespace: string
  readonly owner: () => Owner
}

const labels = {
  node: 'metallb.io/node',
  name: 'metallb.io/service-name',
  namespace: 'metallb.io/service-namespace',
} as const

/** Selects the ServiceBGPStatus objects of a node. */
export const ownStatusesSelector = (node: string): string => `${labels.node}=${node}`

/** What is kept of a ServiceBGPStatus that is there. */
interface Existing extends KubeObject {
  /** Key `namespace/name` of its Service. */
  readonly service: string
  readonly said: Said
}

/** What it says: one and the same for all that say the same. */
interface Said {
  readonly isComplete: boolean
  /** Sorted names, joined. */
  readonly peers: string
  readonly ownerUids: readonly string[]
}

/**
 * The ServiceBGPStatus objects of one node: one for each Service that it announces. Their names follow from node and Service, so that
 * none is made twice; one that another speaker has made for the same is used as it is.
 */
export class ServiceStatuses {
  readonly #options: ServiceStatusesOptions
  #wanted: PeersByService = SortedMap.empty()
  #heard: readonly KubeObject[] = []
  /** By Service: nearly all have one, and a list of each would take as much memory again. */
  readonly #existing = new Map<string, Existing | readonly Existing[]>()
  /** Services whose objects were written, and not heard of since. */
  readonly #unheard = new Set<string>()

  constructor(options: ServiceStatusesOptions) {
    this.#options = options
  }

  /**
   * Takes in what should be there, and the objects of this node that are there, each as `createStatusKeep` keeps it (undefined: the same as
   * before). Returns the keys of Services of which either changed, and whose objects are not as they should be.
   */
  update(wanted: PeersByService, objects: readonly KubeObject[] | undefined): readonly string[] {
    const touched = new Set(mapDifference(this.#wanted, wanted).map(({ key }) => key))
    this.#wanted = wanted
    const { removed, added } = listDifference(this.#heard, objects ?? this.#heard)
    this.#heard = objects ?? this.#heard
    for (const object of removed) touched.add(this.#forget(object))
    for (const object of added) touched.add(this.#learn(object))
    // What was written may have been removed again before it was heard of.
    if (objects !== undefined) for (const service of this.#unheard) touched.add(service)
    const differing = [...touched].filter((service) => this.#isDiffering(service))
    for (const service of this.#unheard) if (!this.#isDiffering(service)) this.#unheard.delete(service)
    return differing
  }

  #forget(object: KubeObject): string {
    const service = textAt(object, 'service')
    const others = this.#objectsOf(service).filter(({ metadata }) => metadata.name !== object.metadata.name)
    this.#setObjects(service, others)
    return service
  }

  #learn(object: KubeObject): string {
    if (!isExisting(object)) return ''
    this.#setObjects(object.service, [...this.#objectsOf(object.service), object])
    return object.service
  }

  #objectsOf(service: string): readonly Existing[] {
    const existing = this.#existing.get(service) ?? []
    return 'said' in existing ? [existing] : existing
  }

  #setObjects(service: string, objects: readonly Existing[]): void {
    const [first, ...others] = objects
    if (first === undefined) this.#existing.delete(service)
    else this.#existing.set(service, others.length === 0 ? first : objects)
  }

  /** Brings the objects of one Service in line, by as few requests as that takes. Never rejects. */
  async reconcile(service: string): Promise<Outcome> {
    const { api, namespace } = this.#options
    const peers = this.#wanted.get(service)
    const [first, ...surplus] = this.#sorted(service)
    this.#unheard.add(service)
    const extra = peers === undefined && first !== undefined ? [first, ...surplus] : surplus
    for (const { metadata } of extra) {
      const outcome = removalOf(await api.remove(resourceTypes.ServiceBGPStatus, { namespace, name: metadata.name }))
      if (outcome.kind === 'failed') return outcome
    }
    return peers === undefined ? done : this.#write(service, peers, first)
  }

  async #write(service: string, peers: readonly string[], existing: Existing | undefined): Promise<Outcome> {
    const { api } = this.#options
    const type = resourceTypes.ServiceBGPStatus
    const name = existing?.metadata.name ?? this.#nameOf(service)
    if (existing === undefined || !this.#isOwned(existing)) {
      const made = await api.apply(type, this.#object(service, name), { fieldManager })
      if (made.kind === 'fault') return outcomeOf(made)
    }
    if (existing?.said.isComplete === true && existing.said.peers === peers.join()) return done
    const { namespace: serviceNamespace, name: serviceName } = objectKeyOf(service)
    const status = { node: this.#options.node, serviceName, serviceNamespace, peers }
    const { metadata, ...identity } = this.#object(service, name)
    const object = { ...identity, metadata: { name: metadata.name, namespace: this.#options.namespace }, status }
    return outcomeOf(await api.apply(type, object, { fieldManager, subresource: 'status' }))
  }

  #object(service: string, name: string): KubeObject {
    const { node, namespace, owner } = this.#options
    const { namespace: serviceNamespace, name: serviceName } = objectKeyOf(service)
    return {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'ServiceBGPStatus',
      metadata: {
        name,
        namespace,
        labels: { [labels.node]: node, [labels.name]: serviceName, [labels.namespace]: serviceNamespace },
        ...ownerReferences(owner()),
      },
    }
  }

  #isDiffering(service: string): boolean {
    const peers = this.#wanted.get(service)
    const [first, ...surplus] = this.#objectsOf(service)
    if (peers === undefined) return first !== undefined
    const isRight = first?.said.isComplete === true && first.said.peers === peers.join() && this.#isOwned(first)
    return !isRight || surplus.length > 0
  }

  #isOwned({ said }: Existing): boolean {
    const owner = this.#options.owner()
    return owner === undefined || said.ownerUids.includes(owner.uid)
  }

  /** The one to keep first. */
  #sorted(service: string): readonly Existing[] {
    const own = this.#nameOf(service)
    return this.#objectsOf(service).toSorted(({ metadata: a }, { metadata: b }) =>
      a.name === own ? -1 : b.name === own ? 1 : a.name < b.name ? -1 : 1,
    )
  }

  #nameOf(service: string): string {
    return `bgp-${createHash('sha256').update(`${this.#options.node}/${service}`).digest('hex').slice(0, 16)}`
  }
}

/** Of a pod: the garbage collector removes what it owned. */
export const ownerReferences = (owner: Owner): object =>
  owner === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: owner.name, uid: owner.uid }] }

/** Trims a ServiceBGPStatus of a node to what tells whether it is right: there are as many as Services that it announces. */
export function createStatusKeep(node: string): (object: KubeObject) => KubeObject {
  const [texts, sayings] = [createSharing((text) => text), createSharing((json) => JSON.parse(json) as Said)]
  return ({ metadata, status }): Existing => {
    const said: Said = {
      isComplete: textAt(status, 'node') === node && textAt(status, 'serviceName') !== '',
      peers: listAt(status, 'peers')
        .map((peer) => textAt(peer))
        .join(),
      ownerUids: listAt(metadata['ownerReferences']).map((one) => textAt(one, 'uid')),
    }
    return {
      // Texts of ours: those that came with each object would be kept with each.
      apiVersion: 'metallb.io/v1beta1',
      kind: 'ServiceBGPStatus',
      metadata: { name: metadata.name, namespace: texts(metadata.namespace ?? ''), uid: metadata.uid ?? '' },
      service: [metadata.labels?.[labels.namespace] ?? '', metadata.labels?.[labels.name] ?? ''].join('/'),
      said: sayings(JSON.stringify(said)),
    }
  }
}

const isExisting = (object: KubeObject): object is Existing => 'said' in object && 'service' in object
