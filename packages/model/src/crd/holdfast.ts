import { z } from 'zod'
import { addressBlockSpec } from '../schemas/address-block.ts'
import { conditionSchema, nodeStateSpec, nodeStateStatus } from '../schemas/node-state.ts'
import { peerPolicySpec } from '../schemas/peer-policy.ts'
import type { Column, CrdDefinition, CrdVersion } from './definition.ts'
import * as facets from './holdfast-facets.ts'
import { structuralSchema } from './structural.ts'

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }

const definition = (
  names: Pick<CrdDefinition, 'kind' | 'plural' | 'shortNames'>,
  version: Omit<CrdVersion, 'name' | 'isStored'>,
): CrdDefinition => ({
  group: 'holdfast.dev',
  ...names,
  singular: names.kind.toLowerCase(),
  categories: ['holdfast'],
  versions: [{ name: 'v1alpha1', isStored: true, ...version }],
})

const peerPolicy = definition(
  { kind: 'PeerPolicy', plural: 'peerpolicies', shortNames: ['pp'] },
  {
    description: 'What BGPPeer cannot say of BGP sessions.',
    spec: structuralSchema(peerPolicySpec, facets.peerPolicyFacets),
    status: structuralSchema(
      z.object({ conditions: z.array(conditionSchema).optional() }),
      facets.peerPolicyStatusFacets,
    ),
    hasStatus: true,
    columns: [
      { name: 'Peers', type: 'string', jsonPath: '.spec.peers' },
      { name: 'Peer Selectors', type: 'string', jsonPath: '.spec.peerSelectors', priority: 1 },
      { name: 'Node Selectors', type: 'string', jsonPath: '.spec.nodeSelectors', priority: 1 },
      { name: 'Role', type: 'string', jsonPath: '.spec.role' },
      { name: 'GTSM Hops', type: 'integer', jsonPath: '.spec.ttlSecurity.hops' },
      age,
    ],
  },
)

const addressBlock = definition(
  { kind: 'AddressBlock', plural: 'addressblocks', shortNames: ['ab'] },
  {
    description:
      'Who holds the addresses of a block of 64. The controller enters a Service here, by a write that succeeds for one writer only, ' +
      'before the Service names the address: so no address has two owners.',
    required: ['spec'],
    validations: facets.addressBlockValidations,
    spec: structuralSchema(addressBlockSpec, facets.addressBlockFacets),
    hasStatus: false,
    columns: [
      { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
      { name: 'In Use', type: 'integer', jsonPath: '.spec.inUse' },
      age,
    ],
  },
)

const nodeState = definition(
  { kind: 'NodeState', plural: 'nodestates', shortNames: ['nst'] },
  {
    description: 'A node as its speaker sees it, named after it; spec is what people ask of it.',
    spec: structuralSchema(nodeStateSpec, facets.nodeStateSpecFacets),
    status: structuralSchema(nodeStateStatus, facets.nodeStateStatusFacets),
    hasStatus: true,
    columns: [
      { name: 'Sessions', type: 'string', jsonPath: '.status.sessionsReady', description: 'Established, and all.' },
      { name: 'Routes', type: 'integer', jsonPath: '.status.routes' },
      { name: 'Drain', type: 'string', jsonPath: '.status.drain.phase' },
      { name: 'Safe to Reboot', type: 'string', jsonPath: '.status.conditions[?(@.type=="SafeToReboot")].status' },
      { name: 'Connections', type: 'integer', jsonPath: '.status.drain.remainingConnections', priority: 1 },
      { name: 'Version', type: 'string', jsonPath: '.status.version', priority: 1 },
      age,
    ],
  },
)

/** The kinds of our own group. */
export const holdfastCrds: readonly CrdDefinition[] = [peerPolicy, nodeState, addressBlock]
