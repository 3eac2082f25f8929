import { equalAddresses } from '@holdfast/ip'
import { listDifference, SortedMap } from '@holdfast/model'
import type { Offer } from './decide.ts'
import { decide } from './decide.ts'
import type { EndpointPlace } from './endpoints.ts'
import { EndpointIndex } from './endpoints.ts'
import type { NodeView } from './node-view.ts'
import { isSameView, viewOf } from './node-view.ts'
import { RouteTable } from './route-table.ts'
import type { AllocatedAddress, AllocatedService, AnnounceInput, Decision, NodePlan } from './types.ts'

/**
 * What one node offers to each of its peers, and why it offers nothing for the other Services. The same input gives the
 * same plan anywhere and in any order of its parts.
 */
export const planNode = (input: AnnounceInput): NodePlan => createAnnouncer()(input)

/**
 * A `planNode` that remembers: each call gives what `planNode` would give, and most of its cost is that of what changed
 * since the call before. It tells by the identity of the resources, so a changed object must be another object.
 * Plans that it has given out stay as they are; parts that did not change are the same objects as before.
 */
export function createAnnouncer(): (input: AnnounceInput) => NodePlan {
  let last: { readonly input: AnnounceInput; readonly ledger: Ledger } | undefined
  return (input) => {
    const ledger = last !== undefined && isSameView(last.input, input) ? last.ledger : new Ledger(viewOf(input))
    // A pass that throws must not leave a half-kept ledger to the next one.
    last = undefined
    const plan = ledger.advance(input)
    last = { input, ledger }
    return plan
  }
}

/** What is known of a Service since it was last decided about. */
interface Entry {
  readonly allocated: AllocatedService
  readonly place: EndpointPlace
  readonly offers: readonly Offer[]
}

/** By Service key; undefined: the Service is gone. */
type Changes = Map<string, Decision | undefined>

/** The plan of one node under one view, from pass to pass. */
class Ledger {
  readonly #view: NodeView
  readonly #endpoints: EndpointIndex
  readonly #table: RouteTable
  readonly #entries = new Map<string, Entry>()
  #services: readonly AllocatedService[] = []
  #decisions = SortedMap.empty<Decision>()
  #plan: NodePlan

  constructor(view: NodeView) {
    this.#view = view
    this.#endpoints = new EndpointIndex(view.nodeName)
    this.#table = new RouteTable(view.peers.map((peer) => peer.meta.ref.name))
    this.#plan = { routes: this.#table.routes(), decisions: this.#decisions }
  }

  advance({ model, services }: AnnounceInput): NodePlan {
    const touched = this.#endpoints.update(model.endpointSlices)
    const { removed, added } = listDifference(this.#services, services)
    // The caller's list is the caller's to change.
    if (removed.length + added.length > 0) this.#services = services.slice()
    const changes: Changes = new Map()
    const gone = new Set(removed.map(keyOf))
    for (const allocated of added) {
      const key = keyOf(allocated)
      gone.delete(key)
      this.#settle(key, allocated, changes)
    }
    for (const key of gone) this.#forget(key, changes)
    for (const key of touched) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) this.#settle(key, entry.allocated, changes)
    }
    return this.#publish(changes)
  }

  /** Decides about a Service, unless it and the place of its endpoints are what they were. */
  #settle(key: string, allocated: AllocatedService, changes: Changes): void {
    const entry = this.#entries.get(key)
    const place = this.#endpoints.placeOf(key)
    if (entry?.place === place && isSameService(entry.allocated, allocated)) return
    const { decision, offers } = decide(allocated, this.#view, place)
    this.#withdraw(entry)
    for (const offer of offers) this.#table.add(offer)
    this.#entries.set(key, { allocated, place, offers })
    changes.set(key, decision)
  }

  #forget(key: string, changes: Changes): void {
    this.#withdraw(this.#entries.get(key))
    this.#entries.delete(key)
    changes.set(key, undefined)
  }

  #withdraw(entry: Entry | undefined): void {
    for (const offer of entry?.offers ?? []) this.#table.remove(offer)
  }

  #publish(changes: Changes): NodePlan {
    if (changes.size === 0) return this.#plan
    this.#decisions = this.#decisions.with([...changes])
    this.#plan = { routes: this.#table.routes(), decisions: this.#decisions }
    return this.#plan
  }
}

/** Joined: see `keyOf` of the model. */
const keyOf = ({ service }: AllocatedService): string => [service.meta.ref.namespace, service.meta.ref.name].join('/')

const isSameService = (a: AllocatedService, b: AllocatedService): boolean =>
  a === b ||
  (a.service === b.service &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((held, index) => isSameAddress(held, b.addresses[index])))

const isSameAddress = (a: AllocatedAddress, b: AllocatedAddress | undefined): boolean =>
  a.pool === b?.pool && equalAddresses(a.address, b.address)
