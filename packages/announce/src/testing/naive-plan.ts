import type { Address, Family } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt, bitsOf, compareAddresses, formatAddress } from '@holdfast/ip'
import type { BGPAdvertisement, BGPPeer, Community, LabelSelector, Model } from '@holdfast/model'
import type { AllocatedService, AnnounceInput, NodePlan } from '../types.ts'

/** A plan as texts: by peer `prefix localPref communities`, by Service `kind reason address:reason…`. */
interface PlanText {
  readonly routes: Readonly<Record<string, readonly string[]>>
  readonly decisions: Readonly<Record<string, string>>
}

/** The announcement rules once more, slow and plain, for `matchLabels` only: what a plan is compared with. */
export function naivePlan(input: AnnounceInput): PlanText {
  const offered = input.services.map((allocated) => ({ allocated, answers: answersOf(allocated, input) }))
  const routes = peersHere(input).map((peer): [string, readonly string[]] => {
    const offers = offered.flatMap(({ answers }) =>
      answers.flatMap((answer) => (answer.kind === 'offers' ? answer.offers.filter((one) => reaches(one, peer)) : [])),
    )
    const first = new Map(offers.map((offer) => [`${formatAddress(offer.network)}/${offer.length}`, offer]))
    const sorted = [...first].sort(([, a], [, b]) => compareAddresses(a.network, b.network) || a.length - b.length)
    return [
      peer.meta.ref.name,
      sorted.map(([prefix]) => {
        const same = offers.filter((offer) => `${formatAddress(offer.network)}/${offer.length}` === prefix)
        return routeText(
          prefix,
          same.map((offer) => offer.by),
        )
      }),
    ]
  })
  const decisions = offered.map(({ allocated: { service, addresses }, answers }): [string, string] => {
    const key = `${service.meta.ref.namespace}/${service.meta.ref.name}`
    const reasons = answers.map((answer) => (answer.kind === 'offers' ? '' : answer.reason))
    const [only = ''] = reasons
    if (addresses.length === 0 || service.type !== 'LoadBalancer') return [key, `withheld ${only}`]
    if (!input.model.nodes.has(input.node)) return [key, 'withheld nodeUnknown']
    const withheld = addresses.flatMap(({ address }, index) =>
      reasons[index] === '' ? [] : [`${formatAddress(address)}:${reasons[index] ?? ''}`],
    )
    return [key, [reasons.includes('') ? 'announced' : `withheld ${only}`, ...withheld].join(' ')]
  })
  return { routes: Object.fromEntries(routes), decisions: Object.fromEntries(decisions) }
}

/** A plan in the form of `naivePlan`. */
export function planText(plan: NodePlan): PlanText {
  const routes = [...plan.routes].map(([peer, list]): [string, readonly string[]] => [
    peer,
    list.map(({ prefix, localPref, communities }) => {
      const text = `${formatAddress(prefix.address)}/${prefix.length}`
      return [text, localPref ?? '-', ...communities.map(communityText)].join(' ')
    }),
  ])
  const decisions = [...plan.decisions].map(([key, decision]): [string, string] => {
    const withheld = decision.withheld.map(({ address, reason }) => `${formatAddress(address)}:${reason}`)
    return [key, [decision.kind === 'announced' ? 'announced' : `withheld ${decision.reason}`, ...withheld].join(' ')]
  })
  return { routes: Object.fromEntries(routes), decisions: Object.fromEntries(decisions) }
}

interface NaiveOffer {
  readonly network: Address
  readonly length: number
  readonly by: BGPAdvertisement
}

type Answer =
  { readonly kind: 'no'; readonly reason: string } | { readonly kind: 'offers'; readonly offers: NaiveOffer[] }

const matches = (selectors: readonly LabelSelector[], labels: Readonly<Record<string, string>>): boolean =>
  selectors.length === 0 ||
  selectors.some((one) => Object.entries(one.matchLabels).every(([key, value]) => labels[key] === value))

const peersHere = ({ model, node }: AnnounceInput): BGPPeer[] =>
  [...model.peers.values()].filter((one) => {
    const labels = model.nodes.get(node)?.meta.labels
    return labels !== undefined && matches(one.nodeSelectors, labels)
  })

const carries = (peer: BGPPeer, family: Family): boolean =>
  peer.dualStackAddressFamily || peer.interface !== undefined || peer.peerAddress?.family === family

const isNamed = (by: BGPAdvertisement, peer: BGPPeer): boolean =>
  by.peers.length === 0 || by.peers.includes(peer.meta.ref.name)

const reaches = (offer: NaiveOffer, peer: BGPPeer): boolean =>
  isNamed(offer.by, peer) && carries(peer, offer.network.family)

const lengthOf = (by: BGPAdvertisement, family: Family): number =>
  family === 'ipv4' ? by.aggregationLength : by.aggregationLengthV6

function answersOf(allocated: AllocatedService, input: AnnounceInput): Answer[] {
  const { service, addresses } = allocated
  if (service.type !== 'LoadBalancer') return [{ kind: 'no', reason: 'notLoadBalancer' }]
  if (addresses.length === 0) return [{ kind: 'no', reason: 'noIPAllocated' }]
  return addresses.map(({ address }) => answerFor(address, allocated, input))
}

function poolNameOf(address: Address, model: Model): string | undefined {
  const inside = [...model.pools.values()].filter((one) =>
    one.ranges.some(
      ({ first, last }) =>
        first.family === address.family &&
        addressToBigInt(first) <= addressToBigInt(address) &&
        addressToBigInt(address) <= addressToBigInt(last),
    ),
  )
  return inside[0]?.meta.ref.name
}

// eslint-disable-next-line complexity -- the whole decision in one place is what this model is for
function answerFor(address: Address, { service, addresses }: AllocatedService, input: AnnounceInput): Answer {
  const { model } = input
  const no = (reason: string): Answer => ({ kind: 'no', reason })
  const node = model.nodes.get(input.node)
  if (node === undefined) return no('nodeUnknown')
  const poolName = poolNameOf(address, model)
  const pool = [...model.pools.values()].find((one) => one.meta.ref.name === poolName)
  if (pool === undefined || poolName === undefined) return no('ipNotAllowed')
  const ofPool = [...model.advertisements.values()].filter((one) => {
    const isOpen = one.ipAddressPools.length === 0 && one.ipAddressPoolSelectors.length === 0
    const isSelected = one.ipAddressPoolSelectors.length > 0 && matches(one.ipAddressPoolSelectors, pool.meta.labels)
    return isOpen || isSelected || one.ipAddressPools.includes(poolName)
  })
  if (ofPool.length === 0) return no('noAdvertisement')
  const ofNode = ofPool.filter((one) => matches(one.nodeSelectors, node.meta.labels))
  if (ofNode.length === 0) return no('notOwner')
  const ofService = ofNode.filter((one) => matches(one.serviceSelectors, service.meta.labels))
  if (ofService.length === 0) return no('noMatchingAdvertisement')
  const held = addresses.filter((one) => poolNameOf(one.address, model) === poolName).map((one) => one.address)
  for (const a of ofService) {
    for (const b of ofService) {
      const sharePeer = a.peers.length === 0 || b.peers.length === 0 || a.peers.some((name) => b.peers.includes(name))
      const sharePrefix = held.some(({ family }) => lengthOf(a, family) === lengthOf(b, family))
      if ((a.localPref ?? 0) !== (b.localPref ?? 0) && sharePeer && sharePrefix) return no('conflictingAdvertisements')
    }
  }
  if (node.isNetworkUnavailable) return no('nodeNetworkUnavailable')
  if (!input.ignoreExcludeLB && 'node.kubernetes.io/exclude-from-external-load-balancers' in node.meta.labels) {
    return no('nodeLabeledExcludeBalancers')
  }
  const { name, namespace } = service.meta.ref
  const healthy = [...model.endpointSlices.values()]
    .filter((one) => one.serviceName === name && one.meta.ref.namespace === namespace)
    .flatMap((one) => one.endpoints)
    .filter((one) => one.isHealthy && one.addresses.length > 0)
  if (service.externalTrafficPolicy === 'Local' && !healthy.some((one) => one.nodeName === input.node)) {
    return no('noLocalEndpoints')
  }
  if (healthy.length === 0) return no('noEndpoints')
  const named = peersHere(input).filter((peer) => ofService.some((one) => isNamed(one, peer)))
  if (named.length === 0) return no('noMatchingPeer')
  if (!named.some((peer) => carries(peer, address.family))) return no('familyNotCarried')
  return {
    kind: 'offers',
    offers: ofService.map((by) => ({ ...networkOf(address, lengthOf(by, address.family)), by })),
  }
}

function networkOf(address: Address, length: number): { network: Address; length: number } {
  const size = 2n ** BigInt(bitsOf(address.family) - length)
  const value = addressToBigInt(address)
  return { network: addressFromBigInt(address.family, value - (value % size)), length }
}

const communityText = (one: Community): string =>
  one.kind === 'standard' ? `${one.high}:${one.low}` : `large:${one.globalAdmin}:${one.data1}:${one.data2}`

function routeText(prefix: string, by: readonly BGPAdvertisement[]): string {
  const best = Math.max(...by.map((one) => one.localPref ?? 100))
  const isSet = by.some((one) => one.localPref === best)
  const communities = [...new Set(by.flatMap((one) => one.communities).map(communityText))]
  // The tests use numbers of one digit count, which sort alike as text and as numbers; "l" sorts behind digits.
  return [prefix, isSet ? best : '-', ...communities.sort()].join(' ')
}
