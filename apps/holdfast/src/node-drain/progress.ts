import type { NodeState } from '@holdfast/model'

/** How far a drain or its end has come, in words. */
export interface DrainProgress {
  readonly isDone: boolean
  readonly message: string
}

/** Reads it off what the node's speaker says. A drain is done when the node is safe to reboot. */
export function drainProgress(state: NodeState | undefined, isUndrain: boolean): DrainProgress {
  if (state === undefined) return { isDone: false, message: 'waiting for the speaker to tell of the node' }
  return isUndrain ? undrainProgress(state) : leavingProgress(state)
}

const undrainProgress = ({ status: { drain } }: NodeState): DrainProgress =>
  drain === undefined
    ? { isDone: true, message: 'announces again' }
    : { isDone: false, message: `still ${drain.phase}` }

function leavingProgress({ status: { drain, conditions } }: NodeState): DrainProgress {
  const safe = conditions?.find(({ type }) => type === 'SafeToReboot')
  if (safe?.status === 'True') return { isDone: true, message: `safe to reboot: ${safe.message}` }
  if (drain === undefined) return { isDone: false, message: 'waiting for the speaker to begin' }
  return { isDone: false, message: safe?.message ?? drain.phase }
}
