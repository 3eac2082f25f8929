import { describeText } from '@holdfast/bgp'
import type { Address, Family } from '@holdfast/ip'
import { formatAddress, parseAddress } from '@holdfast/ip'
import type { FamilyRequest, ServiceRequest } from '@holdfast/ipam'
import type { Service } from '@holdfast/model'
import { annotationOf } from '@holdfast/model'

/** What a Service asks the allocator for. */
export type RequestResult =
  | { readonly kind: 'request'; readonly request: ServiceRequest; readonly usesOldPrefix: boolean }
  /** Of another type, or of a load balancer class that is not ours (COMPAT: spec.type, spec.loadBalancerClass). */
  | { readonly kind: 'notOurs' }

/** Where Services come from decides how they are read. */
export interface RequestRules {
  /** The class whose Services are served; undefined: those that name none. */
  readonly loadBalancerClass: string | undefined
  /** An API server gives every Service its cluster IPs, in manifests their place may be empty (docs/adr/0004). */
  readonly source: 'apiServer' | 'manifests'
}

/** Whether a Service is one to serve: of type LoadBalancer, and of exactly this class; undefined: of none. */
export const isOurs = (service: Service, loadBalancerClass: string | undefined): boolean =>
  service.type === 'LoadBalancer' && service.loadBalancerClass === loadBalancerClass

/** Reads a Service's wishes. `pinnedPools` are the pools whose serviceAllocation matches it, most preferred first. */
export function toRequest(
  key: string,
  service: Service,
  pinnedPools: readonly string[],
  rules: RequestRules,
): RequestResult {
  if (!isOurs(service, rules.loadBalancerClass)) return { kind: 'notOurs' }
  const wish = annotationOf(service, 'loadBalancerIPs')
  const requested = requestedAddresses(wish?.value, service.loadBalancerIP)
  const pool = annotationOf(service, 'address-pool')
  const sharing = annotationOf(service, 'allow-shared-ip')
  return {
    kind: 'request',
    usesOldPrefix: [wish, pool, sharing].some((annotation) => annotation?.isDeprecated === true),
    request: {
      key,
      ...(rules.source === 'apiServer' && service.meta.uid !== '' ? { uid: service.meta.uid } : {}),
      families: familyRequest(service, rules),
      ...(typeof requested === 'string'
        ? { requestedAddresses: none, requestFault: requested }
        : { requestedAddresses: requested }),
      requestedPool: pool?.value,
      sharing: sharingOf(service, sharing?.value),
      ports: service.ports,
      pinnedPools: pinnedPools.length === 0 ? none : pinnedPools,
    },
  }
}

/** Of what somebody wrote in place of an address: two of them fit. */
const longestShown = 80

/** The addresses asked for, or a sentence that says what is wrong with them (COMPAT section 2.3). */
function requestedAddresses(annotation: string | undefined, field: string | undefined): readonly Address[] | string {
  if (annotation !== undefined && field !== undefined) {
    const [one, other] = [describeText(field, longestShown), describeText(annotation, longestShown)]
    return `both spec.loadBalancerIP (${one}) and the annotation metallb.io/loadBalancerIPs (${other}) are set, and only one may be`
  }
  const text = annotation ?? field
  if (text === undefined) return none
  const addresses: Address[] = []
  for (const part of text.split(',').map((one) => one.trim())) {
    const address = parseAddress(part)
    if (!address.ok) return `the requested address "${describeText(part, longestShown)}" ${address.fault.message}`
    addresses.push(address.value)
  }
  return addressCountFault(addresses) ?? addresses
}

function addressCountFault(addresses: readonly Address[]): string | undefined {
  if (addresses.length > 2) return `${addresses.length} addresses are requested: a Service holds one of each family`
  const [first, second] = addresses
  if (first !== undefined && second?.family === first.family) {
    return `${formatAddress(first)} and ${formatAddress(second)} are of one family: request one of each`
  }
  return undefined
}

/** COMPAT section 2.6: the backend of policy Local is the selector, since all nodes with endpoints must be the same. */
const sharingOf = (service: Service, key: string | undefined): ServiceRequest['sharing'] =>
  key === undefined || key === ''
    ? undefined
    : { key, backend: service.externalTrafficPolicy === 'Local' ? service.selector : '' }

/** Lists without anything in them, and what nearly all Services ask for, are kept once: there are tens of thousands. */
const none: readonly never[] = []
const single: Readonly<Record<Family, FamilyRequest>> = {
  ipv4: { kind: 'single', family: 'ipv4' },
  ipv6: { kind: 'single', family: 'ipv6' },
}

function familyRequest(service: Service, { source }: RequestRules): FamilyRequest {
  const available = source === 'apiServer' ? clusterFamilies(service) : availableFamilies(service)
  const [first, second] = available
  if (first === undefined) return { kind: 'unknown' }
  switch (service.ipFamilyPolicy) {
    case 'SingleStack':
      return single[first]
    case 'RequireDualStack':
      return second === undefined ? { kind: 'notEnoughClusterIPs' } : { kind: 'requireDual' }
    case 'PreferDualStack':
      return { kind: 'preferDual', first: service.ipFamilies[0] ?? first, available }
  }
}

const clusterFamilies = ({ clusterIPs }: Service): readonly Family[] => [
  ...new Set(clusterIPs.map(({ family }) => family)),
]

/** docs/adr/0004: without an API server nobody gives a Service cluster IPs, so its other fields say the families. */
function availableFamilies(service: Service): readonly Family[] {
  if (service.clusterIPs.length > 0) return clusterFamilies(service)
  if (service.ipFamilies.length > 0) return service.ipFamilies
  return service.ipFamilyPolicy === 'SingleStack' ? ['ipv4'] : ['ipv4', 'ipv6']
}
