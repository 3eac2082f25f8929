/** Who coined a reason: `metallb` for those that its speaker logs under the same name. */
type ReasonOrigin = 'metallb' | 'holdfast'

interface ReasonText {
  readonly origin: ReasonOrigin
  readonly meaning: string
  /** What a person can do about it. */
  readonly remedy: string
}

/**
 * Every reason for which a node does not announce an address of a Service, in the order of the decision: the first that
 * applies is the one reported. MetalLB's stand in its own order, so that a word means here what it means there.
 */
export const withholdReasons = {
  notLoadBalancer: {
    origin: 'metallb',
    meaning: 'The Service is not of type LoadBalancer.',
    remedy: 'Set `spec.type: LoadBalancer` if the Service is meant to be reached from outside.',
  },
  noIPAllocated: {
    origin: 'metallb',
    meaning: 'The Service holds no address yet.',
    remedy: 'Look at the events of the Service: they say why no IPAddressPool could serve it.',
  },
  nodeUnknown: {
    origin: 'holdfast',
    meaning: 'There is no valid Node object for this node.',
    remedy: 'Create the Node, correct it, or start the program with the name of an existing one.',
  },
  ipNotAllowed: {
    origin: 'metallb',
    meaning: 'The address is in no IPAddressPool.',
    remedy: 'Put the address back into a pool, or wait until the Service has been given another one.',
  },
  noAdvertisement: {
    origin: 'holdfast',
    meaning: "No BGPAdvertisement includes the address's IPAddressPool.",
    remedy: 'Create a BGPAdvertisement, or add the pool to `ipAddressPools` or `ipAddressPoolSelectors` of one.',
  },
  notOwner: {
    origin: 'metallb',
    meaning: 'BGPAdvertisements include the pool, but the `nodeSelectors` of none selects this node.',
    remedy: 'Nothing, if other nodes are to announce it; otherwise change the selectors or the labels of the Node.',
  },
  noMatchingAdvertisement: {
    origin: 'metallb',
    meaning: 'BGPAdvertisements include pool and node, but the `serviceSelectors` of none selects the Service.',
    remedy: 'Change the labels of the Service, or add a BGPAdvertisement whose `serviceSelectors` match them.',
  },
  conflictingAdvertisements: {
    origin: 'metallb',
    meaning: 'Two BGPAdvertisements would announce the same prefix to the same peer with different `localPref`.',
    remedy: 'Give both the same `localPref`, or make their `peers`, `nodeSelectors` or aggregation lengths differ.',
  },
  nodeNetworkUnavailable: {
    origin: 'metallb',
    meaning: 'The Node has condition NetworkUnavailable=True.',
    remedy: 'Look at the network plugin of that node, which sets the condition.',
  },
  nodeLabeledExcludeBalancers: {
    origin: 'metallb',
    meaning: 'The Node has the label `node.kubernetes.io/exclude-from-external-load-balancers`, with any value.',
    remedy: 'Remove the label if the node is to announce; kubeadm sets it on control-plane nodes.',
  },
  noLocalEndpoints: {
    origin: 'metallb',
    meaning: 'The Service has `externalTrafficPolicy: Local` and no healthy endpoint on this node.',
    remedy: 'Nothing, if its pods run on other nodes; an endpoint without `nodeName` counts for no node.',
  },
  noEndpoints: {
    origin: 'metallb',
    meaning: 'No endpoint of the Service is healthy: with an address, and ready or serving.',
    remedy: 'Look at the pods and at the selector of the Service.',
  },
  noMatchingPeer: {
    origin: 'holdfast',
    meaning: 'The advertisements match, but no BGPPeer that they name, or none at all, selects this node.',
    remedy: 'Correct the names in `peers` of the BGPAdvertisement, or `nodeSelectors` of the BGPPeer.',
  },
  familyNotCarried: {
    origin: 'holdfast',
    meaning: "The sessions of the matching BGPPeers do not carry routes of the address's family.",
    remedy: 'Add a BGPPeer with an address of that family, or set `dualStackAddressFamily: true`.',
  },
} as const satisfies Readonly<Record<string, ReasonText>>

/** Why a node does not announce an address: a key of `withholdReasons`. */
export type WithholdReason = keyof typeof withholdReasons
