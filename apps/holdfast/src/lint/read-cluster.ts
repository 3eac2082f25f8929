import type { ApiFault, KubeApi, KubeObject, ListOptions, ResourceType, Selection } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import { ApiError } from '../kubernetes/api-error.ts'
import type { NotRead } from './world.ts'

/** What a cluster has of everything that is looked at. */
export interface ClusterObjects {
  readonly objects: readonly RawObject[]
  readonly notRead: readonly NotRead[]
}

/** Objects a page. */
const pageSize = 500

const type = (apiVersion: string, plural: string, kind: string, isNamespaced = true): ResourceType => {
  const [group = '', version = ''] = apiVersion.split('/')
  return { group, version, plural, kind, isNamespaced }
}

/** What MetalLB's programs run as. */
export const workloadTypes = [
  type('apps/v1', 'deployments', 'Deployment'),
  type('apps/v1', 'daemonsets', 'DaemonSet'),
] as const

const definitions = type('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', false)

/** Kinds whose definitions are looked at one by one: a cluster has hundreds of others, of megabytes. */
const definitionNames = [
  'ipaddresspools',
  'bgppeers',
  'bgpadvertisements',
  'bfdprofiles',
  'communities',
  'l2advertisements',
]

const { Service, Node, Namespace, IPAddressPool, BGPAdvertisement, BGPPeer, BFDProfile, Community } = resourceTypes

const lists = (namespace: string): readonly (readonly [ResourceType, Selection])[] => [
  [Service, {}],
  [Node, {}],
  [Namespace, {}],
  ...[IPAddressPool, BGPAdvertisement, BGPPeer, BFDProfile, Community].map((own) => [own, { namespace }] as const),
  [resourceTypes.L2Advertisement, { namespace }],
  [resourceTypes.PeerPolicy, { namespace }],
  [resourceTypes.ConfigurationState, { namespace }],
  [type('metallb.io/v1beta1', 'servicel2statuses', 'ServiceL2Status'), { namespace }],
  [type('/v1', 'configmaps', 'ConfigMap'), { namespace, fieldSelector: 'metadata.name=bgpextras' }],
  ...workloadTypes.map((workload) => [workload, {}] as const),
  [type('frrk8s.metallb.io/v1beta1', 'frrconfigurations', 'FRRConfiguration'), {}],
  [
    type('admissionregistration.k8s.io/v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', false),
    {},
  ],
  [type('crd.projectcalico.org/v1', 'bgppeers', 'BGPPeer', false), {}],
  [type('cilium.io/v2', 'ciliumbgpclusterconfigs', 'CiliumBGPClusterConfig', false), {}],
  [type('cilium.io/v2alpha1', 'ciliumbgppeeringpolicies', 'CiliumBGPPeeringPolicy', false), {}],
]

/**
 * Lists what is looked at, each kind once. A kind that the API server does not know or does not show is named in
 * `notRead`; any other failure is thrown as an `ApiError`. Secrets are never read.
 */
export async function readCluster(api: KubeApi, namespace: string): Promise<ClusterObjects> {
  const results = await Promise.all([
    ...lists(namespace).map(([kind, selection]) => listOrSay(api, kind, selection)),
    ...definitionNames.map((name) => definition(api, name)),
  ])
  const objects: RawObject[] = []
  const notRead = new Map<string, NotRead>()
  for (const result of results) {
    if (result.kind === 'ok') objects.push(...result.objects.map(rawOf))
    else notRead.set(result.notRead.resource, result.notRead)
  }
  return { objects, notRead: [...notRead.values()] }
}

type Listed =
  | { readonly kind: 'ok'; readonly objects: readonly KubeObject[] }
  | { readonly kind: 'notRead'; readonly notRead: NotRead }

/** All objects of a selection, or that they are not there or not shown. Throws `ApiError` for any other failure. */
export async function listOrSay(api: KubeApi, kind: ResourceType, selection: Selection): Promise<Listed> {
  const objects: KubeObject[] = []
  let options: ListOptions = { ...selection, limit: pageSize }
  for (;;) {
    const page = await api.list(kind, options)
    if (page.kind === 'fault') return unread(kind, page)
    objects.push(...page.value.items)
    const token = page.value.continue
    if (token === undefined || token === '') return { kind: 'ok', objects }
    options = { ...options, continue: token }
  }
}

/** A definition that is not there is no failure: the list of its kind says so. */
async function definition(api: KubeApi, plural: string): Promise<Listed> {
  const result = await api.get(definitions, { namespace: '', name: `${plural}.metallb.io` })
  if (result.kind === 'ok') return { kind: 'ok', objects: [result.value] }
  return result.code === 'notFound' ? { kind: 'ok', objects: [] } : unread(definitions, result)
}

const rawOf = (value: KubeObject): RawObject => ({ value, origin: { file: '', lineOf: () => undefined } })

const resourceText = ({ group, plural }: ResourceType): string => (group === '' ? plural : `${plural}.${group}`)

function unread(kind: ResourceType, fault: ApiFault): Listed {
  const { code } = fault
  const resource = resourceText(kind)
  if (code === 'notFound') return { kind: 'notRead', notRead: { resource, reason: 'notThere' } }
  if (code === 'forbidden') return { kind: 'notRead', notRead: { resource, reason: 'forbidden' } }
  throw new ApiError(`cannot read ${resource}`, fault, `the verb list on ${resource}`)
}
