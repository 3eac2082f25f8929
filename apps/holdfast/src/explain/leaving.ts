import type { NodeState, NodeStateSession } from '@holdfast/model'
import type { RouteExplanation, Saying } from './explanation.ts'

/** What a node that is leaving does with the routes of a Service: which of them routers still have, and how. */
export interface Leaving {
  readonly announces: Saying
  readonly routes: readonly RouteExplanation[]
}

/** GRACEFUL_SHUTDOWN (RFC 8326 section 5). */
const gracefulShutdown = '65535:0'

/**
 * A node that leaves goes on announcing for a moment, and for longer what nobody else announces; the plan for it does not know of that.
 * undefined: it does not leave, or has left.
 */
export function leavingOf(state: NodeState | undefined, routes: readonly RouteExplanation[]): Leaving | undefined {
  const drain = state?.status.drain
  if (state === undefined || drain === undefined || !isThere(drain.phase)) return undefined
  const left = drain.phase === 'HeldBack' ? heldOf(routes, drain.heldBack ?? []) : routes
  const marked = left.map((route) => markedRoute(route, state.status.sessions ?? []))
  const why = drain.message ?? drain.cause ?? 'the node is to leave'
  const announces = left.length === 0 ? hasLeft(state, why) : stillThere(drain.phase, why, left)
  return { announces, routes: marked }
}

type Phase = 'GracefulShutdown' | 'HeldBack'

const isThere = (phase: string): phase is Phase => phase === 'GracefulShutdown' || phase === 'HeldBack'

function heldOf(
  routes: readonly RouteExplanation[],
  heldBack: readonly { readonly prefix: string }[],
): readonly RouteExplanation[] {
  const held = new Set(heldBack.map(({ prefix }) => prefix))
  return routes.filter(({ prefix }) => held.has(prefix))
}

/** A node that announces the Service no more because it leaves. */
export function hasLeft({ name, status: { drain } }: NodeState, message: string, reason = 'Withdrawn'): Saying {
  const isAsked = drain?.cause === 'requested'
  return {
    outcome: 'no',
    reason,
    message,
    remedy: isAsked ? `It announces again after: holdfast undrain ${name}` : null,
  }
}

function stillThere(phase: Phase, why: string, left: readonly RouteExplanation[]): Saying {
  if (phase === 'GracefulShutdown') {
    const message = `${why}: routers are given time to prefer other nodes before it withdraws`
    return { outcome: 'yes', reason: phase, message, remedy: null }
  }
  const prefixes = [...new Set(left.map(({ prefix }) => prefix))].join(', ')
  return {
    outcome: 'yes',
    reason: phase,
    message: `${why}, and no other node announces ${prefixes}`,
    remedy: 'It is withdrawn once another node announces it too: with policy Local, have a ready endpoint elsewhere.',
  }
}

function markedRoute(route: RouteExplanation, sessions: readonly NodeStateSession[]): RouteExplanation {
  const isInternal = sessions.find(({ peer }) => peer === route.peer)?.negotiated?.internal === true
  const { localPref, communities } = route.attributes
  const attributes = { localPref: isInternal ? 0 : localPref, communities: [...communities, gracefulShutdown] }
  return { ...route, attributes }
}
