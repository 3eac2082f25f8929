import { z } from 'zod'
import { advertisementSpec } from '../schemas/advertisement.ts'
import { bfdSpec } from '../schemas/bfd.ts'
import { communitySpec } from '../schemas/community.ts'
import { conditionSchema } from '../schemas/node-state.ts'
import { peerSpec, peerSpecV1beta1 } from '../schemas/peer.ts'
import { poolSpec } from '../schemas/pool.ts'
import { labelSelector, labelSelectors } from '../schemas/selector.ts'
import type { Column, CrdDefinition, CrdVersion } from './definition.ts'
import * as facets from './metallb-facets.ts'
import type { Schema } from './structural.ts'
import { structuralSchema } from './structural.ts'

/*
 * The kinds of MetalLB's group, as MetalLB's own CRDs have them: an object that they accept is accepted, stored and listed the
 * same. A test compares the two. Only descriptions and messages are our own.
 */

const column = (name: string, jsonPath: string, type: Column['type'] = 'string', priority?: number): Column => ({
  name,
  type,
  jsonPath,
  ...(priority === undefined ? {} : { priority }),
})

const emptyStatus: Schema = { type: 'object', description: 'Nothing.' }

interface Parts extends Pick<CrdVersion, 'description' | 'columns'> {
  readonly spec?: Schema
  readonly status?: Schema
  readonly required?: readonly string[]
}

const version = (name: string, parts: Parts): CrdVersion => ({
  name,
  isStored: true,
  hasStatus: true,
  status: emptyStatus,
  ...parts,
})

const definition = (kind: string, plural: string, ...versions: readonly CrdVersion[]): CrdDefinition => ({
  group: 'metallb.io',
  kind,
  plural,
  singular: kind.toLowerCase(),
  versions,
})

const count = z.int()

const pool = definition(
  'IPAddressPool',
  'ipaddresspools',
  version('v1beta1', {
    description: 'Addresses for Services of type LoadBalancer.',
    required: ['spec'],
    spec: structuralSchema(poolSpec, facets.poolFacets),
    status: structuralSchema(
      z.object({ assignedIPv4: count, assignedIPv6: count, availableIPv4: count, availableIPv6: count }),
      facets.poolStatusFacets,
    ),
    columns: [
      column('Auto Assign', '.spec.autoAssign', 'boolean'),
      column('Avoid Buggy IPs', '.spec.avoidBuggyIPs', 'boolean'),
      column('Addresses', '.spec.addresses'),
    ],
  }),
)

const advertisement = definition(
  'BGPAdvertisement',
  'bgpadvertisements',
  version('v1beta1', {
    description: 'Announces the addresses of pools over BGP.',
    spec: structuralSchema(advertisementSpec, facets.advertisementFacets),
    columns: [
      column('IPAddressPools', '.spec.ipAddressPools'),
      column('IPAddressPool Selectors', '.spec.ipAddressPoolSelectors'),
      column('Peers', '.spec.peers'),
      column('Node Selectors', '.spec.nodeSelectors', 'string', 10),
    ],
  }),
)

const peerColumns = [
  column('Address', '.spec.peerAddress'),
  column('ASN', '.spec.peerASN'),
  column('BFD Profile', '.spec.bfdProfile'),
  column('Multi Hops', '.spec.ebgpMultiHop'),
]

/**
 * v1beta1 is served without a webhook that converts: the fields of both versions have the same names and the same form in JSON, so
 * that an object that was written in one can be read in the other as it is.
 */
const peer = definition(
  'BGPPeer',
  'bgppeers',
  {
    ...version('v1beta1', {
      description: 'A router that routes are announced to.',
      spec: structuralSchema(peerSpecV1beta1, facets.peerV1beta1Facets),
      columns: peerColumns,
    }),
    isStored: false,
    deprecationWarning: 'metallb.io/v1beta1 BGPPeer is deprecated: write metallb.io/v1beta2',
  },
  version('v1beta2', {
    description: 'A router that routes are announced to.',
    spec: structuralSchema(peerSpec, facets.peerV1beta2Facets),
    columns: peerColumns,
  }),
)

const bfdProfile = definition(
  'BFDProfile',
  'bfdprofiles',
  version('v1beta1', {
    description: 'Settings of the BFD sessions that watch over BGP sessions.',
    spec: structuralSchema(bfdSpec, facets.bfdFacets),
    columns: [
      column('Passive Mode', '.spec.passiveMode', 'boolean'),
      column('Transmit Interval', '.spec.transmitInterval', 'integer'),
      column('Receive Interval', '.spec.receiveInterval', 'integer'),
      column('Multiplier', '.spec.detectMultiplier', 'integer'),
    ],
  }),
)

const community = definition(
  'Community',
  'communities',
  version('v1beta1', {
    description: 'Names for BGP communities, for use in BGPAdvertisements.',
    spec: structuralSchema(communitySpec, facets.communityFacets),
    columns: [],
  }),
)

const selectorList = labelSelectors('selectors')
const texts = z.array(z.string()).optional()

const layer2Spec = z.object({
  ipAddressPools: texts,
  ipAddressPoolSelectors: selectorList,
  nodeSelectors: selectorList,
  serviceSelectors: selectorList,
  interfaces: texts,
  preferredNodeSelectors: z.array(z.object({ preference: labelSelector, weight: z.int().min(1).max(100) })).optional(),
})

const layer2Advertisement = definition(
  'L2Advertisement',
  'l2advertisements',
  version('v1beta1', {
    description: 'What MetalLB announces on layer 2, which Holdfast does not do.',
    spec: structuralSchema(layer2Spec, facets.layer2Facets),
    columns: [
      column('IPAddressPools', '.spec.ipAddressPools'),
      column('IPAddressPool Selectors', '.spec.ipAddressPoolSelectors'),
      column('Interfaces', '.spec.interfaces'),
      column('Node Selectors', '.spec.nodeSelectors', 'string', 10),
    ],
  }),
)

const text = z.string().optional()
const emptySpec: Schema = { type: 'object', description: 'Nothing: only the status says something.' }

const serviceStatusColumns = (node: string): readonly Column[] => [
  column(node, '.status.node'),
  column('Service Name', '.status.serviceName'),
  column('Service Namespace', '.status.serviceNamespace'),
]

const layer2Status = definition(
  'ServiceL2Status',
  'servicel2statuses',
  version('v1beta1', {
    description: 'Which node announces a Service on layer 2.',
    spec: emptySpec,
    status: structuralSchema(
      z.object({
        node: text,
        serviceName: text,
        serviceNamespace: text,
        interfaces: z.array(z.object({ name: text })).optional(),
      }),
      facets.layer2StatusFacets,
    ),
    columns: serviceStatusColumns('Allocated Node'),
  }),
)

const bgpStatus = definition(
  'ServiceBGPStatus',
  'servicebgpstatuses',
  version('v1beta1', {
    description: 'Which peers a node is to announce a Service to.',
    spec: emptySpec,
    status: structuralSchema(
      z.object({ node: text, serviceName: text, serviceNamespace: text, peers: texts }),
      facets.bgpStatusFacets,
    ),
    columns: serviceStatusColumns('Node'),
  }),
)

const configurationState = definition(
  'ConfigurationState',
  'configurationstates',
  version('v1beta1', {
    description:
      'Whether the configuration is valid for one program: the label metallb.io/component-type says controller or speaker, ' +
      'metallb.io/node-name the node of a speaker.',
    status: structuralSchema(
      z.object({
        result: z.enum(['Valid', 'Invalid', 'Unknown']).optional(),
        errorSummary: text,
        conditions: z.array(conditionSchema).optional(),
      }),
      facets.configurationStatusFacets,
    ),
    columns: [
      column('Result', '.status.result'),
      column('ErrorSummary', '.status.errorSummary'),
      column('Age', '.metadata.creationTimestamp', 'date'),
    ],
  }),
)

/** All kinds of MetalLB's group: also those that Holdfast does not obey, so that a user's objects of them can stay. */
export const metallbCrds: readonly CrdDefinition[] = [
  pool,
  advertisement,
  peer,
  bfdProfile,
  community,
  layer2Advertisement,
  layer2Status,
  bgpStatus,
  configurationState,
]
