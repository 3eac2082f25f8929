import { equalAddresses } from '@holdfast/ip'
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
  readonly key: string
  readonly allocated: AllocatedService
  readonly place: EndpointPlace
  readonly offers: readonly Offer[]
  /** The last pass that had the Service. */
  pass: number
}

/** By Service key; undefined: the Service is gone. */
type Changes = Map<string, Decision | undefined>

/** The plan of one node under one view, from pass to pass. */
class Ledger {
  readonly #view: NodeView
  readonly #endpoints: EndpointIndex
  readonly #table: RouteTable
  readonly #entries = new Map<string, Entry>()
  /** The entries of the last pass in the order of its Services: most keep their place from pass to pass. */
  #order: readonly Entry[] = []
  #pass = 0
  #plan: NodePlan

  constructor(view: NodeView) {
    this.#view = view
    this.#endpoints = new EndpointIndex(view.nodeName)
    this.#table = new RouteTable(view.peers.map((peer) => peer.meta.ref.name))
    this.#plan = { routes: this.#table.routes(), decisions: new Map() }
  }

  advance({ model, services }: AnnounceInput): NodePlan {
    this.#pass += 1
    const touched = this.#endpoints.update(model.endpointSlices)
    const changes: Changes = new Map()
    const order: Entry[] = []
    let isSameOrder = services.length === this.#order.length
    for (const allocated of services) {
      const expected = this.#order[order.length]
      const entry = this.#settle(allocated, expected, touched, changes)
      isSameOrder &&= entry.key === expected?.key
      order.push(entry)
    }
    if (!isSameOrder) this.#forget(changes)
    this.#order = order
    return this.#publish(changes)
  }

  /** The entry of a Service after this pass, `expected` being the one that was at its place in the last. */
  #settle(
    allocated: AllocatedService,
    expected: Entry | undefined,
    touched: ReadonlySet<string>,
    changes: Changes,
  ): Entry {
    const isExpected = expected?.allocated.service === allocated.service
    const key = isExpected ? expected.key : keyOf(allocated)
    const entry = isExpected ? expected : this.#entries.get(key)
    const place = entry === undefined || touched.has(key) ? this.#endpoints.placeOf(key) : entry.place
    const isSettled = entry?.place === place && isSameService(entry.allocated, allocated)
    const settled = isSettled ? entry : this.#decide(key, allocated, place, changes)
    settled.pass = this.#pass
    return settled
  }

  #decide(key: string, allocated: AllocatedService, place: EndpointPlace, changes: Changes): Entry {
    const { decision, offers } = decide(allocated, this.#view, place)
    for (const offer of this.#entries.get(key)?.offers ?? []) this.#table.remove(offer)
    for (const offer of offers) this.#table.add(offer)
    const entry = { key, allocated, place, offers, pass: this.#pass }
    this.#entries.set(key, entry)
    changes.set(key, decision)
    return entry
  }

  /** Drops the Services that this pass did not have. */
  #forget(changes: Changes): void {
    for (const [key, entry] of this.#entries) {
      if (entry.pass === this.#pass) continue
      for (const offer of entry.offers) this.#table.remove(offer)
      this.#entries.delete(key)
      changes.set(key, undefined)
    }
  }

  #publish(changes: Changes): NodePlan {
    if (changes.size === 0) return this.#plan
    const decisions = new Map(this.#plan.decisions)
    for (const [key, decision] of changes) {
      if (decision === undefined) decisions.delete(key)
      else decisions.set(key, decision)
    }
    this.#plan = { routes: this.#table.routes(), decisions }
    return this.#plan
  }
}

const keyOf = ({ service }: AllocatedService): string => `${service.meta.ref.namespace}/${service.meta.ref.name}`

const isSameService = (a: AllocatedService, b: AllocatedService): boolean =>
  a === b ||
  (a.service === b.service &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((held, index) => isSameAddress(held, b.addresses[index])))

const isSameAddress = (a: AllocatedAddress, b: AllocatedAddress | undefined): boolean =>
  a.pool === b?.pool && equalAddresses(a.address, b.address)
