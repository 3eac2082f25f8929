import { validateHeaderValue, type IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
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

/** The way that a call takes, whatever the version of HTTP. */
export interface Route {
  readonly server: ServerAddress
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
  readonly stream: Readable
  /** Asked at the stream's end: whether that is the answer's. */
  readonly isWhole: () => boolean
  /** The rest of it is not wanted; harmless after its end. */
  readonly abandon: () => void
  /** Running; whoever reads the stream to its end or abandons it, ends it. */
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
  /** The server says that it has done nothing with the request (RFC 9113, section 8.7): it may be sent again, also a write. */
  readonly isUnprocessed: boolean
}

/** For people: `192.0.2.1:6443`. */
export const addressOf = ({ host, port }: ServerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** The fields that a request has in every version of HTTP; an Error: the token has characters that no header may have. */
export function headersOf(
  { contentType, body }: Call,
  { token, userAgent, isCompressible }: Route,
): Readonly<Record<string, string | number>> | Error {
  const authorization = token === undefined ? undefined : `Bearer ${token.reveal()}`
  try {
    if (authorization !== undefined) validateHeaderValue('authorization', authorization)
  } catch (error) {
    return error instanceof Error ? error : new Error('no header')
  }
  return {
    accept: 'application/json',
    'accept-encoding': isCompressible ? 'gzip' : 'identity',
    'user-agent': userAgent,
    ...(authorization === undefined ? {} : { authorization }),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
  }
}

export function noAnswer(
  call: Call,
  server: ServerAddress,
  error: unknown,
  rest: Partial<Pick<NoAnswer, 'fault' | 'isStale' | 'isUnprocessed'>> = {},
): NoAnswer {
  return {
    kind: 'noAnswer',
    fault: rest.fault ?? faultOfError(call.what, addressOf(server), error),
    isTrust: isTrustError(error),
    isStale: rest.isStale ?? false,
    isUnprocessed: rest.isUnprocessed ?? false,
  }
}

export const tooLate = (call: Call, server: ServerAddress, phase: string, ms: number): ApiFault =>
  apiFault('timeout', `${call.what}: ${addressOf(server)}: ${phase} took more than ${ms / 1000} s`)

/** The patience of a call: `giveUp` is called once, when something took too long, and `late` says what that was. */
export function patienceOf(call: Call, { clock, server }: Route, giveUp: (fault: ApiFault) => void) {
  let fault: ApiFault | undefined
  const patience = createPatience(clock, (phase, ms) => {
    fault = tooLate(call, server, phase, ms)
    giveUp(fault)
  })
  return { patience, late: (): ApiFault | undefined => fault }
}
