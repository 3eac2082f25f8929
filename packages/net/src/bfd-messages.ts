import type { BfdConfig, BfdSnapshot } from '@holdfast/bfd'
import type { BfdEvent, BfdSessionOptions } from './bfd-service.ts'

/** What the main thread tells the thread of BFD. `id` names a session for as long as the process runs. */
export type BfdCommand =
  | { readonly kind: 'open'; readonly id: number; readonly options: BfdSessionOptions }
  | { readonly kind: 'configure'; readonly id: number; readonly config: BfdConfig }
  | { readonly kind: 'close'; readonly id: number }
  /** End all sessions, and the thread. */
  | { readonly kind: 'stop' }

/** What that thread tells back. */
export type BfdReport =
  | {
      readonly kind: 'event'
      readonly id: number
      readonly event: BfdEvent
      readonly snapshot: BfdSnapshot | undefined
    }
  | {
      readonly kind: 'snapshots'
      readonly snapshots: readonly { readonly id: number; readonly snapshot: BfdSnapshot }[]
    }
  | { readonly kind: 'stopped' }

/** What the thread is started with. */
export interface BfdThreadData {
  /** Where the main thread's `performance.now` is 0, on the clock that all threads share. */
  readonly originMs: number
}

/**
 * Where this thread's `performance.now` is 0, on the clock that all threads share. A thread that is interrupted between the two
 * readings finds too little, so the greatest of some is the right one.
 */
export const monotonicOriginMs = (): number =>
  Math.max(...Array.from({ length: 9 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()))
