/**
 * One thing that a standard asks of us. A test that proves it names it in brackets at the end of its title. RFC and section
 * are read from the id: `rfc4271-6.1-keepalive-length`.
 */
export interface Clause {
  /** `rfcNNNN-<section>-<words>`; drafts: `draft-<name>-<section>-<words>` with the name in one word, as `draft-linkbandwidth-3-type`. */
  readonly id: `rfc${string}-${string}` | `draft-${string}`
  readonly level: 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY'
  /** In our own words, one sentence, as what a speaker does. */
  readonly text: string
}
