import type { IncomingHttpHeaders } from 'node:http'
import { errorCode } from '../io-error.ts'
import type { ApiFault, FaultCode } from './api.ts'
import { fieldsAt, textAt } from './json-fields.ts'
import { isFields } from './plain-data.ts'

/** Longer texts of a server are cut: they go into logs and statuses. */
const maxMessageLength = 500

/**
 * What a server asks us to wait is obeyed up to this. An hour in one answer, of a balancer before the API server too, would make a kind
 * unheard, or an object unwritten, for an hour.
 */
const mostRetryAfterMs = 30_000

export const apiFault = (
  code: FaultCode,
  message: string,
  rest: Partial<Pick<ApiFault, 'status' | 'retryAfterMs'>> = {},
): ApiFault => ({
  kind: 'fault',
  code,
  status: rest.status,
  message,
  retryAfterMs: rest.retryAfterMs === undefined ? undefined : Math.min(rest.retryAfterMs, mostRetryAfterMs),
})

/**
 * The fault that an answer of HTTP means.
 * @param what was asked for, such as `list services`
 * @param body parsed: a Status of Kubernetes, as a rule
 */
export function faultOfAnswer(
  what: string,
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders },
  body: unknown,
  nowMs: number,
): ApiFault {
  const { status, headers } = answer
  const said = isStatus(body) ? cleaned(textAt(body, 'message')) : undefined
  const reason = isStatus(body) ? textAt(body, 'reason') : undefined
  const message = `${what}: ${said ?? unexplained(status, headers)}`
  const retryAfterMs = retryAfterOf(headers, nowMs) ?? retryAfterOfStatus(body)
  return apiFault(codeOf(status, reason), message, { status, retryAfterMs })
}

/** The fault that the object of an ERROR event means. */
export function faultOfErrorEvent(what: string, object: unknown): ApiFault {
  const status = isStatus(object) ? object : {}
  const code = status['code']
  const http = typeof code === 'number' ? code : 500
  const message = `${what}: ${cleaned(textAt(status, 'message')) ?? 'the server ended the watch with an error'}`
  const rest = { status: http, retryAfterMs: retryAfterOfStatus(status) }
  return apiFault(codeOf(http, textAt(status, 'reason')), message, rest)
}

/** The fault that no answer means. */
export function faultOfError(what: string, address: string, error: unknown): ApiFault {
  const code = errorCode(error)
  if (code.startsWith('HPE_')) {
    return apiFault('badAnswer', `${what}: what ${address} answers is no HTTP (${code}): is that the API server?`)
  }
  const reason = reasons[code] ?? (code === '' ? 'the connection broke' : `the connection broke (${code})`)
  return apiFault('unreachable', `${what}: ${address} cannot be reached: ${reason}`)
}

/** True where the server's certificate is the reason: it may have been replaced, and its authority with it. */
export const isTrustError = (error: unknown): boolean => trustReasons[errorCode(error)] !== undefined

const trustReasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it, and check the clocks',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by the authority of the credentials',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names: correct the server, or set tls-server-name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by the authority of the credentials',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is not signed by the authority of the credentials',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by the authority of the credentials',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the authority of the credentials',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the authority of the credentials',
}

const reasons: Readonly<Record<string, string>> = {
  ...trustReasons,
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'the connection timed out',
  ENOTFOUND: 'the name is not known: check the server and DNS',
  EAI_AGAIN: 'the name cannot be resolved now: check DNS',
  EPROTO: 'no TLS connection comes about: is that the https port?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS connection comes about: is that the https port?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no TLS connection comes about: is that the https port?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate',
}

const byStatus: Readonly<Record<number, FaultCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  410: 'gone',
  429: 'tooManyRequests',
}

/** Status.reason decides where one HTTP status has two meanings (apimachinery, StatusReason). */
function codeOf(status: number, reason: string | undefined): FaultCode {
  if (reason === 'AlreadyExists') return 'alreadyExists'
  if (reason === 'Expired' || reason === 'Gone') return 'gone'
  const known = byStatus[status]
  if (known !== undefined) return known
  if (status >= 500) return 'serverError'
  return status >= 400 ? 'invalid' : 'badAnswer'
}

function unexplained(status: number, headers: IncomingHttpHeaders): string {
  if (status >= 300 && status < 400) {
    return `the server answers with a redirection (${status}), which is not followed: correct the server's address`
  }
  const type = cleaned(headers['content-type'])
  const shape = type === undefined ? 'without saying why' : `with ${type} instead of an explanation`
  return `the server answers ${status}, ${shape}`
}

/** Retry-After of RFC 9110, section 10.2.3: seconds, or a time of day, counted from the server's own Date. */
function retryAfterOf(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const text = headers['retry-after']?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const untilMs = Date.parse(text)
  if (Number.isNaN(untilMs)) return undefined
  const serverNowMs = Date.parse(headers.date ?? '')
  return Math.max(0, untilMs - (Number.isNaN(serverNowMs) ? nowMs : serverNowMs))
}

function retryAfterOfStatus(body: unknown): number | undefined {
  const seconds = isFields(body) ? fieldsAt(body, 'details')['retryAfterSeconds'] : undefined
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
}

const isStatus = (body: unknown): body is Readonly<Record<string, unknown>> =>
  isFields(body) && body['kind'] === 'Status'

/** One line without control characters: what a server says may be anything. */
function cleaned(text: string | undefined): string | undefined {
  const line = text?.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim() ?? ''
  if (line === '') return undefined
  return line.length > maxMessageLength ? `${line.slice(0, maxMessageLength)}…` : line
}
