import { formatAddress, ipv4, ipv6 } from '@holdfast/ip'
import type { Endpoint, ListenResult, Stoppable, Transport } from '@holdfast/net'
import { formatEndpoint, listenForPeers } from '@holdfast/net'
import type { Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import { refusedConnection } from '../refused-connection.ts'
import { StartUpError } from '../start-up-error.ts'
import type { Announcements } from './announcements.ts'

/** RFC 4271 section 8: BGP's port. */
const bgpPort = 179

interface Surroundings {
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
}

/**
 * Accepts connections of configured peers. Where the user named an address it has to work; the default, port 179 of all
 * addresses, is an offer that may fail: without privileges, or beside another BGP daemon, sessions are only dialled.
 */
export async function listenForSessions(
  listen: Endpoint | 'default' | 'none',
  announcements: Announcements,
  surroundings: Surroundings,
): Promise<Stoppable | undefined> {
  if (listen === 'none') return undefined
  if (listen !== 'default') {
    const result = await listenAt(listen, announcements, surroundings)
    if (result.kind === 'listening') return tell(result, listen, announcements, surroundings.report)
    throw new StartUpError(
      `cannot listen on ${formatEndpoint(listen)}: ${result.fault.message}`,
      'Choose another address or port with --listen, or --no-listen.',
    )
  }
  // An IPv6 socket takes IPv4 connections too; a host without IPv6 needs the other.
  for (const address of [ipv6(0n), ipv4(0)]) {
    const at = { address, port: bgpPort }
    const result = await listenAt(at, announcements, surroundings)
    if (result.kind === 'listening' || result.fault.code !== 'EAFNOSUPPORT')
      return tell(result, at, announcements, surroundings.report)
  }
  return undefined
}

const listenAt = (
  at: Endpoint,
  announcements: Announcements,
  { transport, clock, report }: Surroundings,
): Promise<ListenResult> =>
  listenForPeers({
    transport,
    clock,
    at,
    match: (ends) => announcements.driverFor(ends),
    observe: (event) => report(refusedConnection(event)),
  })

function tell(result: ListenResult, at: Endpoint, announcements: Announcements, report: Report): Stoppable | undefined {
  if (result.kind === 'listening') {
    const { listener } = result
    report({ event: 'listening', purpose: 'speaker', address: formatEndpoint(listener.local), outcome: 'listening' })
    announcements.protectWith((peers) => {
      for (const { peer, fault } of listener.protect(peers)) {
        const message = `connections of this peer are refused, since they cannot be protected: ${fault.message}`
        report({ event: 'refusedConnection', remote: formatAddress(peer.address), message })
      }
    })
    return listener
  }
  const message = `${result.fault.message}; sessions are only dialled (--listen names another address, --no-listen silences this)`
  report({ event: 'listening', purpose: 'speaker', address: formatEndpoint(at), outcome: 'failed', message })
  return undefined
}
