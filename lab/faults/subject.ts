import type { Target } from './kinds.ts'
import type { RemoteProxy } from './proxies.ts'

/** What must become true after a change. */
export interface Expectation {
  /** `192.0.2.1 is at the router`. */
  readonly what: string
  readonly isMet: () => boolean
}

/** A program behind a proxy, what can be struck of it, and what somebody else sees of it. */
export interface Subject {
  readonly name: string
  readonly proxy: RemoteProxy
  /** Resources whose lists and watches can be struck, and `writes`. */
  readonly targets: readonly Target[]
  /** What is changed comes through by its writes, and not while they fail. */
  readonly needsWrites: boolean
  /** Changes an object so that an event tells of it that says nothing. False: the target has none for that. */
  readonly touch: (target: Target) => Promise<boolean>
  /** Makes what `change` needs; before the fault. */
  readonly prepare: (target: Target) => Promise<void>
  /** Changes something that the program learns by this target, among others; returns what must come of it. */
  readonly change: (target: Target) => Promise<readonly Expectation[]>
  /** Takes the change back where the next one would not be seen otherwise; resolves when that has come through. */
  readonly restore: (target: Target) => Promise<void>
  /** What must not have happened and did, so far. */
  readonly violations: () => readonly string[]
  /** For a person who looks for the reason: the end of the program's log. */
  readonly tail: () => string
}
