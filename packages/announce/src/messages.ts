import type { Address, Family } from '@holdfast/ip'
import { formatAddress } from '@holdfast/ip'
import type { BGPAdvertisement, LabelSelector, Service } from '@holdfast/model'
import { aggregationLengthOf } from './conflict.ts'
import type { Conflict } from './conflict.ts'
import { compareText } from './peers.ts'

/** At most this many objects are named in one message; the rest are counted. */
const namedAtMost = 4

const named = (service: Service): string => `Service ${service.meta.ref.namespace}/${service.meta.ref.name}`

export const notLoadBalancer = (service: Service): string =>
  `${named(service)} has type ${service.type}: only type LoadBalancer is announced`

export const noIPAllocated = (service: Service): string => `${named(service)} holds no address`

export const nodeUnknown = (node: string): string => `there is no valid Node ${node}`

export const ipNotAllowed = (service: Service, address: Address): string =>
  `${formatAddress(address)}, held by ${named(service)}, is in no IPAddressPool`

export const noAdvertisement = (pool: string): string => `no BGPAdvertisement includes IPAddressPool ${pool}`

export const notOwner = (pool: string, node: string, advertisements: readonly BGPAdvertisement[]): string =>
  `none of the BGPAdvertisements of IPAddressPool ${pool} selects Node ${node}: ` +
  listed(advertisements.map((one) => `${nameOf(one)} wants ${selectorsText(one.nodeSelectors)}`))

export const noMatchingAdvertisement = (service: Service, advertisements: readonly BGPAdvertisement[]): string =>
  `${named(service)} has ${labelsText(service.meta.labels)}, which none of the BGPAdvertisements selects: ` +
  listed(advertisements.map((one) => `${nameOf(one)} wants ${selectorsText(one.serviceSelectors)}`))

export function conflictingAdvertisements([a, b]: Conflict, families: ReadonlySet<Family>): string {
  const lengths = [...families].filter((family) => aggregationLengthOf(a, family) === aggregationLengthOf(b, family))
  const prefixes = lengths.map((family) => `/${aggregationLengthOf(a, family)}`).join(' and ')
  return (
    `BGPAdvertisements ${nameOf(a)} (localPref ${localPrefText(a)}) and ${nameOf(b)} (localPref ${localPrefText(b)}) ` +
    `would announce the same ${prefixes} prefix to ${commonPeersText(a, b)}`
  )
}

export const nodeNetworkUnavailable = (node: string): string => `Node ${node} has condition NetworkUnavailable=True`

export const nodeLabeledExcludeBalancers = (node: string, label: string): string =>
  `Node ${node} has the label ${label}`

export const noLocalEndpoints = (service: Service, node: string): string =>
  `${named(service)} has externalTrafficPolicy Local and no healthy endpoint on Node ${node}`

export const noEndpoints = (service: Service): string => `${named(service)} has no healthy endpoint`

export const noMatchingPeer = (node: string, advertisements: readonly BGPAdvertisement[]): string =>
  advertisements.some((one) => one.peers.length === 0)
    ? `no BGPPeer selects Node ${node}`
    : `no BGPPeer that selects Node ${node} is named by the BGPAdvertisements: ` +
      listed(advertisements.map((one) => `${nameOf(one)} names ${listed(one.peers)}`))

export const familyNotCarried = (address: Address, peers: readonly string[]): string =>
  `${formatAddress(address)} is ${address.family === 'ipv4' ? 'IPv4' : 'IPv6'}, ` +
  `which no session with these BGPPeers carries: ${listed(peers)}`

const nameOf = (advertisement: BGPAdvertisement): string => advertisement.meta.ref.name

const localPrefText = ({ localPref }: BGPAdvertisement): string =>
  localPref === undefined ? 'not set' : String(localPref)

function commonPeersText(a: BGPAdvertisement, b: BGPAdvertisement): string {
  if (a.peers.length === 0 && b.peers.length === 0) return 'every BGPPeer'
  if (a.peers.length === 0) return `BGPPeer ${listed(b.peers)}`
  if (b.peers.length === 0) return `BGPPeer ${listed(a.peers)}`
  return `BGPPeer ${listed(a.peers.filter((peer) => b.peers.includes(peer)))}`
}

const listed = (texts: readonly string[]): string =>
  texts.length <= namedAtMost
    ? texts.join(', ')
    : `${texts.slice(0, namedAtMost).join(', ')} and ${texts.length - namedAtMost} more`

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = pairsOf(labels)
  if (pairs.length === 0) return 'no labels'
  return `label${pairs.length === 1 ? '' : 's'} ${listed(pairs)}`
}

const pairsOf = (labels: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(labels)
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => `${key}=${value}`)

const selectorsText = (selectors: readonly LabelSelector[]): string => selectors.map(selectorText).join(' or ')

/** As kubectl takes it after `-l`. */
function selectorText(selector: LabelSelector): string {
  const expressions = selector.matchExpressions.map(({ key, operator, values }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`
      case 'NotIn':
        return `${key} notin (${values.join(',')})`
      case 'Exists':
        return key
      case 'DoesNotExist':
        return `!${key}`
    }
  })
  return [...pairsOf(selector.matchLabels), ...expressions].join(',')
}
