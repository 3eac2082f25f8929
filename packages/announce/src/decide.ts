import type { Family, Prefix } from '@holdfast/ip'
import { comparePrefixes, equalPrefixes, maskAddress } from '@holdfast/ip'
import type { Service } from '@holdfast/model'
import { selectsAny } from '@holdfast/model'
import { aggregationLengthOf, findConflict } from './conflict.ts'
import type { EndpointPlace } from './endpoints.ts'
import * as messages from './messages.ts'
import type { NodeAdvertisement, NodePool, NodeView } from './node-view.ts'
import { compareText } from './peers.ts'
import type { WithholdReason } from './reasons.ts'
import type { AllocatedAddress, AllocatedService, AnnouncedRoute, Decision, WithheldAddress } from './types.ts'

/** A prefix that a Service is announced by, and the advertisement that makes it so. */
export interface Offer {
  readonly prefix: Prefix
  readonly advertisement: NodeAdvertisement
}

/** The decision about one Service, and what it adds to the node's routes. */
interface Ruling {
  readonly decision: Decision
  readonly offers: readonly Offer[]
}

interface Refusal {
  readonly reason: WithholdReason
  readonly message: string
}

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'

/**
 * Decides about one Service on one node, each of its addresses on its own. The reasons are tried in the order of
 * `withholdReasons`: those of the Service, of the address's pool, of the node, of the endpoints, of the peers.
 */
export function decide(allocated: AllocatedService, view: NodeView, endpoints: EndpointPlace): Ruling {
  const refusal = refusalOfService(allocated, view)
  if (refusal !== undefined) return { decision: { kind: 'withheld', ...refusal, withheld: [] }, offers: [] }
  const withheld: WithheldAddress[] = []
  const offers: Offer[] = []
  const unfit = refusalOfNode(view) ?? refusalOfEndpoints(allocated.service, view, endpoints)
  for (const held of allocated.addresses) {
    const matched = matchPool(allocated, held, view)
    const answer = 'reason' in matched ? matched : (unfit ?? offersOf(held, matched.advertisements, view))
    if ('reason' in answer) withheld.push({ address: held.address, ...answer })
    else offers.push(...answer)
  }
  // As long as need be: an array that has grown keeps room for more.
  return { decision: decisionOf(offers, withheld.length === 0 ? none : withheld.slice()), offers: offers.slice() }
}

const none: readonly never[] = []

function decisionOf(offers: readonly Offer[], withheld: readonly WithheldAddress[]): Decision {
  const [first] = withheld
  if (offers.length > 0 || first === undefined) return { kind: 'announced', routes: routesOf(offers), withheld }
  return { kind: 'withheld', reason: first.reason, message: first.message, withheld }
}

function refusalOfService({ service, addresses }: AllocatedService, view: NodeView): Refusal | undefined {
  if (service.type !== 'LoadBalancer') return { reason: 'notLoadBalancer', message: messages.notLoadBalancer(service) }
  if (addresses.length === 0) return { reason: 'noIPAllocated', message: messages.noIPAllocated(service) }
  if (view.node === undefined) return { reason: 'nodeUnknown', message: messages.nodeUnknown(view.nodeName) }
  return undefined
}

/** The advertisements that announce an address's pool from this node for this Service, or why there are none. */
function matchPool(
  { service, addresses }: AllocatedService,
  held: AllocatedAddress,
  view: NodeView,
): Refusal | { readonly advertisements: readonly NodeAdvertisement[] } {
  const pool = view.poolOf(held)
  if (pool === undefined) return { reason: 'ipNotAllowed', message: messages.ipNotAllowed(service, held.address) }
  const advertisements = pool.here.filter(({ source }) => selectsAny(source.serviceSelectors, service.meta.labels))
  if (advertisements.length === 0) return refusalOfPool(service, pool, view)
  if (advertisements.length > 1) {
    // The conflict of one address withdraws all that the Service has from the pool, as it does in MetalLB.
    const families = new Set<Family>(
      addresses.filter((other) => view.poolOf(other) === pool).map((other) => other.address.family),
    )
    const conflict = findConflict(advertisements, families)
    if (conflict !== undefined) {
      return { reason: 'conflictingAdvertisements', message: messages.conflictingAdvertisements(conflict, families) }
    }
  }
  return { advertisements }
}

function refusalOfPool(service: Service, { pool, advertisements, here }: NodePool, view: NodeView): Refusal {
  const name = pool.meta.ref.name
  if (advertisements.length === 0) return { reason: 'noAdvertisement', message: messages.noAdvertisement(name) }
  if (here.length === 0) return { reason: 'notOwner', message: messages.notOwner(name, view.nodeName, advertisements) }
  const sources = here.map(({ source }) => source)
  return { reason: 'noMatchingAdvertisement', message: messages.noMatchingAdvertisement(service, sources) }
}

function refusalOfNode({ node, nodeName, ignoreExcludeLB }: NodeView): Refusal | undefined {
  if (node?.isNetworkUnavailable === true) {
    return { reason: 'nodeNetworkUnavailable', message: messages.nodeNetworkUnavailable(nodeName) }
  }
  if (!ignoreExcludeLB && node !== undefined && Object.hasOwn(node.meta.labels, excludeLabel)) {
    return {
      reason: 'nodeLabeledExcludeBalancers',
      message: messages.nodeLabeledExcludeBalancers(nodeName, excludeLabel),
    }
  }
  return undefined
}

function refusalOfEndpoints(service: Service, view: NodeView, endpoints: EndpointPlace): Refusal | undefined {
  if (service.externalTrafficPolicy === 'Local' && endpoints !== 'here') {
    return { reason: 'noLocalEndpoints', message: messages.noLocalEndpoints(service, view.nodeName) }
  }
  if (endpoints === 'none') return { reason: 'noEndpoints', message: messages.noEndpoints(service) }
  return undefined
}

/** One offer for each advertisement that reaches a peer; peers are known by name, sessions carry families. */
function offersOf(
  { address }: AllocatedAddress,
  advertisements: readonly NodeAdvertisement[],
  view: NodeView,
): Refusal | readonly Offer[] {
  const offers = advertisements
    .filter(({ carriers }) => carriers[address.family].length > 0)
    .map((advertisement) => ({
      prefix: maskAddress(address, aggregationLengthOf(advertisement.source, address.family)),
      advertisement,
    }))
  if (offers.length > 0) return offers
  const peers = [...new Set(advertisements.flatMap((advertisement) => advertisement.peers))].sort(compareText)
  if (peers.length === 0) {
    const sources = advertisements.map(({ source }) => source)
    return { reason: 'noMatchingPeer', message: messages.noMatchingPeer(view.nodeName, sources) }
  }
  return { reason: 'familyNotCarried', message: messages.familyNotCarried(address, peers) }
}

/** The offers by prefix, in order, each with every peer that gets it. */
function routesOf(offers: readonly Offer[]): readonly AnnouncedRoute[] {
  const routes: { prefix: Prefix; peers: readonly string[] }[] = []
  for (const { prefix, advertisement } of offers) {
    const peers = advertisement.carriers[prefix.address.family]
    const same = routes.find((route) => equalPrefixes(route.prefix, prefix))
    if (same === undefined) routes.push({ prefix, peers })
    else same.peers = [...new Set([...same.peers, ...peers])].sort(compareText)
  }
  return routes.sort((a, b) => comparePrefixes(a.prefix, b.prefix)).slice()
}
