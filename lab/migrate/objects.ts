// What a cluster with MetalLB's native back-end has: every way to ask for an address, and every way to announce one that this
// back-end knows. It carries IPv4 only, and refuses advertisements of IPv6 pools: such Services have addresses that nobody announces.

const namespace = 'metallb-system'

type Fields = Readonly<Record<string, unknown>>

const metallb = (kind: string, name: string, spec: Fields, version = 'v1beta1'): object => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace },
  spec,
})

const pool = (name: string, addresses: readonly string[], more: Fields = {}): object =>
  metallb('IPAddressPool', name, { addresses, ...more })

const hosts = (...values: readonly string[]): Fields => ({
  matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }],
})

export interface Addresses {
  readonly tor: string
  readonly core: string
}

/** What the administrator of MetalLB has. To be created in this order. */
export const configuration = ({ tor, core }: Addresses): readonly object[] => [
  ...['shop', 'gold', 'odd'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { team: name } },
  })),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/basic-auth',
    metadata: { name: 'tor', namespace },
    stringData: { username: 'any', password: 'tor-secret' },
  },
  pool('public', ['192.0.2.0/28', '192.0.2.100-192.0.2.110']),
  pool('manual', ['198.51.100.0/28'], { autoAssign: false }),
  pool('single', ['198.51.100.64/32'], { autoAssign: false }),
  pool('odd', ['203.0.113.0/25'], { avoidBuggyIPs: true, serviceAllocation: { priority: 20, namespaces: ['odd'] } }),
  pool('shop', ['203.0.113.128/28'], { serviceAllocation: { priority: 20, namespaces: ['shop'] } }),
  pool('shop-first', ['203.0.113.144/28'], {
    serviceAllocation: { priority: 10, namespaces: ['shop'], serviceSelectors: [{ matchLabels: { tier: 'first' } }] },
  }),
  pool('gold', ['203.0.113.160/28'], {
    serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: 'gold' } }] },
  }),
  pool('six', ['2001:db8:6::/120']),
  pool('dual', ['203.0.113.192/28', '2001:db8:64::/120'], { autoAssign: false }),
  metallb('Community', 'aliases', { communities: [{ name: 'blue', value: '64500:200' }] }),
  metallb(
    'BGPPeer',
    'tor',
    { myASN: 64500, peerASN: 64512, peerAddress: tor, passwordSecret: { name: 'tor', namespace } },
    'v1beta2',
  ),
  // The old version, which the webhook converts.
  metallb('BGPPeer', 'core', {
    myASN: 64500,
    peerASN: 64500,
    peerAddress: core,
    holdTime: '30s',
    password: 'core-secret',
    nodeSelectors: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-a', 'node-b'] }] },
    ],
  }),
  metallb('BGPAdvertisement', 'public', {
    ipAddressPools: ['public', 'manual', 'single', 'odd'],
    communities: ['blue', '64500:100'],
  }),
  metallb('BGPAdvertisement', 'shop', {
    ipAddressPools: ['shop', 'shop-first'],
    nodeSelectors: [hosts('node-a', 'node-b')],
    localPref: 150,
  }),
  metallb('BGPAdvertisement', 'gold', { ipAddressPools: ['gold'], peers: ['tor'], aggregationLength: 28 }),
  metallb('BGPAdvertisement', 'gold-host', { ipAddressPools: ['gold'], peers: ['core'], localPref: 120 }),
]

interface Wish {
  readonly name: string
  readonly namespace?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: Fields
  /** On which nodes its endpoints are; on all unless given. */
  readonly nodes?: readonly string[]
}

const port = (number: number, protocol = 'TCP'): Fields => ({ name: `p${number}`, protocol, port: number })
const shared = { 'metallb.io/allow-shared-ip': 'dns', 'metallb.io/loadBalancerIPs': '192.0.2.12' }

/** What the users of the cluster have. */
export const wishes: readonly Wish[] = [
  { name: 'web' },
  { name: 'by-field', spec: { loadBalancerIP: '192.0.2.9' } },
  { name: 'by-annotation', annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.10' } },
  { name: 'by-old-annotation', annotations: { 'metallb.universe.tf/loadBalancerIPs': '192.0.2.11' } },
  { name: 'manual', annotations: { 'metallb.io/address-pool': 'manual' } },
  { name: 'manual-old', annotations: { 'metallb.universe.tf/address-pool': 'manual' } },
  { name: 'dns-tcp', annotations: shared, spec: { ports: [port(53)] } },
  { name: 'dns-udp', annotations: shared, spec: { ports: [port(53, 'UDP')] } },
  { name: 'local', spec: { externalTrafficPolicy: 'Local' }, nodes: ['node-a', 'node-b'] },
  { name: 'without-endpoints', nodes: [] },
  { name: 'range', annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.105' } },
  { name: 'cart', namespace: 'shop' },
  { name: 'front', namespace: 'shop', labels: { tier: 'first' } },
  { name: 'coin', namespace: 'gold' },
  { name: 'bar', namespace: 'gold' },
  { name: 'dot', namespace: 'odd' },
  { name: 'six', spec: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] } },
  { name: 'dual', annotations: { 'metallb.io/address-pool': 'dual' }, spec: { ipFamilyPolicy: 'RequireDualStack' } },
  {
    name: 'prefers-dual',
    annotations: { 'metallb.io/address-pool': 'dual' },
    spec: { ipFamilyPolicy: 'PreferDualStack' },
  },
  { name: 'only', annotations: { 'metallb.io/address-pool': 'single' } },
]

/** Services that MetalLB gives nothing, each for another reason. */
export const refused: readonly Wish[] = [
  { name: 'too-late', annotations: { 'metallb.io/address-pool': 'single' } },
  { name: 'nowhere', annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.200' } },
  { name: 'taken', annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.10' } },
  { name: 'no-pool', annotations: { 'metallb.io/address-pool': 'silver' } },
  {
    name: 'both-ways',
    annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.14' },
    spec: { loadBalancerIP: '192.0.2.13' },
  },
  { name: 'other-class', spec: { loadBalancerClass: 'example.com/other' } },
]

/** The Service alone of a wish, and its EndpointSlice. */
export const objectsOf = (wish: Wish, nodes: readonly string[]): readonly [object, object] => {
  const { name, namespace: place = 'default', annotations = {}, labels = {}, spec = {} } = wish
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: place, annotations, labels },
      spec: { type: 'LoadBalancer', ports: [port(80)], ...spec },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace: place, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [],
      endpoints: (wish.nodes ?? nodes).map((nodeName, index) => ({
        addresses: [`10.244.${index}.10`],
        nodeName,
        conditions: { ready: true, serving: true, terminating: false },
      })),
    },
  ]
}
