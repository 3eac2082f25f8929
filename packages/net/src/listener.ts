import { addressKey } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import type { PeerDriver } from './driver-types.ts'
import { Admission } from './listener-admission.ts'
import { RateLimit } from './rate-limit.ts'
import type { Connection, ConnectionFault, Endpoint, ListenResult, Transport } from './transport.ts'
import { rejectConnection } from './wire.ts'

export interface PeerListenerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly at: Endpoint
  /**
   * Whose connection this is, by the two addresses (a remote port says nothing) and, where they are link-local, the device;
   * undefined: a stranger's. Asked before the limits are: what a connection costs, `accept` should make.
   */
  readonly match: (ends: {
    readonly local: Endpoint
    readonly remote: Endpoint
    readonly device?: string | undefined
  }) => Pick<PeerDriver, 'accept'> | undefined
  readonly observe: (event: ListenerEvent) => void
  /** Connections without an OPEN, for each peer address and for all strangers together; 8 unless given. */
  readonly maxHalfOpen?: number
}

/** Why a connection was not taken. */
export type RefusalCause =
  /** Nobody has this address: Cease/Connection Rejected (6/5). */
  | 'unknownPeer'
  /** Too many connections of this source wait without an OPEN: a reset. */
  | 'tooManyHalfOpen'
  /** More than 10 connections at once or one a second for long, of a peer or of all strangers together: a reset. */
  | 'tooManyConnections'
  /** The peer's key or TTL is not in force (`detail` says why), and without it there is no session: a reset. */
  | 'unprotected'

/** What a listener tells. `refused` comes once a second at most for each cause; `suppressed` more were refused meanwhile. */
export type ListenerEvent =
  | {
      readonly kind: 'refused'
      readonly remote: Endpoint
      readonly cause: RefusalCause
      readonly detail: string | undefined
      readonly suppressed: number
    }
  /** A connection could not be taken (too many open files, say); the listener goes on. */
  | { readonly kind: 'faulted'; readonly fault: ConnectionFault }

/** The shortest OPEN (RFC 4271 section 4.2). Who has sent as much has sent an OPEN or is closed by its driver. */
const SHORTEST_OPEN_BYTES = 29

const STRANGERS = 'strangers'

/**
 * Listens for peers: hands each connection to its driver, refuses strangers, and bounds what nobody has paid for with an OPEN,
 * and how often anybody may try.
 */
export function listenForPeers(options: PeerListenerOptions): Promise<ListenResult> {
  const { transport, clock, at, match, observe, maxHalfOpen = 8 } = options
  const halfOpen = new Map<string, number>()
  const admission = new Admission(clock)
  const limits = new Map<RefusalCause, RateLimit>()

  function accepted(connection: Connection): void {
    const driver = match(connection)
    const { address } = connection.remote
    // Strangers share what is theirs: their addresses are as many as an attacker likes.
    const whose = driver === undefined ? STRANGERS : `${address.family} ${addressKey(address)}`
    const cause = refusalOf(whose)
    if (cause !== undefined) {
      connection.attach({ received: () => undefined, drained: () => undefined, closed: () => undefined })
      connection.abort()
      refused(connection.remote, cause)
      return
    }
    const counted = countUntilOpen(connection, halfOpen, whose)
    if (driver !== undefined) {
      driver.accept(counted)
      return
    }
    rejectConnection(counted)
    refused(connection.remote, 'unknownPeer')
  }

  function refusalOf(whose: string): RefusalCause | undefined {
    if ((halfOpen.get(whose) ?? 0) >= maxHalfOpen) return 'tooManyHalfOpen'
    return admission.admit(whose) ? undefined : 'tooManyConnections'
  }

  function refused(remote: Endpoint, cause: RefusalCause, detail?: string): void {
    const limit = limits.get(cause) ?? new RateLimit(clock)
    limits.set(cause, limit)
    const suppressed = limit.admit()
    if (suppressed !== undefined) observe({ kind: 'refused', remote, cause, detail, suppressed })
  }

  function faulted(fault: ConnectionFault, remote: Endpoint | undefined): void {
    if (remote === undefined) observe({ kind: 'faulted', fault })
    else refused(remote, 'unprotected', fault.message)
  }

  return transport.listen(at, { accepted, faulted })
}

/** The same connection, counted under `whose` until as much as an OPEN has come or it is closed. */
function countUntilOpen(connection: Connection, counts: Map<string, number>, whose: string): Connection {
  let receivedBytes = 0
  let isCounted = true
  counts.set(whose, (counts.get(whose) ?? 0) + 1)

  function uncount(): void {
    if (!isCounted) return
    isCounted = false
    const left = (counts.get(whose) ?? 0) - 1
    if (left > 0) counts.set(whose, left)
    else counts.delete(whose)
  }

  return {
    ...connection,
    attach: (handler) =>
      connection.attach({
        received: (bytes) => {
          receivedBytes += bytes.length
          if (receivedBytes >= SHORTEST_OPEN_BYTES) uncount()
          handler.received(bytes)
        },
        drained: handler.drained,
        closed: (fault) => {
          uncount()
          handler.closed(fault)
        },
      }),
  }
}
