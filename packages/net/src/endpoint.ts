import { equalAddresses, formatAddress, isUnspecified, parseAddress, unmapped } from '@holdfast/ip'
import type { ConnectionFault, Endpoint } from './transport.ts'

/** An endpoint for a person: `192.0.2.1:179`, `[2001:db8::1]:179`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const address = formatAddress(endpoint.address)
  return endpoint.address.family === 'ipv6' ? `[${address}]:${endpoint.port}` : `${address}:${endpoint.port}`
}

/** Whether two endpoints are the same address and port. */
export function equalEndpoints(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && equalAddresses(one.address, other.address)
}

/**
 * Reads an endpoint as the system names it: without the zone of a link-local address, and IPv4 as IPv4 also where an IPv6
 * socket took it (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2). undefined: the socket has none any more.
 */
export function endpointOf(address: string | undefined, port: number | undefined): Endpoint | undefined {
  const parsed = parseAddress(address?.replace(/%.*/, '') ?? '')
  if (!parsed.ok || port === undefined) return undefined
  return { address: unmapped(parsed.value), port }
}

/** What a fault is about: the two ends of a dial, or the one of a listener. */
export interface FaultPlace {
  readonly from?: Endpoint | undefined
  readonly to: Endpoint
}

const DIAL_MESSAGES: Readonly<Record<string, (place: FaultPlace) => string>> = {
  ECONNREFUSED: ({ to }) => `${formatEndpoint(to)} refused the connection: nothing listens there`,
  EHOSTUNREACH: ({ to }) => `${formatAddress(to.address)} is not reachable: the host does not answer`,
  ENETUNREACH: ({ to }) => `${formatAddress(to.address)} is not reachable: this machine has no route to it`,
  ETIMEDOUT: ({ to }) => `${formatEndpoint(to)} did not answer`,
  EADDRNOTAVAIL: ({ from, to }) =>
    from === undefined || isUnspecified(from.address)
      ? `no local address is left for a connection to ${formatEndpoint(to)}`
      : `source address ${formatAddress(from.address)} is not on this machine`,
  EADDRINUSE: ({ from, to }) =>
    `source ${from === undefined ? 'address' : formatEndpoint(from)} is in use by a connection to ${formatEndpoint(to)}`,
}

const LISTEN_MESSAGES: Readonly<Record<string, (place: FaultPlace) => string>> = {
  EADDRINUSE: ({ to }) => `${formatEndpoint(to)} is in use by another program`,
  EADDRNOTAVAIL: ({ to }) => `address ${formatAddress(to.address)} is not on this machine`,
  EACCES: ({ to }) => `port ${to.port} needs the capability CAP_NET_BIND_SERVICE`,
}

const CONNECTION_MESSAGES: Readonly<Record<string, string>> = {
  EOF: 'the peer closed the connection',
  ECONNRESET: 'the peer reset the connection',
  EPIPE: 'the peer closed the connection while we were sending',
  ETIMEDOUT: 'the peer does not acknowledge what we send',
  CLOSED: 'we closed the connection',
  ABORTED: 'we reset the connection',
}

/** Why a dial failed; `otherwise` is the system's text for what we have no sentence for. */
export function dialFault(code: string, place: FaultPlace, otherwise = code): ConnectionFault {
  return { code, message: DIAL_MESSAGES[code]?.(place) ?? otherwise }
}

/** Why a listener failed. */
export function listenFault(code: string, at: Endpoint, otherwise = code): ConnectionFault {
  return { code, message: LISTEN_MESSAGES[code]?.({ to: at }) ?? otherwise }
}

/** Why an open connection ended. */
export function connectionFault(code: string, otherwise = code): ConnectionFault {
  return { code, message: CONNECTION_MESSAGES[code] ?? otherwise }
}
