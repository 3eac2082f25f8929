import type { Answer, ApiClient } from '../cluster/api-client.ts'
import type { PeopleAct, ServiceWish } from './people.ts'

/** Where a history takes place: its Services, pools, blocks and Lease are all in one namespace. */
export interface Scene {
  readonly client: ApiClient
  readonly namespace: string
  readonly servedClass: string
}

export const pathsOf = (namespace: string) =>
  ({
    Service: `/api/v1/namespaces/${namespace}/services`,
    IPAddressPool: `/apis/metallb.io/v1beta1/namespaces/${namespace}/ipaddresspools`,
    AddressBlock: `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/addressblocks`,
    Lease: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
  }) as const

export const leasePath = (namespace: string): string => `${pathsOf(namespace).Lease}/holdfast-controller`

/** Rejects where the API server refuses it: then the plan is wrong. */
export async function carryOut(act: PeopleAct, scene: Scene): Promise<void> {
  const { client } = scene
  const paths = pathsOf(scene.namespace)
  const path = `${act.kind.endsWith('Pool') ? paths.IPAddressPool : paths.Service}/${act.name}`
  switch (act.kind) {
    case 'delete':
    case 'deletePool':
      await client.remove(path)
      return
    case 'create':
      await client.create(paths.Service, serviceObject(act.name, act.wish, scene))
      return
    case 'recreate':
      await client.remove(path)
      await client.create(paths.Service, serviceObject(act.name, act.wish, scene))
      return
    case 'change':
      await client.merge(path, { metadata: { annotations: annotationsOf(act.wish) }, spec: portsOf(act.wish) })
      return
    case 'changeType':
      await client.merge(path, { spec: typeOf(act.isServed, scene) })
      return
    case 'setPool':
      await client.apply(path, poolObject(act))
  }
}

/** 404: somebody else was faster. */
export const dropLease = (scene: Scene): Promise<Answer> => scene.client.send('DELETE', leasePath(scene.namespace))

const serviceObject = (name: string, wish: ServiceWish, scene: Scene): unknown => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, annotations: withoutNulls(annotationsOf(wish)) },
  spec: { ...typeOf(true, scene), ...portsOf(wish), ...familiesOf(wish) },
})

const withoutNulls = (all: Readonly<Record<string, string | null>>): Readonly<Record<string, string | null>> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))

/** The class may be there only while it is a load balancer. */
const typeOf = (isServed: boolean, { servedClass }: Scene) => ({
  type: isServed ? 'LoadBalancer' : 'ClusterIP',
  loadBalancerClass: isServed ? servedClass : null,
  // A merge patch leaves no node ports behind.
  allocateLoadBalancerNodePorts: isServed ? false : null,
})

const portsOf = ({ port }: ServiceWish) => ({ ports: [{ port, protocol: 'TCP' }] })

function familiesOf({ families }: ServiceWish) {
  if (families === 'both') return { ipFamilyPolicy: 'RequireDualStack' }
  if (families === 'preferBoth') return { ipFamilyPolicy: 'PreferDualStack' }
  return { ipFamilyPolicy: 'SingleStack', ipFamilies: [families] }
}

/** null: as a merge patch takes it away. */
const annotationsOf = ({ sharingKey, requested, pool }: ServiceWish) => ({
  'metallb.io/allow-shared-ip': sharingKey ?? null,
  'metallb.io/loadBalancerIPs': requested.length === 0 ? null : requested.join(','),
  'metallb.io/address-pool': pool ?? null,
})

const poolObject = (act: PeopleAct & { readonly kind: 'setPool' }): unknown => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name: act.name },
  spec: {
    // One by one, so that who reads them needs no arithmetic.
    addresses: act.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
    autoAssign: act.isForAll,
  },
})
