export type { AddressBlockSpec, AddressHolder, HeldAddress, ReleasedAddress, ReservedAddress } from './address-block.ts'
export { addressBlockCidr, addressBlockName, addressesOfBlock } from './address-block.ts'
export { withoutOldStrays } from './block-age.ts'
export { givenLast, stateOf } from './block-state.ts'
export type { BlockFault, StoredBlockSpec } from './block-text.ts'
export { decodeBlock, encodeBlock } from './block-text.ts'
export type { BlockContext, Blocks } from './blocks.ts'
export { nextBlocks } from './blocks.ts'
export { plan, replan, replanChanged } from './plan.ts'
export { differingKeys, ShardedMap } from './shards.ts'
export type { Claim, EncodedState, StateFault } from './state.ts'
export { decodeState, emptyState, encodeState, withClaims } from './state.ts'
export { keptTerms } from './terms.ts'
export type {
  AllocationState,
  Assignment,
  Change,
  ClearReason,
  Decision,
  EventReason,
  FamilyRequest,
  History,
  Placed,
  Plan,
  PlanEvent,
  PlanInput,
  Pool,
  PoolCounts,
  Refusal,
  RefusalReason,
  Released,
  ServiceRequest,
  World,
  WorldChange,
} from './types.ts'
export { isOfNamesake, requestedPoolOf, sameRequest, wantedFamilies } from './want.ts'
