import assert from 'node:assert/strict'
import type { Address, Range } from '@holdfast/ip'
import { parseAddress, parsePrefix, parseRange, prefixToRange } from '@holdfast/ip'
import type {
  BGPAdvertisement,
  BGPPeer,
  Community,
  EndpointSlice,
  IPAddressPool,
  LabelSelector,
  Meta,
  Model,
  Node,
  Service,
} from '@holdfast/model'
import type { AllocatedService, AnnounceInput } from '../types.ts'

type Labels = Readonly<Record<string, string>>

const meta = (kind: string, name: string, namespace: string, labels: Labels = {}): Meta => ({
  ref: { kind, namespace, name },
  labels,
  annotations: {},
  uid: '',
  isStale: false,
})

/** The parsed value of a text that a test knows to be right. */
function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

function range(text: string): Range {
  if (text.includes('-')) {
    const parsed = parseRange(text)
    assert.ok(parsed.ok, text)
    return parsed.value
  }
  const parsed = parsePrefix(text)
  assert.ok(parsed.ok, text)
  return prefixToRange(parsed.value)
}

export const labelled = (matchLabels: Labels): LabelSelector => ({ matchLabels, matchExpressions: [] })

export const standard = (high: number, low: number): Community => ({ kind: 'standard', high, low })

export const large = (globalAdmin: number, data1: number, data2: number): Community => ({
  kind: 'large',
  globalAdmin,
  data1,
  data2,
})

export const pool = (name: string, ranges: readonly string[], labels: Labels = {}): IPAddressPool => ({
  kind: 'IPAddressPool',
  meta: meta('IPAddressPool', name, 'holdfast', labels),
  ranges: ranges.map(range),
  autoAssign: true,
  avoidBuggyIPs: false,
  serviceAllocation: undefined,
})

export const advertisement = (name: string, fields: Partial<BGPAdvertisement> = {}): BGPAdvertisement => ({
  kind: 'BGPAdvertisement',
  meta: meta('BGPAdvertisement', name, 'holdfast'),
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: undefined,
  communities: [],
  ipAddressPools: [],
  ipAddressPoolSelectors: [],
  nodeSelectors: [],
  peers: [],
  serviceSelectors: [],
  ...fields,
})

export const peer = (name: string, peerAddress: string | undefined, fields: Partial<BGPPeer> = {}): BGPPeer => ({
  kind: 'BGPPeer',
  meta: meta('BGPPeer', name, 'holdfast'),
  myASN: 64512,
  peerASN: 64513,
  dynamicASN: undefined,
  peerAddress: peerAddress === undefined ? undefined : address(peerAddress),
  interface: peerAddress === undefined ? 'eth0' : undefined,
  sourceAddress: undefined,
  peerPort: 179,
  holdTimeMs: undefined,
  keepaliveTimeMs: undefined,
  connectTimeMs: undefined,
  routerID: undefined,
  nodeSelectors: [],
  localASN: undefined,
  ebgpMultiHop: false,
  dualStackAddressFamily: false,
  password: undefined,
  passwordObstacle: undefined,
  passwordSecret: undefined,
  bfdProfile: undefined,
  enableGracefulRestart: false,
  vrf: undefined,
  ...fields,
})

export const node = (name: string, labels: Labels = {}, isNetworkUnavailable = false): Node => ({
  kind: 'Node',
  meta: meta('Node', name, '', labels),
  isNetworkUnavailable,
  internalIPs: [],
})

interface ServiceFields extends Partial<Omit<Service, 'kind' | 'meta'>> {
  readonly labels?: Labels
}

export function service(name: string, { labels = {}, ...fields }: ServiceFields = {}): Service {
  return {
    kind: 'Service',
    meta: meta('Service', name, 'default', labels),
    type: 'LoadBalancer',
    loadBalancerClass: undefined,
    loadBalancerIP: undefined,
    externalTrafficPolicy: 'Cluster',
    clusterIPs: [],
    ipFamilies: [],
    ipFamilyPolicy: 'SingleStack',
    ports: [],
    selector: '',
    ingress: [],
    isHeldOver: false,
    ...fields,
  }
}

type Endpoint = EndpointSlice['endpoints'][number]

/** A healthy endpoint with an address. */
export const endpoint = (nodeName: string | undefined, fields: Partial<Endpoint> = {}): Endpoint => ({
  addresses: ['10.0.0.1'],
  nodeName,
  isHealthy: true,
  ...fields,
})

export const slice = (
  name: string,
  serviceName: string,
  endpoints: readonly Endpoint[],
  namespace = 'default',
): EndpointSlice => ({ kind: 'EndpointSlice', meta: meta('EndpointSlice', name, namespace), serviceName, endpoints })

/** Each address with its pool: `192.0.2.1 blue`. */
export const allocated = (one: Service, ...addresses: readonly string[]): AllocatedService => ({
  service: one,
  addresses: addresses.map((text) => {
    const [held = '', poolName = ''] = text.split(' ')
    return { address: address(held), pool: poolName }
  }),
})

export interface Parts {
  readonly pools?: readonly IPAddressPool[]
  readonly advertisements?: readonly BGPAdvertisement[]
  readonly peers?: readonly BGPPeer[]
  readonly nodes?: readonly Node[]
  readonly slices?: readonly EndpointSlice[]
  readonly services?: readonly AllocatedService[]
  readonly ignoreExcludeLB?: boolean
}

/** What `node` is asked to announce. The order of the maps is that of the parts. */
export const inputOf = (nodeName: string, parts: Parts): AnnounceInput => ({
  node: nodeName,
  model: modelOf(parts),
  services: parts.services ?? [],
  ignoreExcludeLB: parts.ignoreExcludeLB ?? false,
})

function modelOf(parts: Parts): Model {
  return {
    pools: keyed(parts.pools),
    advertisements: keyed(parts.advertisements),
    peers: keyed(parts.peers),
    bfdProfiles: new Map(),
    peerPolicies: new Map(),
    communities: new Map(),
    services: keyed(parts.services?.map((one) => one.service)),
    endpointSlices: keyed(parts.slices),
    nodes: keyed(parts.nodes),
    namespaces: new Map(),
    secrets: new Map(),
  }
}

const keyed = <T extends { readonly meta: Meta }>(resources: readonly T[] = []): ReadonlyMap<string, T> =>
  new Map(
    resources.map((one) => {
      const { namespace, name } = one.meta.ref
      return [namespace === '' ? name : `${namespace}/${name}`, one]
    }),
  )
