import { createHash } from 'node:crypto'
import type { NodePlan } from '@holdfast/announce'
import type { Prefix } from '@holdfast/ip'
import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { RouteStance } from '../sessions/announcements.ts'
import { listOf, recordOf, textOf } from './records.ts'
import type { Outcome } from './written.ts'
import { done, fieldManager, outcomeOf, removalOf } from './written.ts'

/** The pod that owns what the speaker writes (metadata.ownerReferences); undefined: there is none, or it is not known yet. */
export type Owner = { readonly name: string; readonly uid: string } | undefined

/** By key `namespace/name` of the Service: the sorted names of the BGPPeers that it is announced to. */
export type PeersByService = ReadonlyMap<string, readonly string[]>

/** MetalLB's ServiceBGPStatus says what a node is configured to announce: what is withdrawn for a drain does not count. */
export function peersByService(
  { decisions }: NodePlan,
  stance: RouteStance | ((prefix: Prefix) => RouteStance),
): PeersByService {
  const isOffered = (prefix: Prefix): boolean =>
    (typeof stance === 'function' ? stance(prefix) : stance) !== 'withdrawn'
  const wanted = new Map<string, readonly string[]>()
  for (const [service, decision] of decisions) {
    if (decision.kind === 'withheld') continue
    const routes = decision.routes.filter(({ prefix }) => isOffered(prefix))
    const [first, ...others] = routes.map(({ peers }) => peers)
    if (first === undefined) continue
    wanted.set(service, others.length === 0 ? first : [...new Set([first, ...others].flat())].sort())
  }
  return wanted
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

/** A ServiceBGPStatus that is there. */
interface Existing {
  readonly name: string
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
  #wanted: PeersByService = new Map()
  #existing: ReadonlyMap<string, readonly Existing[]> = new Map()

  constructor(options: ServiceStatusesOptions) {
    this.#options = options
  }

  /** Takes in what should be there; returns the keys of Services whose objects differ from it. */
  want(wanted: PeersByService): readonly string[] {
    this.#wanted = wanted
    return this.#differing()
  }

  /** Takes in what is there: the objects of this node. Returns the keys of Services whose objects differ from what should be. */
  heard(objects: Iterable<KubeObject>): readonly string[] {
    const existing = new Map<string, Existing[]>()
    for (const object of objects) {
      const key = serviceOf(object)
      const one = existingOf(object, this.#options.node)
      const known = existing.get(key)
      if (known === undefined) existing.set(key, [one])
      else known.push(one)
    }
    this.#existing = existing
    return this.#differing()
  }

  /** Brings the objects of one Service in line, by as few requests as that takes. Never rejects. */
  async reconcile(service: string): Promise<Outcome> {
    const { api, namespace } = this.#options
    const peers = this.#wanted.get(service)
    const [first, ...surplus] = this.#sorted(service)
    const extra = peers === undefined && first !== undefined ? [first, ...surplus] : surplus
    for (const { name } of extra) {
      const outcome = removalOf(await api.remove(resourceTypes.ServiceBGPStatus, { namespace, name }))
      if (outcome.kind === 'failed') return outcome
    }
    return peers === undefined ? done : this.#write(service, peers, first)
  }

  async #write(service: string, peers: readonly string[], existing: Existing | undefined): Promise<Outcome> {
    const { api } = this.#options
    const type = resourceTypes.ServiceBGPStatus
    const name = existing?.name ?? this.#nameOf(service)
    if (existing === undefined || !this.#isOwned(existing)) {
      const made = await api.apply(type, this.#object(service, name), { fieldManager })
      if (made.kind === 'fault') return outcomeOf(made)
    }
    if (existing?.isComplete === true && existing.peers === peers.join()) return done
    const [serviceNamespace, serviceName] = partsOf(service)
    const status = { node: this.#options.node, serviceName, serviceNamespace, peers }
    const { metadata, ...identity } = this.#object(service, name)
    const object = { ...identity, metadata: { name: metadata.name, namespace: this.#options.namespace }, status }
    return outcomeOf(await api.apply(type, object, { fieldManager, subresource: 'status' }))
  }

  #object(service: string, name: string): KubeObject {
    const { node, namespace, owner } = this.#options
    const [serviceNamespace, serviceName] = partsOf(service)
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

  #differing(): readonly string[] {
    const keys: string[] = []
    for (const [service, peers] of this.#wanted) {
      const [first, ...surplus] = this.#existing.get(service) ?? []
      const isRight = first?.isComplete === true && first.peers === peers.join() && this.#isOwned(first)
      if (!isRight || surplus.length > 0) keys.push(service)
    }
    for (const service of this.#existing.keys()) if (!this.#wanted.has(service)) keys.push(service)
    return keys
  }

  #isOwned({ ownerUids }: Existing): boolean {
    const owner = this.#options.owner()
    return owner === undefined || ownerUids.includes(owner.uid)
  }

  /** The one to keep first. */
  #sorted(service: string): readonly Existing[] {
    const own = this.#nameOf(service)
    return [...(this.#existing.get(service) ?? [])].sort((a, b) =>
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

/** What is kept of a ServiceBGPStatus to tell whether it is right. */
export const keepServiceStatus = ({ apiVersion, kind, metadata, status }: KubeObject): KubeObject => ({
  ...(apiVersion === undefined ? {} : { apiVersion }),
  ...(kind === undefined ? {} : { kind }),
  metadata: {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    labels: {
      [labels.name]: metadata.labels?.[labels.name] ?? '',
      [labels.namespace]: metadata.labels?.[labels.namespace] ?? '',
    },
    ownerReferences: listOf(metadata['ownerReferences']).map((one) => ({ uid: recordOf(one)['uid'] })),
  },
  status,
})

const serviceOf = ({ metadata }: KubeObject): string =>
  `${metadata.labels?.[labels.namespace] ?? ''}/${metadata.labels?.[labels.name] ?? ''}`

function existingOf({ metadata, status }: KubeObject, node: string): Existing {
  const said = recordOf(status)
  return {
    name: metadata.name,
    isComplete: said['node'] === node && textOf(said['serviceName']) !== '',
    peers: listOf(said['peers']).map(textOf).join(),
    ownerUids: listOf(metadata['ownerReferences']).map((one) => textOf(recordOf(one)['uid'])),
  }
}

function partsOf(service: string): readonly [string, string] {
  const at = service.indexOf('/')
  return [service.slice(0, at), service.slice(at + 1)]
}
