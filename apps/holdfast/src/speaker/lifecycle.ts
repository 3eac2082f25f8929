import type { Wish } from './wish.ts'

/** Why a prefix stays although its node is to leave. */
export type HoldReason =
  /** No other node that stays announces it. */
  | 'lastAnnouncer'
  /** Another node is said to announce it, and its speaker does not answer. */
  | 'noAnswer'
  /** It could not be found out who else announces it. */
  | 'othersUnknown'

/** That a prefix stays. */
export interface Hold {
  readonly reason: HoldReason
  /** Whose speaker does not answer; undefined: no such node stands in the way. */
  readonly node?: string
}

/** How far a node has left. */
export type LifecycleState =
  | { readonly phase: 'Active'; readonly sinceMs: number }
  /** Routers are asked to prefer others (RFC 8326). */
  | { readonly phase: 'GracefulShutdown'; readonly sinceMs: number; readonly wish: Wish; readonly untilMs: number }
  /** Some prefixes stay, still to be avoided; all others are withdrawn. */
  | {
      readonly phase: 'HeldBack'
      readonly sinceMs: number
      readonly wish: Wish
      /** By prefix as text. */
      readonly held: ReadonlyMap<string, Hold>
      readonly checkAtMs: number
    }
  | { readonly phase: 'Withdrawn'; readonly sinceMs: number; readonly wish: Wish }

/** What was found out about the other nodes at one time. */
export interface Others {
  /** By the clock. Nothing older than the decision counts. */
  readonly atMs: number
  /** Keys `namespace/name` of Services that a node announces which stays; undefined: it could not be found out. */
  readonly announced: ReadonlySet<string> | undefined
  /** By key of a Service that is not in `announced`: a node that is said to announce it, and whose speaker does not answer. */
  readonly unanswered: ReadonlyMap<string, string>
}

export interface LifecycleInput {
  readonly nowMs: number
  /** undefined: the node is to announce. */
  readonly wish: Wish | undefined
  /** What the node would announce: prefixes as text, each with the keys of its Services. */
  readonly routes: ReadonlyMap<string, readonly string[]>
  /** How long routers are given; undefined: none has a route of ours. */
  readonly gracefulShutdownMs: number | undefined
  readonly others: Others | undefined
}

export interface LifecycleStep {
  readonly state: LifecycleState
  /** When to step again though nothing happens; undefined: not at all. */
  readonly nextMs: number | undefined
  /** The other nodes must be asked now, after this state was told to them. */
  readonly needsOthers: boolean
}

/** How often it is looked whether what is held back can go. */
const checkEveryMs = 5000

export const initialState = (nowMs: number): LifecycleState => ({ phase: 'Active', sinceMs: nowMs })

/**
 * One step of a node's leaving and coming back:
 *
 *     Active --wish--> GracefulShutdown --time, others asked--> Withdrawn
 *        ^                     |                                  ^
 *        |                     +---- last announcer ---> HeldBack-+ when others announce
 *        +----- no wish, from anywhere
 *
 * A wish that is forced holds nothing back. What is held back stays announced, marked to be avoided: a router that has nothing
 * better goes on using it.
 */
export function stepLifecycle(state: LifecycleState, input: LifecycleInput): LifecycleStep {
  const { wish, nowMs } = input
  if (wish === undefined) return rest(state.phase === 'Active' ? state : initialState(nowMs))
  switch (state.phase) {
    case 'Active':
      return begin(wish, input)
    case 'GracefulShutdown':
      return nowMs < state.untilMs
        ? waiting({ ...state, wish }, state.untilMs)
        : settle({ ...state, wish }, wish, input)
    case 'HeldBack':
      if (nowMs < state.checkAtMs && !wish.isForced) return waiting({ ...state, wish }, state.checkAtMs)
      return settle({ ...state, wish }, wish, input)
    case 'Withdrawn':
      return rest({ ...state, wish })
  }
}

/**
 * Where a process that was started anew goes on: an earlier one had left (`phase` of its NodeState), so that nothing of what was
 * withdrawn comes back for a moment.
 */
export function resumedState(nowMs: number, phase: string, heldBack: readonly string[], wish: Wish): LifecycleState {
  if (phase === 'Withdrawn') return { phase, sinceMs: nowMs, wish }
  if (phase !== 'HeldBack') return initialState(nowMs)
  const held = new Map(heldBack.map((prefix) => [prefix, { reason: 'lastAnnouncer' as const }]))
  return { phase, sinceMs: nowMs, wish, held, checkAtMs: nowMs }
}

const rest = (state: LifecycleState): LifecycleStep => ({ state, nextMs: undefined, needsOthers: false })

const waiting = (state: LifecycleState, nextMs: number): LifecycleStep => ({ state, nextMs, needsOthers: false })

function begin(wish: Wish, { nowMs, gracefulShutdownMs, routes }: LifecycleInput): LifecycleStep {
  if (routes.size === 0) return rest({ phase: 'Withdrawn', sinceMs: nowMs, wish })
  const untilMs = nowMs + (gracefulShutdownMs ?? 0)
  return waiting({ phase: 'GracefulShutdown', sinceMs: nowMs, wish, untilMs }, untilMs)
}

/** Withdraws what may go, as soon as the others were asked since the last decision. */
function settle(
  state: Extract<LifecycleState, { phase: 'GracefulShutdown' | 'HeldBack' }>,
  wish: Wish,
  input: LifecycleInput,
): LifecycleStep {
  const { nowMs, others } = input
  if (wish.isForced) return rest({ phase: 'Withdrawn', sinceMs: nowMs, wish })
  const dueMs = state.phase === 'HeldBack' ? state.checkAtMs : state.untilMs
  if (others === undefined || others.atMs < dueMs) return { state, nextMs: undefined, needsOthers: true }
  const held = heldBack(input.routes, others)
  if (held.size === 0) return rest({ phase: 'Withdrawn', sinceMs: nowMs, wish })
  const checkAtMs = nowMs + checkEveryMs
  const sinceMs = state.phase === 'HeldBack' ? state.sinceMs : nowMs
  return waiting({ phase: 'HeldBack', sinceMs, wish, held, checkAtMs }, checkAtMs)
}

/**
 * A prefix may go where every Service behind it is announced by a node that stays: one of them elsewhere would draw the traffic of
 * the others there too, to where nobody serves it.
 */
function heldBack(routes: LifecycleInput['routes'], { announced, unanswered }: Others): ReadonlyMap<string, Hold> {
  const held = new Map<string, Hold>()
  for (const [prefix, services] of routes) {
    const left = announced === undefined ? undefined : services.filter((service) => !announced.has(service))
    if (left === undefined) held.set(prefix, { reason: 'othersUnknown' })
    else if (left.length > 0) held.set(prefix, holdFor(left, unanswered))
  }
  return held
}

function holdFor(services: readonly string[], unanswered: Others['unanswered']): Hold {
  // Where nobody else is said to announce one of them, an answer would change nothing.
  const nodes = services.flatMap((service) => unanswered.get(service) ?? [])
  const [node] = nodes
  return node === undefined || nodes.length < services.length
    ? { reason: 'lastAnnouncer' }
    : { reason: 'noAnswer', node }
}
