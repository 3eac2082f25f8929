import type { z } from 'zod'
import { advertisementSpec } from '../schemas/advertisement.ts'
import { bfdSpec } from '../schemas/bfd.ts'
import { communitySpec } from '../schemas/community.ts'
import { peerSpec, peerSpecV1beta1, toV1beta2 } from '../schemas/peer.ts'
import { poolSpec } from '../schemas/pool.ts'
import type { BFDProfile, BGPAdvertisement, Kind, Meta } from '../types.ts'
import type { Definition } from './definition.ts'
import { define, withSpec } from './definition.ts'
import { buildPeer } from './peer.ts'

export const metallbGroup = 'metallb.io'

const identity = (kind: Kind, version: string): Pick<Definition, 'kind' | 'apiVersion' | 'isNamespaced'> => ({
  kind,
  apiVersion: `${metallbGroup}/${version}`,
  isNamespaced: true,
})

const pool = define(identity('IPAddressPool', 'v1beta1'), withSpec(poolSpec), ({ spec }, meta) => ({
  kind: 'IPAddressPool',
  meta,
  ranges: spec.addresses,
  autoAssign: spec.autoAssign,
  avoidBuggyIPs: spec.avoidBuggyIPs,
  serviceAllocation:
    spec.serviceAllocation === undefined
      ? undefined
      : { ...spec.serviceAllocation, priority: spec.serviceAllocation.priority ?? 0 },
}))

const advertisement = define(
  identity('BGPAdvertisement', 'v1beta1'),
  withSpec(advertisementSpec),
  ({ spec }, meta) => ({ resource: advertisementOf(spec, meta), notes: [], communities: spec.communities }),
)

const advertisementOf = (spec: z.output<typeof advertisementSpec>, meta: Meta): BGPAdvertisement => ({
  kind: 'BGPAdvertisement',
  meta,
  ...spec,
  // MetalLB knows no difference between 0 and unset.
  localPref: spec.localPref === 0 ? undefined : spec.localPref,
  communities: [],
})

const peer = define(identity('BGPPeer', 'v1beta2'), withSpec(peerSpec), ({ spec }, meta) => buildPeer(spec, meta))

const peerV1beta1 = define(identity('BGPPeer', 'v1beta1'), withSpec(peerSpecV1beta1), ({ spec }, meta) =>
  buildPeer(toV1beta2(spec), meta),
)

const bfdProfile = define(identity('BFDProfile', 'v1beta1'), withSpec(bfdSpec), ({ spec }, meta) =>
  bfdProfileOf(spec, meta),
)

const bfdProfileOf = (spec: z.output<typeof bfdSpec>, meta: Meta): BFDProfile => ({
  kind: 'BFDProfile',
  meta,
  receiveIntervalMs: spec.receiveInterval,
  transmitIntervalMs: spec.transmitInterval,
  echoIntervalMs: spec.echoInterval,
  detectMultiplier: spec.detectMultiplier,
  echoMode: spec.echoMode === true,
  passiveMode: spec.passiveMode === true,
  minimumTtl: spec.minimumTtl,
})

const community = define(identity('Community', 'v1beta1'), withSpec(communitySpec), ({ spec }, meta) => ({
  kind: 'Community',
  meta,
  communities: spec.communities,
}))

/** The kinds of MetalLB's group that are obeyed. */
export const metallbDefinitions: readonly Definition[] = [pool, advertisement, peer, peerV1beta1, bfdProfile, community]

/** Kinds of the group that are valid there and not read: statuses that MetalLB's programs write. */
export const ignoredMetallbKinds: ReadonlySet<string> = new Set([
  'ServiceBGPStatus',
  'ServiceL2Status',
  'ConfigurationState',
])

export const outOfScopeKind = 'L2Advertisement'
