import { Allocator } from './allocator.ts'
import type { Plan, PlanInput, World, WorldChange } from './types.ts'

/**
 * Decides which Service gets which address. The answer depends on the input alone, not on its order. Pools must have
 * distinct names and disjoint ranges, Services distinct keys; two equal keys or names are the caller's mistake and
 * throw.
 */
export function plan(input: PlanInput): Plan {
  const allocator = new Allocator(input.pools, input.state, new Map())
  return keep(allocator, allocator.pass(input.services))
}

/**
 * Plans again from where a plan ended: the same answer as `plan` with the state of `previous`, but the work is in
 * proportion to what differs, and refusals that `previous` has already are not among the changes. Requests that are
 * the same objects as before are compared fastest; equal ones that are other objects give the same answer.
 */
export function replan(previous: Plan, world: World): Plan {
  const allocator = allocators.get(previous)
  // The indices move on to the new plan. Should somebody plan from the old one again, they are built anew from its
  // state.
  allocators.delete(previous)
  if (allocator?.serves(world.pools) === true) return keep(allocator, allocator.pass(world.services))
  const fresh = new Allocator(world.pools, previous.state, previous.decisions)
  return keep(fresh, fresh.pass(world.services))
}

/**
 * As `replan`, for a caller who knows what differs, so that nothing else is looked at. undefined: there are no indices for
 * `previous`, as somebody planned from it already, so all of the world is needed. The pools are those of `previous`.
 */
export function replanChanged(previous: Plan, change: WorldChange): Plan | undefined {
  const allocator = allocators.get(previous)
  if (allocator === undefined) return undefined
  allocators.delete(previous)
  return keep(allocator, allocator.passChanged(change))
}

/**
 * The indices that belong to the latest plan of each line of plans: only there to be quick, a plan is whole without
 * them.
 */
const allocators = new WeakMap<Plan, Allocator>()

function keep(allocator: Allocator, result: Plan): Plan {
  allocators.set(result, allocator)
  return result
}
