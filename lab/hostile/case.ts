import type { Json } from '../harness/json.ts'
import type { PeerKind, Scene, Slot } from './scene.ts'

/** What the table of hostile inputs requires. */
export type Expectation =
  /** A NOTIFICATION (any of these), then the end of TCP. `data` in hexadecimal where a standard says what it is. */
  | { readonly kind: 'reset'; readonly anyOf: readonly ExpectedNotification[] }
  /** The end of TCP without a NOTIFICATION. */
  | { readonly kind: 'closed' }
  /** The session stays up and the routes that we were sent stay what they are; `fault`: it is counted, or it is none. */
  | { readonly kind: 'stays'; readonly fault: 'counted' | 'none' | 'any' }
  /** Either is allowed; what is not is to crash, to hang, or to end without a NOTIFICATION. */
  | { readonly kind: 'staysOrReset'; readonly anyOf: readonly ExpectedNotification[] }

export interface ExpectedNotification {
  readonly code: number
  readonly subcode: number
  readonly data?: string
}

export const reset = (code: number, subcode: number, data?: string): Expectation => ({
  kind: 'reset',
  anyOf: [{ code, subcode, ...(data === undefined ? {} : { data }) }],
})
export const closed: Expectation = { kind: 'closed' }
export const isCounted: Expectation = { kind: 'stays', fault: 'counted' }
export const isAccepted: Expectation = { kind: 'stays', fault: 'none' }
export const stays: Expectation = { kind: 'stays', fault: 'any' }

/** Where in the life of a connection the input comes. `openSent`: in place of the peer's OPEN. */
export type Stage = 'openSent' | 'openConfirm' | 'established'

/** One hostile input. */
export interface Case {
  /** Of the table: H1 to R2. */
  readonly row: string
  /** A claim about the input, without the reaction. */
  readonly title: string
  /** Clauses of standards that it proves. */
  readonly tags?: readonly string[]
  readonly stage: Stage
  readonly peer?: PeerKind
  /** The OPEN before it; a good one where left out. */
  readonly open?: (slot: Slot) => string
  /** In hexadecimal. */
  readonly input: (slot: Slot) => string
  readonly expect: Expectation | ((scene: Scene) => Expectation)
  /** What is wrong with how the program shows this peer afterwards. */
  readonly shows?: (view: Json) => string | undefined
  /** Which kinds of sessions it is for; all where left out. */
  readonly scenes?: (scene: Scene) => boolean
}

export const expectationOf = ({ expect }: Case, scene: Scene): Expectation =>
  typeof expect === 'function' ? expect(scene) : expect

export function describeExpectation(expectation: Expectation): string {
  switch (expectation.kind) {
    case 'reset':
      return `NOTIFICATION ${expectation.anyOf.map(({ code, subcode }) => `${code}/${subcode}`).join(' or ')}`
    case 'closed':
      return 'TCP closed, no NOTIFICATION'
    case 'stays':
      return { counted: 'stays up, fault counted', none: 'stays up', any: 'stays up' }[expectation.fault]
    case 'staysOrReset':
      return `stays up, or NOTIFICATION ${expectation.anyOf.map(({ code, subcode }) => `${code}/${subcode}`).join(' or ')}`
  }
}
