import type { Feature, Relation, Transport } from './plan.ts'

/** `cannot`: the implementation lacks what the feature needs, and the run has seen that it does. */
export type Result =
  | { readonly kind: 'green' }
  | { readonly kind: 'red'; readonly why: string }
  | { readonly kind: 'cannot'; readonly why: string }

export interface Cell {
  readonly implementation: string
  readonly transport: Transport
  readonly relation: Relation
  readonly feature: Feature
  readonly result: Result
}

/** Everything that was seen of one implementation. */
export interface Findings {
  readonly implementation: string
  readonly version: string
  readonly notes: readonly string[]
  readonly cells: readonly Cell[]
}
