import { peerPolicySpec } from '../schemas/peer-policy.ts'
import type { Definition } from './definition.ts'
import { define, withSpec } from './definition.ts'
import { buildPeerPolicy } from './peer-policy.ts'

export const holdfastGroup = 'holdfast.dev'

const peerPolicy = define(
  { kind: 'PeerPolicy', apiVersion: `${holdfastGroup}/v1alpha1`, isNamespaced: true },
  withSpec(peerPolicySpec),
  ({ spec }, meta) => buildPeerPolicy(spec, meta),
)

/** The kinds of our own group. */
export const holdfastDefinitions: readonly Definition[] = [peerPolicy]

/** Kinds of the group that only our own programs write: valid among manifests, and not read there. */
export const ignoredHoldfastKinds: ReadonlySet<string> = new Set(['NodeState', 'AddressBlock'])
