import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A directory of manifests, edited the way a careful tool does it: a new file replaces the old one in one step. */
export class ManifestDirectory {
  readonly path: string

  constructor(path: string) {
    this.path = path
    mkdirSync(path, { recursive: true })
  }

  /** Writes one file of several documents. */
  write(file: string, ...documents: readonly string[]): void {
    const temporary = join(this.path, `.${file}.tmp`)
    writeFileSync(temporary, documents.map((one) => one.trim()).join('\n---\n') + '\n')
    renameSync(temporary, join(this.path, file))
  }

  remove(file: string): void {
    rmSync(join(this.path, file))
  }
}

export const nodeManifest = (name: string, internalIPs: readonly string[]): string => `
apiVersion: v1
kind: Node
metadata:
  name: ${name}
  labels:
    kubernetes.io/hostname: ${name}
status:
  addresses:
${internalIPs.map((address) => `    - type: InternalIP\n      address: "${address}"`).join('\n')}
`

export const namespaceManifest = (name: string): string => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
`

interface PoolSpec {
  readonly name: string
  readonly addresses: readonly string[]
}

export const poolManifest = ({ name, addresses }: PoolSpec): string => `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: ${name}
  namespace: metallb-system
spec:
  addresses: ${JSON.stringify(addresses)}
`

interface AdvertisementSpec {
  readonly name: string
  readonly communities?: readonly string[]
  readonly localPref?: number
  /** Names of the nodes that announce; all where left out. */
  readonly nodes?: readonly string[]
  readonly pools?: readonly string[]
  readonly aggregationLength?: number
  readonly aggregationLengthV6?: number
  /** Names of the Services that it is for; all where left out. */
  readonly services?: readonly string[]
}

export const advertisementManifest = (spec: AdvertisementSpec): string => `
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata:
  name: ${spec.name}
  namespace: metallb-system
spec:
  communities: ${JSON.stringify(spec.communities ?? [])}
  ipAddressPools: ${JSON.stringify(spec.pools ?? [])}
${optional('localPref', spec.localPref)}
${optional('aggregationLength', spec.aggregationLength)}
${optional('aggregationLengthV6', spec.aggregationLengthV6)}
${selectors('nodeSelectors', 'kubernetes.io/hostname', spec.nodes)}
${selectors('serviceSelectors', 'app', spec.services)}
`

export interface PeerSpec {
  readonly name: string
  readonly myASN: number
  readonly peerASN: number
  readonly peerAddress: string
  readonly peerPort?: number
  readonly holdTime?: string
  readonly keepaliveTime?: string
  readonly connectTime?: string
  /** Names of the nodes that open a session; all where left out. */
  readonly nodes?: readonly string[]
  readonly dualStackAddressFamily?: boolean
}

export const peerManifest = (spec: PeerSpec): string => `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata:
  name: ${spec.name}
  namespace: metallb-system
spec:
  myASN: ${spec.myASN}
  peerASN: ${spec.peerASN}
  peerAddress: "${spec.peerAddress}"
  peerPort: ${spec.peerPort ?? 179}
  holdTime: ${spec.holdTime ?? '9s'}
  keepaliveTime: ${spec.keepaliveTime ?? '3s'}
  connectTime: ${spec.connectTime ?? '1s'}
  dualStackAddressFamily: ${spec.dualStackAddressFamily ?? false}
${selectors('nodeSelectors', 'kubernetes.io/hostname', spec.nodes)}
`

interface ServiceSpec {
  readonly name: string
  readonly externalTrafficPolicy?: 'Cluster' | 'Local'
  /** The last number of the Service's cluster IPs, which nothing in the lab routes. */
  readonly id: number
  /** Addresses that the Service asks for; the pools choose where left out. */
  readonly loadBalancerIPs?: readonly string[]
}

const annotations = (addresses: readonly string[] | undefined): string =>
  addresses === undefined ? '' : `  annotations:\n    metallb.io/loadBalancerIPs: "${addresses.join(',')}"`

/** A Service with an IPv4 and an IPv6 address. */
export const serviceManifest = (spec: ServiceSpec): string => `
apiVersion: v1
kind: Service
metadata:
  name: ${spec.name}
  namespace: default
  labels:
    app: ${spec.name}
${annotations(spec.loadBalancerIPs)}
spec:
  type: LoadBalancer
  externalTrafficPolicy: ${spec.externalTrafficPolicy ?? 'Cluster'}
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv4, IPv6]
  clusterIP: 10.96.0.${spec.id}
  clusterIPs: [10.96.0.${spec.id}, "fd00:96::${spec.id}"]
  selector:
    app: ${spec.name}
  ports:
    - name: http
      protocol: TCP
      port: 80
      targetPort: 80
`

interface EndpointSpec {
  readonly node: string
  readonly isReady: boolean
}

/** The EndpointSlices of a Service, one for each family. */
export const endpointsManifest = (service: string, endpoints: readonly EndpointSpec[]): string =>
  (['IPv4', 'IPv6'] as const).map((family) => slice(service, family, endpoints)).join('\n---\n')

const slice = (service: string, family: 'IPv4' | 'IPv6', endpoints: readonly EndpointSpec[]): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${service}-${family.toLowerCase()}
  namespace: default
  labels:
    kubernetes.io/service-name: ${service}
addressType: ${family}
ports:
  - name: http
    protocol: TCP
    port: 80
endpoints:${endpoints.length === 0 ? ' []' : ''}
${endpoints
  .map(
    ({ node, isReady }, index) => `  - addresses: ["${family === 'IPv4' ? '10.244.0.' : 'fd00:244::'}${index + 1}"]
    nodeName: ${node}
    conditions:
      ready: ${isReady}
      serving: ${isReady}
      terminating: false`,
  )
  .join('\n')}
`

function selectors(field: string, label: string, values: readonly string[] | undefined): string {
  if (values === undefined) return ''
  return `  ${field}:
    - matchExpressions:
        - { key: ${label}, operator: In, values: ${JSON.stringify(values)} }`
}

const optional = (field: string, value: number | undefined): string =>
  value === undefined ? '' : `  ${field}: ${value}`
