import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, Http2Session } from 'node:http2'
import { createSecureServer } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** What a proxy agrees to speak with clients (ALPN). */
export type ProxyProtocol = 'http/1.1' | 'h2'

/** A connection of a client's. */
export interface Connection {
  readonly raw: Socket
  readonly secure: TLSSocket
}

/** A request on it. */
export interface Arrival extends Connection {
  readonly request: IncomingMessage | Http2ServerRequest
  readonly response: ServerResponse | Http2ServerResponse
}

type Speaker = (arrived: (arrival: Arrival) => void) => (connection: Connection) => void

/** Servers that are handed connections on which TLS is spoken already. */
export const speakers: Readonly<Record<ProxyProtocol, Speaker>> = {
  'http/1.1': (arrived) => {
    const connections = new WeakMap<Socket, Connection>()
    const server = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      const connection = connections.get(request.socket)
      if (connection !== undefined) arrived({ ...connection, request, response })
    })
    return (connection) => {
      connections.set(connection.secure, connection)
      server.emit('connection', connection.secure)
    }
  },
  h2: (arrived) => {
    const connections = new WeakMap<Http2Session, Connection>()
    let latest: Connection | undefined
    const server = createSecureServer({}, (request, response) => {
      const connection = request.stream.session === undefined ? undefined : connections.get(request.stream.session)
      if (connection !== undefined) arrived({ ...connection, request, response })
    })
    // Told before `emit` returns.
    server.on('session', (session) => {
      session.on('error', () => undefined)
      if (latest !== undefined) connections.set(session, latest)
    })
    return (connection) => {
      latest = connection
      server.emit('secureConnection', connection.secure)
      // What a TLS server of Node's would have marked: without it the session waits for a handshake that is over.
      connection.secure.emit('secureConnect')
    }
  },
}
