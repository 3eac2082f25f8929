/** What a rule found: the code of the rule, what is wrong, and what to do about it. Where it is, the reader adds. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** One rule of the table in `rules.ts`: what it is for, and how it words a finding of detail `D`. */
export interface Rule<D> {
  /** One sentence for docs/reference/faults.md. */
  readonly summary: string
  readonly message: (detail: D) => string
  readonly remedy: (detail: D) => string
}
