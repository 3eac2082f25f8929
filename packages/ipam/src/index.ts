export { plan, replan } from './plan.ts'
export type { EncodedState, StateFault } from './state.ts'
export { decodeState, emptyState, encodeState, withClaims } from './state.ts'
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
} from './types.ts'
