import type { ResourceType } from './api.ts'

const inNamespaces = (apiVersion: string, plural: string, kind: string): ResourceType => {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  return { group: group ?? '', version: version ?? '', plural, kind, isNamespaced: true }
}

const inCluster = (apiVersion: string, plural: string, kind: string): ResourceType => ({
  ...inNamespaces(apiVersion, plural, kind),
  isNamespaced: false,
})

/** Every kind of object that Holdfast reads or writes. */
export const resourceTypes = {
  Service: inNamespaces('v1', 'services', 'Service'),
  Node: inCluster('v1', 'nodes', 'Node'),
  Namespace: inCluster('v1', 'namespaces', 'Namespace'),
  Secret: inNamespaces('v1', 'secrets', 'Secret'),
  Event: inNamespaces('v1', 'events', 'Event'),
  EndpointSlice: inNamespaces('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice'),
  TokenReview: inCluster('authentication.k8s.io/v1', 'tokenreviews', 'TokenReview'),
  SubjectAccessReview: inCluster('authorization.k8s.io/v1', 'subjectaccessreviews', 'SubjectAccessReview'),
  Lease: inNamespaces('coordination.k8s.io/v1', 'leases', 'Lease'),
  IPAddressPool: inNamespaces('metallb.io/v1beta1', 'ipaddresspools', 'IPAddressPool'),
  BGPAdvertisement: inNamespaces('metallb.io/v1beta1', 'bgpadvertisements', 'BGPAdvertisement'),
  BGPPeer: inNamespaces('metallb.io/v1beta2', 'bgppeers', 'BGPPeer'),
  BFDProfile: inNamespaces('metallb.io/v1beta1', 'bfdprofiles', 'BFDProfile'),
  Community: inNamespaces('metallb.io/v1beta1', 'communities', 'Community'),
  L2Advertisement: inNamespaces('metallb.io/v1beta1', 'l2advertisements', 'L2Advertisement'),
  ServiceBGPStatus: inNamespaces('metallb.io/v1beta1', 'servicebgpstatuses', 'ServiceBGPStatus'),
  ConfigurationState: inNamespaces('metallb.io/v1beta1', 'configurationstates', 'ConfigurationState'),
  PeerPolicy: inNamespaces('holdfast.dev/v1alpha1', 'peerpolicies', 'PeerPolicy'),
  NodeState: inNamespaces('holdfast.dev/v1alpha1', 'nodestates', 'NodeState'),
  AddressBlock: inNamespaces('holdfast.dev/v1alpha1', 'addressblocks', 'AddressBlock'),
} as const satisfies Readonly<Record<string, ResourceType>>
