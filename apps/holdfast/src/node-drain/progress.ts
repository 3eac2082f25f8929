import type { NodeState } from '@holdfast/model'

/** How far a drain or its end has come, in words. */
export interface DrainProgress {
  readonly isDone: boolean
  readonly message: string
  /** What a person can do where it does not go on by itself; null: nothing need be done. */
  readonly remedy: string | null
  /** Prefixes that no other node announces. */
  readonly heldBack?: readonly string[]
  /** Whose they are, as `NAMESPACE/NAME`. */
  readonly services?: readonly string[]
}

const going = (message: string, remedy: string | null = null): DrainProgress => ({ isDone: false, message, remedy })
const done = (message: string): DrainProgress => ({ isDone: true, message, remedy: null })

export interface Waiting {
  readonly isUndrain: boolean
  /** Whether what the speaker says follows from the request: until then it is an older word, and may be one of a dead speaker. */
  readonly isAnswered: boolean
}

/** Reads it off what the node's speaker says. A drain is done when the node is safe to reboot. */
export function drainProgress(state: NodeState | undefined, { isUndrain, isAnswered }: Waiting): DrainProgress {
  if (state === undefined) return going('waiting for the speaker to tell of the node')
  const progress = isUndrain ? undrainProgress(state) : leavingProgress(state)
  if (isAnswered || progress.message === notBegun) return progress
  return going(`waiting for the speaker to answer; before, it said: ${progress.message}`)
}

const notBegun = 'waiting for the speaker to begin'

function undrainProgress(state: NodeState): DrainProgress {
  const { drain, conditions } = state.status
  const other = otherCause(state)
  if (other !== undefined) {
    return going(
      `stays away: ${other}`,
      'No drain holds it any more: take away what is named here, and it announces again.',
    )
  }
  if (drain !== undefined) return going(`still ${drain.phase}`)
  const announcing = conditions?.find(({ type }) => type === 'Announcing')
  return announcing?.status === 'False' ? going(announcing.message) : done('announces again')
}

/** Why a node leaves although nobody asks for it by a drain: a label, a taint, its deletion. */
export function otherCause({ spec, status: { drain } }: NodeState): string | undefined {
  if (spec.drain !== undefined || drain?.cause === undefined || drain.cause === 'requested') return undefined
  return drain.message ?? drain.cause
}

function leavingProgress({ spec, status: { drain, conditions } }: NodeState): DrainProgress {
  if (spec.drain === undefined) return going('nobody asks for the drain any more: somebody has ended it')
  // What the status says of an earlier drain stands there until the speaker has begun this one, and could write so.
  if (drain?.requestedAt !== spec.drain.requestedAt) return going(notBegun)
  const safe = conditions?.find(({ type }) => type === 'SafeToReboot')
  if (safe?.status === 'True') return done(`safe to reboot: ${safe.message}`)
  return { ...going(safe?.message ?? drain.phase, heldBackRemedy(drain)), ...aloneOf(drain) }
}

type Drain = NonNullable<NodeState['status']['drain']>

function aloneOf({ phase, heldBack = [] }: Drain): Pick<DrainProgress, 'heldBack'> {
  const alone = phase === 'HeldBack' ? heldBack.filter(({ reason }) => reason !== 'noAnswer') : []
  return alone.length === 0 ? {} : { heldBack: alone.map(({ prefix }) => prefix) }
}

function heldBackRemedy({ phase, heldBack: held = [] }: Drain): string | null {
  if (phase !== 'HeldBack') return null
  const [node] = held.map((one) => one.node)
  return node !== undefined && held.every(({ reason }) => reason === 'noAnswer')
    ? `It goes once that speaker answers. Does it run? kubectl get pods -A -o wide --field-selector spec.nodeName=${node}`
    : lastAnnouncerRemedy('kubectl get services -A shows whose it is')
}

export const lastAnnouncerRemedy = (whose: string): string =>
  `It goes once another node announces it too: with policy Local, have a ready endpoint elsewhere. ${whose}; a reboot now cuts that off.`
