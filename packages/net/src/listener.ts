import { addressKey } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import type { PeerDriver } from './driver-types.ts'
import { RateLimit } from './rate-limit.ts'
import type { Connection, ConnectionFault, Endpoint, ListenResult, Transport } from './transport.ts'
import { rejectConnection } from './wire.ts'

export interface PeerListenerOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly at: Endpoint
  /** Whose connection this is, by the two addresses (a remote port says nothing); undefined: a stranger's. */
  readonly match: (ends: { readonly local: Endpoint; readonly remote: Endpoint }) => PeerDriver | undefined
  readonly observe: (event: ListenerEvent) => void
  /** Connections without an OPEN, for each peer address and for all strangers together; 8 unless given. */
  readonly maxHalfOpen?: number
}

/**
 * What a listener tells. `refused` comes once a second at most; `suppressed` more were refused since the last time.
 * `unknownPeer` got Cease/Connection Rejected (6/5), `tooManyHalfOpen` nothing but a reset.
 */
export type ListenerEvent =
  | {
      readonly kind: 'refused'
      readonly remote: Endpoint
      readonly cause: 'unknownPeer' | 'tooManyHalfOpen'
      readonly suppressed: number
    }
  /** A connection could not be taken (too many open files, say); the listener goes on. */
  | { readonly kind: 'faulted'; readonly fault: ConnectionFault }

/** The shortest OPEN (RFC 4271 section 4.2). Who has sent as much has sent an OPEN or is closed by its driver. */
const SHORTEST_OPEN_BYTES = 29

const STRANGERS = 'strangers'

/** Listens for peers: hands each connection to its driver, refuses strangers, and bounds what nobody has paid for with an OPEN. */
export function listenForPeers(options: PeerListenerOptions): Promise<ListenResult> {
  const { transport, clock, at, match, observe, maxHalfOpen = 8 } = options
  const halfOpen = new Map<string, number>()
  const refusals = new RateLimit(clock)

  function accepted(connection: Connection): void {
    const driver = match(connection)
    const { address } = connection.remote
    const whose = driver === undefined ? STRANGERS : `${address.family} ${addressKey(address)}`
    if ((halfOpen.get(whose) ?? 0) >= maxHalfOpen) {
      connection.attach({ received: () => undefined, drained: () => undefined, closed: () => undefined })
      connection.abort()
      refused(connection, 'tooManyHalfOpen')
      return
    }
    const counted = countUntilOpen(connection, halfOpen, whose)
    if (driver !== undefined) {
      driver.accept(counted)
      return
    }
    rejectConnection(counted)
    refused(connection, 'unknownPeer')
  }

  function refused({ remote }: Connection, cause: 'unknownPeer' | 'tooManyHalfOpen'): void {
    const suppressed = refusals.admit()
    if (suppressed !== undefined) observe({ kind: 'refused', remote, cause, suppressed })
  }

  return transport.listen(at, { accepted, faulted: (fault) => observe({ kind: 'faulted', fault }) })
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
