import type { Clock } from '@holdfast/runtime'
import type { KubeApi, KubeObject } from './api.ts'
import type { Followed, FollowedState } from './kubernetes-source-types.ts'

export const timing = {
  firstRetryMs: 800,
  /** With the time that an answer may take (15 s) below 30 s, so that we are back within 30 s of the server's return. */
  mostRetryMs: 14_000,
  /** How often an optional kind that the server does not know is asked for. */
  absentRetryMs: 20_000,
  /** A watch lasts between this and `longestWatchMs`. */
  watchSeconds: 300,
  /**
   * The API server sends bookmarks about every minute: three without any sign are a connection that is dead or a server that has
   * hung. A kind that has not changed since the server's start may get none; then the wait doubles with each such suspicion, up to the
   * end of the watch.
   */
  silenceMs: 180_000,
  /** What a server may be late by in ending a watch. */
  endSlackMs: 30_000,
  /** A watch that has lived for so long works, also without any sign. */
  settledMs: 15_000,
  /** A watch that ends earlier than this, without any sign, is a failure: else a server could make us ask without pause. */
  shortMs: 5_000,
} as const

/** The longest that the server is asked to let a watch live, in ms. */
export const longestWatchMs = 2 * timing.watchSeconds * 1000

/**
 * What the server is asked to end a watch after: `longestWatchMs` at most.
 * @param random 0 to below 1
 */
export const watchSecondsOf = (random: number): number =>
  Math.round(timing.watchSeconds + (longestWatchMs / 1000 - timing.watchSeconds) * random)

/** An object that is known. */
export interface Known {
  /** As last seen. */
  readonly object: KubeObject
}

export interface ReflectorOptions<K extends Known> {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  readonly followed: Followed
  /** Makes what is kept of an object that is new, or says something new. */
  readonly make: (object: KubeObject) => K
  /** Takes over a version that says nothing new: only its resourceVersion is another. */
  readonly refresh: (known: K, object: KubeObject) => void
  /** Told of each difference at once: undefined before: it came; undefined after: it went. */
  readonly changed: (before: K | undefined, after: K | undefined) => void
  /** Told after a list replaced what was known, and whether that made a difference. */
  readonly listed: (isDifferent: boolean) => void
  /** Told whenever the state has a new fault, or none any more, or has become synced. */
  readonly observe: (state: FollowedState) => void
}

export interface Reflector<K extends Known> {
  /** Before the start: an object that an earlier life knew is known until the first list says otherwise. What is none is left out. */
  readonly remember: (object: unknown) => void
  readonly start: () => void
  /** No callback is called and no timer runs afterwards. */
  readonly stop: () => void
  /** Lists again; resolves when that list is there, or at `stop`. */
  readonly relist: () => Promise<void>
  readonly state: () => FollowedState
  /** See `KubernetesSource.watchedSinceMs`. */
  readonly watchedSinceMs: () => number | undefined
  readonly known: ReadonlyMap<string, K>
}
