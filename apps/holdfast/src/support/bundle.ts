import type { KubeObject } from '@holdfast/cluster'
import { createKeeps, type FollowedKind } from '@holdfast/cluster'
import type { Model } from '@holdfast/model'
import { isOurs } from '../allocation/requests.ts'
import { assignedCondition } from '../explain/assigned-condition.ts'
import type { Explanation } from '../explain/explanation.ts'
import { controllerLease } from '../kubernetes/controller-lease.ts'
import { explain } from '../explain/explanation.ts'
import { createInForce, refusalsOf } from '../kubernetes/in-force.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import type { LintReport } from '../lint/lint.ts'
import { lint } from '../lint/lint.ts'
import type { ClusterObjects } from '../lint/read-cluster.ts'
import type { NotRead } from '../lint/world.ts'
import type { Overview } from '../overview/overview.ts'
import { overviewOf } from '../overview/overview.ts'
import type { ContainerLog } from './logs.ts'
import { redacted } from './redact.ts'

/** What is collected of each kind. Secrets and ConfigMaps are not among them. */
export const collectedKinds = [
  'Service',
  'EndpointSlice',
  'Node',
  'Namespace',
  'Event',
  'Lease',
  'IPAddressPool',
  'BGPAdvertisement',
  'BGPPeer',
  'BFDProfile',
  'Community',
  'L2Advertisement',
  'ServiceBGPStatus',
  'ConfigurationState',
  'PeerPolicy',
  'NodeState',
  'AddressBlock',
] as const satisfies readonly FollowedKind[]

export type CollectedKind = (typeof collectedKinds)[number]

/** A cluster as it was read: objects as they came, untrimmed. */
export interface Collected {
  readonly objects: Readonly<Record<CollectedKind, readonly KubeObject[]>>
  readonly notRead: readonly NotRead[]
  readonly logs: readonly ContainerLog[]
  /** What `holdfast lint` looks at. */
  readonly lint: ClusterObjects
}

export interface BundleFacts {
  readonly version: string
  /** RFC 3339. */
  readonly time: string
  readonly namespace: string
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
}

/** The bundle, as docs/reference/support.md describes it. */
export interface Bundle {
  readonly kind: 'HoldfastSupportBundle'
  /** Of the form of this object: raised where a field changes its meaning. */
  readonly format: 1
  readonly version: string
  readonly time: string
  readonly namespace: string
  readonly loadBalancerClass: string | null
  readonly overview: Overview
  /** Of Services that are not announced everywhere they should, the first hundred by name. */
  readonly explanations: readonly Explanation[]
  readonly lint: LintReport
  readonly notRead: readonly NotRead[]
  readonly objects: Readonly<Record<CollectedKind, readonly unknown[]>>
  readonly logs: readonly ContainerLog[]
}

/** More of them help nobody: they have the same few causes. */
const mostExplanations = 100

/** Puts a bundle together, without anything that may be a secret. */
export function bundleOf(collected: Collected, facts: BundleFacts): Bundle {
  const objects = trimmed(collected.objects)
  const { version, time, namespace, loadBalancerClass } = facts
  const states = statesOf(objects.NodeState)
  const bundle: Bundle = {
    kind: 'HoldfastSupportBundle',
    format: 1,
    version,
    time,
    namespace,
    loadBalancerClass: loadBalancerClass ?? null,
    overview: overviewOf({
      services: objects.Service,
      pools: objects.IPAddressPool,
      configurationStates: objects.ConfigurationState,
      peers: objects.BGPPeer,
      advertisements: objects.BGPAdvertisement,
      nodes: objects.Node,
      nodeStates: states,
      loadBalancerClass,
      lease: collected.notRead.some(({ resource }) => resource.startsWith('leases'))
        ? null
        : objects.Lease.find(({ metadata }) => metadata.name === controllerLease),
      now: time,
      // `lint` has its workloads.
      metallb: [],
      rivals: [],
      speakers: { kind: 'notShown' },
      lives: new Map(),
    }),
    explanations: explanationsOf(objects, facts),
    lint: lint({ ...collected.lint, isLive: true, bgpType: undefined, loadBalancerClass }),
    notRead: collected.notRead,
    objects,
    logs: collected.logs,
  }
  return redacted(bundle) as Bundle
}

type Objects = Collected['objects']

/** As the programs keep objects, and of Services and what belongs to them only those of type LoadBalancer. */
function trimmed(objects: Objects): Objects {
  const keeps = createKeeps()
  const kept = Object.fromEntries(
    collectedKinds.map((kind) => [kind, objects[kind].map(keeps[kind])]),
  ) as unknown as Record<CollectedKind, readonly KubeObject[]>
  const balanced = new Set(kept.Service.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`))
  return {
    ...kept,
    EndpointSlice: kept.EndpointSlice.filter(({ metadata }) =>
      balanced.has(`${metadata.namespace ?? ''}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`),
    ),
    Event: kept.Event.filter(isOfInterest),
  }
}

/** Events of ours and of MetalLB's programs. */
const isOfInterest = (event: KubeObject): boolean =>
  [textAt(event, 'reportingComponent'), textAt(event, 'source', 'component')].some((by) => /holdfast|metallb/.test(by))

function explanationsOf(objects: Objects, { loadBalancerClass, ignoreExcludeLB }: BundleFacts): readonly Explanation[] {
  const raws = collectedKinds.flatMap((kind) =>
    objects[kind].map((value) => ({ value, origin: { file: '', lineOf: () => undefined } })),
  )
  const inForce = createInForce(raws, refusalsOf(objects.ConfigurationState))
  const { model, faults } = inForce.asControllerSays.evaluation
  const modelOn = (node: string): Model => inForce.on(node).evaluation.model
  const refused = inForce.wordsOn([...model.nodes.keys()])
  const nodeStates = statesOf(objects.NodeState)
  const explanations: Explanation[] = []
  for (const object of objects.Service) {
    if (explanations.length >= mostExplanations) break
    const service = model.services.get(`${object.metadata.namespace ?? ''}/${object.metadata.name}`)
    if (service === undefined || !isOurs(service, loadBalancerClass)) continue
    const assigned = assignedCondition(object)
    const known = { model, modelOn, service, nodeStates, assigned, faults, refused }
    const explanation = explain({ ...known, loadBalancerClass, ignoreExcludeLB })
    if (isWanting(explanation)) explanations.push(explanation)
  }
  return explanations
}

/** Announced by nobody, or with a route that no router has. */
const isWanting = ({ allocation, nodes }: Explanation): boolean =>
  allocation.outcome === 'no' ||
  nodes.every(({ announces }) => announces.outcome === 'no') ||
  nodes.some(
    ({ announces, routes }) =>
      routes.length > 0 && (announces.outcome === 'no' || routes.some(({ session }) => session !== 'Established')),
  )

/** How many of what, for a person. */
export const contentsOf = (bundle: Bundle): readonly string[] => [
  ...collectedKinds.flatMap((kind) => {
    const count = listAt(bundle, 'objects', kind).length
    return count === 0 ? [] : [`${kind}: ${count}`]
  }),
  ...logContents(bundle.logs),
  `explanations: ${bundle.explanations.length}`,
  `lint findings: ${bundle.lint.findings.length}`,
]

function logContents(logs: Bundle['logs']): readonly string[] {
  const unread = logs.filter(({ fault }) => fault !== null)
  const read = logs.length - unread.length
  return [
    ...(read === 0 ? [] : [`logs of containers: ${read}`]),
    ...(unread.length === 0 ? [] : [`logs that could not be read: ${unread.length} (${unread[0]?.fault ?? ''})`]),
  ]
}
