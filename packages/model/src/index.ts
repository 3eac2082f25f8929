export type { AnnotationName } from './annotations.ts'
export { annotationOf, annotationPrefix, deprecatedAnnotationsIn } from './annotations.ts'
export type { BfdSettings } from './bfd.ts'
export { bfdConfigOf, bfdProfileOf, isBfdMultihop, isInternalPeer } from './bfd.ts'
export { effectivePolicy } from './effective-policy.ts'
export { evaluate } from './evaluate.ts'
export type { SessionObstacle } from './kinds/peer.ts'
export { sessionObstacles } from './kinds/peer.ts'
export type {
  CapabilityName,
  EffectivePeerPolicy,
  ExtendedCommunityValue,
  PeerPolicy,
  PeerPolicySettings,
  PeerRoleName,
} from './peer-policy.ts'
export type { ListDifference } from './list-difference.ts'
export { commonEnds, listDifference } from './list-difference.ts'
export { announcesPool, toPoolsMatching } from './pools.ts'
export { SecretText } from './secret-text.ts'
export { selects, selectsAny } from './selector.ts'
export type { EntryDifference, MapChange } from './sorted-map.ts'
export { mapDifference, SortedMap } from './sorted-map.ts'
export type {
  NodeState,
  NodeStateDrain,
  NodeStateSession,
  NodeStateSpec,
  NodeStateStatus,
  StoredResult,
} from './stored.ts'
export { parseNodeState } from './stored.ts'
export type * from './types.ts'
