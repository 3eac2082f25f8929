import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream, type Settings } from 'node:http2'
import type { OutgoingHttpHeaders } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Alarm, Clock } from '@holdfast/runtime'

/** How a connection that has gone dead is found. */
export interface PingLimits {
  /** After so long without an octet from the server, while it owes us something, it is asked for one. */
  readonly pingAfterMs: number
  /** It then has so long. */
  readonly pingAnswerMs: number
}

/** One connection of HTTP/2. */
export interface Http2Session {
  /**
   * True: one more `request` may be sent, and must be, or `release` be called. False: the connection is leaving, or has as many under
   * way as the server allows.
   */
  readonly take: () => boolean
  readonly release: () => void
  /** True: no request has been sent on it. */
  readonly isFresh: () => boolean
  /** True: the server, or the way to it, has ended it. */
  readonly isLeaving: () => boolean
  readonly request: (headers: OutgoingHttpHeaders, hasBody: boolean) => ClientHttp2Stream
  /** True: the server has said (GOAWAY) that it did not look at this request. */
  readonly hasIgnored: (streamId: number | undefined) => boolean
  /** No new requests; it ends when those under way have. */
  readonly retire: () => void
  /** Breaks off what is under way. */
  readonly destroy: () => void
  readonly closed: Promise<void>
}

/** How much may be on the way to us: of one answer, and of all together. A page of 500 Services has 0.8 MB. */
const windows = { stream: 1024 * 1024, connection: 16 * 1024 * 1024 } as const

/** Of Node's, in MB: what a session may hold; its default of 10 refuses streams when a few answers come at once. */
const maxSessionMemory = 64

/** A connection without requests is given up after so long; the API server would after 90 s. */
const idleMs = 30_000

/** Until the server has told how many requests it takes at once: what every server takes (RFC 9113, section 6.5.2). */
const firstMaxStreams = 100

/** In how many pieces `pingAfterMs` is waited for: silence is found that much late at most. */
const checks = 3

/** Speaks HTTP/2 over a connection on which both sides have agreed to it. */
export function createHttp2Session(socket: TLSSocket, clock: Clock, limits: PingLimits): Http2Session {
  const session = connectHttp2('https://api', {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: windows.stream },
    maxSessionMemory,
    peerMaxConcurrentStreams: firstMaxStreams,
  })
  const { promise: closed, resolve } = Promise.withResolvers<undefined>()
  const liveness = createLiveness(session, socket, { clock, ...limits })
  let maxStreams = firstMaxStreams
  let underWay = 0
  let sent = 0
  let lastLookedAt = Infinity

  session.on('connect', () => session.setLocalWindowSize(windows.connection))
  session.on('remoteSettings', (settings: Settings) => (maxStreams = settings.maxConcurrentStreams ?? Infinity))
  session.on('goaway', (_: number, lastStreamId: number) => (lastLookedAt = lastStreamId))
  // Each request that is under way has the error of its own.
  session.on('error', () => undefined)
  session.on('close', () => {
    liveness.rest()
    resolve(undefined)
  })
  session.setTimeout(idleMs, () => {
    if (underWay === 0) session.close()
  })
  session.unref()

  const isLeaving = (): boolean => session.closed || session.destroyed
  const enter = (): void => {
    underWay += 1
    if (underWay > 1) return
    session.ref()
    liveness.begin()
  }
  const leave = (): void => {
    underWay -= 1
    if (underWay > 0) return
    liveness.rest()
    if (!session.destroyed) session.unref()
  }
  return {
    take: () => {
      if (isLeaving() || underWay >= maxStreams) return false
      enter()
      return true
    },
    release: leave,
    isFresh: () => sent === 0,
    isLeaving,
    request: (headers, hasBody) => {
      const stream = session.request(headers, { endStream: !hasBody })
      sent += 1
      stream.once('close', leave)
      return stream
    },
    hasIgnored: (streamId) => (streamId ?? Infinity) > lastLookedAt,
    retire: () => {
      if (!session.closed) session.close()
    },
    destroy: () => session.destroy(),
    closed,
  }
}

interface Liveness {
  readonly begin: () => void
  readonly rest: () => void
}

/** Pings a server from which nothing comes while it owes us something, and ends a connection that does not answer that. */
function createLiveness(
  session: ClientHttp2Session,
  socket: TLSSocket,
  { clock, pingAfterMs, pingAnswerMs }: PingLimits & { readonly clock: Clock },
): Liveness {
  let alarm: Alarm | undefined
  let seenBytes = 0
  let silentChecks = 0

  const after = (ms: number, run: () => void): void => {
    alarm?.cancel()
    alarm = clock.after(ms, run)
  }
  const hasComeSomething = (): boolean => {
    const bytes = socket.bytesRead
    const isMore = bytes !== seenBytes
    seenBytes = bytes
    return isMore
  }
  const check = (): void => {
    silentChecks = hasComeSomething() ? 0 : silentChecks + 1
    if (silentChecks < checks) return after(pingAfterMs / checks, check)
    // Node has no more than ten under way; where it sends none, an earlier one is being waited for.
    session.ping((error) => {
      if (error === null && alarm !== undefined) begin()
    })
    after(pingAnswerMs, () => setImmediate(judge))
  }
  /** A turn later: the answer may be waiting behind the alarm where this process itself was stopped. */
  const judge = (): void => {
    if (alarm === undefined) return
    if (hasComeSomething()) return begin()
    session.destroy(Object.assign(new Error('No answer to a PING'), { code: 'ETIMEDOUT' }))
  }
  const begin = (): void => {
    seenBytes = socket.bytesRead
    silentChecks = 0
    after(pingAfterMs / checks, check)
  }
  const rest = (): void => {
    alarm?.cancel()
    alarm = undefined
  }
  return { begin, rest }
}
