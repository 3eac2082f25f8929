import { textAt, type Fields } from './fields-at.ts'

/** `spec.question` of a NodeState: whether its speaker is alive, and has seen what stands beside the question. */
export interface Question {
  readonly id: string
  readonly askedBy: string
  /** RFC 3339. */
  readonly askedAt: string
}

/** A question that nobody has asked before. `random` gives 0 to below 1. */
export const createQuestion = (askedBy: string, askedAt: string, random: () => number): Question => ({
  id: `${askedAt} ${Math.floor(random() * 2 ** 32).toString(16)}`,
  askedBy,
  askedAt,
})

/** Id of the question that stands in a NodeState; empty: none. */
export const questionIn = (state: unknown): string => textAt(state, 'spec', 'question', 'id')

/** Id of the question that its speaker answered last; empty: none. */
export const answerIn = (state: unknown): string => textAt(state, 'status', 'answer')

/** A question that was not answered stands there: it need not be asked twice. */
export const isOpenIn = (state: unknown): boolean => questionIn(state) !== '' && questionIn(state) !== answerIn(state)

/**
 * Whether the status of a NodeState, read after the question with this id was written, follows from a spec that has it. There is room
 * for one question: an answer to the one that has taken its place was given later, and counts as well.
 */
export const isAnsweredIn = (state: unknown, id: string): boolean =>
  answerIn(state) !== '' && (answerIn(state) === id || answerIn(state) === questionIn(state))

/** What a speaker writes into its status for the `spec` that the status follows from. */
export function answerTo(spec: unknown): Fields {
  const answer = textAt(spec, 'question', 'id')
  return answer === '' ? {} : { answer }
}
