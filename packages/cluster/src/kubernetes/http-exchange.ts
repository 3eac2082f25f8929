import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request, type Agent } from 'node:https'
import type { SecretText } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import type { ApiFault } from './api.ts'
import { apiFault, faultOfError, isTrustError } from './api-fault.ts'
import type { ServerAddress } from './credentials-types.ts'
import { createPatience, type Patience } from './patience.ts'

/** How long the server may take. */
export interface TimeLimits {
  readonly connectMs: number
  /** From the request until the answer begins, and between two pieces of it. */
  readonly answerMs: number
}

/** One request of HTTP. */
export interface Call {
  /** For people: `list services in namespace a`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Escaped, with its query. */
  readonly path: string
  readonly contentType?: string
  readonly body?: string
  readonly signal?: AbortSignal
}

/** The way that a call takes. */
export interface Route {
  readonly server: ServerAddress
  readonly agent: Agent
  readonly token: SecretText | undefined
  readonly userAgent: string
  readonly clock: Clock
  readonly limits: TimeLimits
  /**
   * Whether the answer may come compressed. The API server compresses what is longer than 128 KiB: pages of a list, at no
   * measurable cost, to a tenth or less. Never a watch, whose events a proxy on the way might hold back to compress them together.
   */
  readonly isCompressible: boolean
}

/** An answer, of which nothing but the head has been read. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly stream: IncomingMessage
  /** Running; whoever reads the stream to its end or destroys it, ends it. */
  readonly patience: Patience
  /** What took too long, where that is why the stream broke. */
  readonly late: () => ApiFault | undefined
}

/** No answer came. */
export interface NoAnswer {
  readonly kind: 'noAnswer'
  readonly fault: ApiFault
  /** The server's certificate was the reason. */
  readonly isTrust: boolean
  /** The connection had been used before and was closed, perhaps before the request came to it. */
  readonly isStale: boolean
}

const keepAliveMs = 30_000

/** Sends a call and resolves when the head of the answer is there. Never rejects. */
export async function exchange(call: Call, route: Route): Promise<Answer | NoAnswer> {
  return await new Promise((resolve) => {
    const { clock, limits, server } = route
    const address = addressOf(server)
    let lateFault: ApiFault | undefined
    const outgoing = begin(call, route)
    if (outgoing instanceof Error) return resolve(noAnswer(faultOfError(call.what, address, outgoing), outgoing))
    const patience = createPatience(clock, (phase, ms) => {
      lateFault = apiFault('timeout', `${call.what}: ${address}: ${phase} took more than ${ms / 1000} s`)
      outgoing.destroy(new Error(lateFault.message))
    })
    outgoing.on('socket', (socket) => {
      socket.setKeepAlive(true, keepAliveMs)
      const expectAnswer = (): void => patience.expect('the answer', limits.answerMs)
      if (outgoing.reusedSocket) return expectAnswer()
      patience.expect('the connection', limits.connectMs)
      socket.once('secureConnect', expectAnswer)
    })
    outgoing.on('response', (stream) => {
      resolve({
        kind: 'answer',
        status: stream.statusCode ?? 0,
        headers: stream.headers,
        stream,
        patience,
        late: () => lateFault,
      })
    })
    // Stays for as long as the request does: an error after the answer is the stream's to tell.
    outgoing.on('error', (error) => {
      patience.end()
      const isStale = outgoing.reusedSocket && lateFault === undefined
      resolve(noAnswer(lateFault ?? faultOfError(call.what, address, error), error, isStale))
    })
    outgoing.end(call.body)
  })
}

/** For people: `192.0.2.1:6443`. */
const addressOf = ({ host, port }: ServerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

function begin(call: Call, { server, agent, token, userAgent, isCompressible }: Route) {
  const headers = {
    accept: 'application/json',
    'accept-encoding': isCompressible ? 'gzip' : 'identity',
    'user-agent': userAgent,
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
    ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
    ...(call.body === undefined ? {} : { 'content-length': Buffer.byteLength(call.body) }),
  }
  const { host, port, basePath } = server
  const signal = call.signal === undefined ? {} : { signal: call.signal }
  try {
    return request({ agent, host, port, method: call.method, path: `${basePath}${call.path}`, headers, ...signal })
  } catch (error) {
    // A token with characters that no header may have.
    return error instanceof Error ? error : new Error(String(error))
  }
}

const noAnswer = (fault: ApiFault, error: unknown, isStale = false): NoAnswer => ({
  kind: 'noAnswer',
  fault,
  isTrust: isTrustError(error),
  isStale,
})
