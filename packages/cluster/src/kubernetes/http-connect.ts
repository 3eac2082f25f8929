import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Clock } from '@holdfast/runtime'
import type { ServerAddress, TlsSettings } from './credentials-types.ts'
import { keepAlive } from './keep-alive.ts'

export interface ConnectOptions {
  readonly server: ServerAddress
  readonly tls: TlsSettings
  readonly clock: Clock
  readonly connectMs: number
}

/** A connection, and the version of HTTP that both sides have agreed on (ALPN, RFC 7301), or why there is none. */
export type Connected =
  | { readonly kind: 'http2'; readonly socket: TLSSocket }
  /** Nothing is kept of it: HTTP/1.1 has connections of its own. */
  | { readonly kind: 'http1' }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'late' }

export interface Connecting {
  readonly outcome: Promise<Connected>
  /** Harmless when it has come about. */
  readonly abort: () => void
}

/** Connects and offers HTTP/2 before HTTP/1.1. */
export function connectTls({ server, tls, clock, connectMs }: ConnectOptions): Connecting {
  const { promise, resolve } = Promise.withResolvers<Connected>()
  const { host, port } = server
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
  const socket = connect({
    host,
    port,
    secureContext: tls.secureContext,
    rejectUnauthorized: tls.isVerified,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(servername === undefined ? {} : { servername }),
  })
  keepAlive(socket)
  socket.setNoDelay(true)
  const alarm = clock.after(connectMs, () => finish({ kind: 'late' }))
  let isOver = false
  const finish = (connected: Connected): void => {
    if (isOver) return
    isOver = true
    alarm.cancel()
    if (connected.kind !== 'http2') socket.destroy()
    resolve(connected)
  }
  const broken = (): void =>
    finish({ kind: 'failed', error: Object.assign(new Error('closed'), { code: 'ECONNRESET' }) })
  socket.once('secureConnect', () =>
    finish(socket.alpnProtocol === 'h2' ? { kind: 'http2', socket } : { kind: 'http1' }),
  )
  socket.on('error', (error: Error) => finish({ kind: 'failed', error }))
  socket.once('close', broken)
  return { outcome: promise, abort: broken }
}
