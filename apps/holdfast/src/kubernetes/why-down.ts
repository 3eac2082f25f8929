import type { NodeStateSession } from '@holdfast/model'

/** Why a session is down: what is in the way now, where the node says that, and why it ended before; null: it is up, or nothing is known. */
export function whyDown({ state, lastError, reason }: NodeStateSession): string | null {
  if (state === 'Established' || reason === undefined) return lastError ?? null
  return lastError === undefined ? reason : `${reason} Before that: ${lastError}`
}
