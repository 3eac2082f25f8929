import { constants, type ClientHttp2Stream } from 'node:http2'
import type { ApiFault } from './api.ts'
import { errorCode } from '../io-error.ts'
import {
  addressOf,
  headersOf,
  noAnswer,
  patienceOf,
  type Answer,
  type Call,
  type NoAnswer,
  type Route,
} from './http-exchange.ts'
import type { Http2Session } from './http2-session.ts'

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = constants

/** Of Node, for a request that it could not send at all. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
])

/**
 * Sends a call over HTTP/2 and resolves when the head of the answer is there. Never rejects.
 * @param session taken for this call
 */
export async function exchangeOverHttp2(call: Call, route: Route, session: Http2Session): Promise<Answer | NoAnswer> {
  const headers = headersOf(call, route)
  if (headers instanceof Error) {
    session.release()
    return noAnswer(call, route.server, headers)
  }
  return await new Promise((resolve) => {
    const { server, limits } = route
    const isFresh = session.isFresh()
    const stream = session.request({ ...pseudoHeaders(call, route), ...headers }, call.body !== undefined)
    const abandon = (): void => stream.close(NGHTTP2_CANCEL)
    const { patience, late } = patienceOf(call, route, abandon)
    let error: unknown
    let isAtEnd = false
    patience.expect('the answer', limits.answerMs)
    call.signal?.addEventListener('abort', abandon, { once: true })
    stream.on('end', () => (isAtEnd = true))
    stream.on('response', (answered) => {
      resolve({
        kind: 'answer',
        status: answered[':status'] ?? 0,
        headers: answered,
        stream,
        isWhole: () => isAtEnd && stream.rstCode === NGHTTP2_NO_ERROR,
        abandon,
        patience,
        late,
      })
    })
    // Stays for as long as the stream does: an error after the answer is for its reader.
    stream.on('error', (reason: unknown) => (error = reason))
    stream.on('close', () => {
      patience.end()
      call.signal?.removeEventListener('abort', abandon)
      const isUnprocessed = wasIgnored(stream, session, error)
      if (isUnprocessed) session.retire()
      const isStale = !isFresh && session.isLeaving() && late() === undefined
      resolve(noAnswer(call, server, error, { isStale, isUnprocessed, ...faultOf(late()) }))
    })
    if (call.body !== undefined) stream.end(call.body)
  })
}

const faultOf = (fault: ApiFault | undefined): { readonly fault?: ApiFault } => (fault === undefined ? {} : { fault })

const pseudoHeaders = ({ method, path }: Call, { server }: Route) => ({
  ':method': method,
  ':scheme': 'https',
  ':authority': addressOf(server),
  ':path': `${server.basePath}${path}`,
})

const wasIgnored = (stream: ClientHttp2Stream, session: Http2Session, error: unknown): boolean =>
  stream.rstCode === NGHTTP2_REFUSED_STREAM || session.hasIgnored(stream.id) || unsentCodes.has(errorCode(error))
