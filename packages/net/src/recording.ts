import type { PeerConfig, Role, Route, SessionReset, StopReason, TimerName } from '@holdfast/bgp'
import type { Address } from '@holdfast/ip'

/**
 * One line of a recording: everything that the session machine was told, in order, and what it did about it. From these
 * lines alone `replay` repeats the session. Nothing secret is in any: keys belong to sockets, which are not recorded.
 */
export type RecordEntry = { readonly atMs: number } & (RecordedInput | RecordedOutput)

export type RecordedInput =
  /** The machine was created: first line, and again after a crash. */
  | { readonly kind: 'created'; readonly version: 1; readonly config: PeerConfig; readonly isRestarting: boolean }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly reason: StopReason; readonly communication: string | undefined }
  | { readonly kind: 'bfdDown'; readonly message: string }
  | { readonly kind: 'connected'; readonly role: Role; readonly local: Address; readonly remote: Address }
  | { readonly kind: 'disconnected'; readonly role: Role; readonly code: string; readonly message: string }
  /** One message as it was framed, header included. */
  | { readonly kind: 'message'; readonly role: Role; readonly bytes: Uint8Array }
  /** Bytes that are no message. */
  | { readonly kind: 'faulted'; readonly role: Role; readonly fault: SessionReset }
  | { readonly kind: 'timer'; readonly role: Role; readonly timer: TimerName }
  /** `id` names a set that an earlier entry had already, which then has no `routes`. */
  | { readonly kind: 'desire'; readonly id: number; readonly routes: readonly Route[] | undefined }

/** What came of the input before: `bytes` of each message sent, and one line of text for every other output. */
export type RecordedOutput =
  | { readonly kind: 'sent'; readonly role: Role; readonly bytes: Uint8Array }
  | { readonly kind: 'did'; readonly text: string }
