import type { Followed, KubeObject } from '@holdfast/cluster'
import { createKeeps, resourceTypes } from '@holdfast/cluster'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { configurationStateName } from './configuration-state.ts'
import { createSpeakerKeeps } from './keep.ts'
import { createStatusKeep, ownStatusesSelector } from './service-statuses.ts'

/** Where the speaker looks. */
export interface Place {
  readonly node: string
  /** Of pools, peers and our own objects. */
  readonly namespace: string
}

/**
 * What a speaker follows: the least that it can announce by. Of Services those that are load balancers, of EndpointSlices those that
 * belong to Services, of Nodes its own, of Secrets those that can hold a password for BGP. `nodeStateHeard` is told every version of its
 * own NodeState, also one that is no news otherwise.
 */
export function followedBySpeaker(
  { node, namespace }: Place,
  nodeStateHeard: (version: string) => void = () => undefined,
): readonly Followed[] {
  const keeps = createKeeps()
  const speakerKeeps = createSpeakerKeeps(node)
  const own = (kind: keyof typeof keeps): Followed => ({
    type: resourceTypes[kind],
    selection: { namespace },
    keep: keeps[kind],
    isOptional: true,
  })
  return [
    {
      type: resourceTypes.Service,
      selection: { fieldSelector: 'spec.type=LoadBalancer' },
      keep: speakerKeeps.service,
      isWithoutManagedFields: true,
      isOptional: false,
    },
    {
      type: resourceTypes.EndpointSlice,
      // A Service of type LoadBalancer is never headless: what kube-proxy leaves out is none of ours either.
      selection: { labelSelector: 'kubernetes.io/service-name,!service.kubernetes.io/headless' },
      keep: speakerKeeps.endpointSlice,
      isWithoutManagedFields: true,
      isOptional: false,
    },
    {
      type: resourceTypes.Node,
      selection: { fieldSelector: `metadata.name=${node}` },
      keep: keeps.Node,
      isOptional: false,
    },
    {
      type: resourceTypes.Secret,
      selection: { namespace, fieldSelector: 'type=kubernetes.io/basic-auth' },
      keep: keeps.Secret,
      isOptional: false,
    },
    own('IPAddressPool'),
    own('BGPAdvertisement'),
    own('BGPPeer'),
    own('BFDProfile'),
    own('Community'),
    own('PeerPolicy'),
    {
      type: resourceTypes.NodeState,
      selection: { namespace, fieldSelector: `metadata.name=${node}` },
      keep: (object) => {
        nodeStateHeard(object.metadata.resourceVersion ?? '')
        return keepNodeState(object)
      },
      isOptional: true,
    },
  ]
}

/** What a speaker follows of what it writes itself, to see when somebody else changes or removes it. */
export const writtenBySpeaker = ({ node, namespace }: Place): readonly Followed[] => [
  {
    type: resourceTypes.ServiceBGPStatus,
    selection: { namespace, labelSelector: ownStatusesSelector(node) },
    keep: createStatusKeep(node),
    isWithoutManagedFields: true,
    isOptional: true,
  },
  {
    type: resourceTypes.ConfigurationState,
    selection: { namespace, fieldSelector: `metadata.name=${configurationStateName(node)}` },
    keep: createKeeps().ConfigurationState,
    isOptional: true,
  },
]

/** The wish of a person, and how far an earlier life had left; what else we write ourselves is no news to us. */
function keepNodeState({ apiVersion, kind, metadata, spec, status }: KubeObject): KubeObject {
  const { drain } = fieldsOf(status)
  const { name, namespace = '', uid = '', resourceVersion = '' } = metadata
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: { name, namespace, uid, resourceVersion },
    ...(spec === undefined ? {} : { spec }),
    ...(drain === undefined ? {} : { status: { drain } }),
  }
}
