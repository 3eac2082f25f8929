import type { KubeObject } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'

/** The NodeStates that can be read, by node. */
export function statesOf(objects: Iterable<KubeObject>): ReadonlyMap<string, NodeState> {
  const states = new Map<string, NodeState>()
  for (const object of objects) {
    const state = parseNodeState(object)
    if (state.kind === 'ok') states.set(state.value.name, state.value)
  }
  return states
}
