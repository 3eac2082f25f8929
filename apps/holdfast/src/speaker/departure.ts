import type { ShutdownSignal } from '@holdfast/runtime'
import type { LifecycleState } from './lifecycle.ts'

/** How the speaker ends: routes go, with a warning first, or stay for the next process. */
export interface Departure {
  readonly way: 'leave' | 'restart'
  /** A sentence for a person. */
  readonly why: string
}

export interface DepartureInput {
  readonly signal: ShutdownSignal
  /** The host under the speaker is going away: shutdown, deletion, a taint that says so. */
  readonly isHostLeaving: boolean
  readonly phase: LifecycleState['phase']
}

/**
 * What a signal means (docs/adr/0010). The kubelet sends SIGTERM for everything: for a rollout, where forwarding goes on without
 * the speaker and routes must stay, and for a host that is switched off, where they must go. What the API says of the node tells
 * the two apart.
 */
export function departureOf({ signal, isHostLeaving, phase }: DepartureInput): Departure {
  if (signal === 'SIGUSR2') return { way: 'restart', why: 'SIGUSR2 asks for a restart: routes stay where they can' }
  if (signal === 'SIGINT') return { way: 'leave', why: 'SIGINT asks to leave: withdrawing every route' }
  if (isHostLeaving) return { way: 'leave', why: 'the node is going away: withdrawing every route' }
  if (phase === 'Withdrawn') return { way: 'leave', why: 'the node has left already' }
  return { way: 'restart', why: 'nothing says that the node is going away: routes stay where they can' }
}
