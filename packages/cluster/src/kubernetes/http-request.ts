import type { Clock } from '@holdfast/runtime'
import type { ApiFault, ApiResult } from './api.ts'
import { apiFault, faultOfAnswer } from './api-fault.ts'
import type { Access, Credentials } from './credentials-types.ts'
import { createConnections, type ConnectionLimits, type Use } from './http-connections.ts'
import type { Answer, Call, NoAnswer, TimeLimits } from './http-exchange.ts'
import { readExplanation, readJson, readList, readText } from './json-body.ts'
import type { ItemTaker } from './list-reader.ts'
import { warningsIn } from './warnings.ts'

export interface RequesterOptions {
  readonly credentials: Credentials
  readonly clock: Clock
  readonly wallNowMs: () => number
  readonly userAgent: string
  readonly limits: TimeLimits & ConnectionLimits & { readonly maxAnswerBytes: number }
  /** Told what the server warns of (the Warning header of a Kubernetes API server). */
  readonly onWarning: (text: string) => void
}

/** Sends requests with credentials that are read again when they are refused. */
export interface Requester {
  /** The JSON of a success (2xx). Of a list, `items` is given items while they arrive; the value has those that were not given to it. */
  readonly send: (call: Call, items?: ItemTaker) => Promise<ApiResult<unknown>>
  /** The text of a success. */
  readonly sendForText: (call: Call) => Promise<ApiResult<string>>
  /** The answer of a success, of which nothing but the head has been read. */
  readonly open: (call: Call) => Promise<ApiResult<Answer>>
  readonly close: () => void
}

/** An explanation is a Status, and a Status is short. */
const maxExplanationBytes = 256 * 1024

/** How often a request that the server did nothing with is sent again: each time on a new connection. */
const maxRepeats = 3

export function createRequester(options: RequesterOptions): Requester {
  const { credentials, limits, clock } = options
  const connections = createConnections(limits)
  let isClosed = false

  const once = async (call: Call, access: Access, use: Use) => {
    const { server } = credentials
    const { userAgent } = options
    const route = { server, token: access.token, userAgent, clock, limits, isCompressible: use === 'requests' }
    return await connections.send(call, route, access.tls, use)
  }

  /** Sends; again where the server did nothing with it, or a connection had gone stale. */
  const persistently = async (call: Call, access: Access, use: Use): Promise<Answer | NoAnswer> => {
    let outcome = await once(call, access, use)
    for (let repeats = 0; repeats < maxRepeats && !isOver(call) && mayRepeat(call, outcome, repeats); repeats += 1) {
      outcome = await once(call, access, use)
    }
    return outcome
  }

  /** Sends; a second time where it was refused and there are new credentials. */
  const attempt = async (call: Call, use: Use): Promise<Answer | NoAnswer> => {
    const access = await credentials.access()
    if (access.kind === 'fault') return withoutCredentials(call, access.reason, access.remedy)
    const first = await persistently(call, access.value, use)
    const next = !isOver(call) && isRefusal(first) ? await renewed(access.value) : undefined
    if (next === undefined || isOver(call)) return first
    if (first.kind === 'answer') discard(first)
    return await persistently(call, next, use)
  }

  const isOver = (call: Call): boolean => isClosed || call.signal?.aborted === true

  /** Other credentials than those that were refused; undefined: there are none. */
  const renewed = async (refused: Access): Promise<Access | undefined> => {
    credentials.renew(refused)
    const next = await credentials.access()
    return next.kind === 'fault' || next.value === refused ? undefined : next.value
  }

  const open = async (call: Call, use: Use): Promise<ApiResult<Answer>> => {
    if (isClosed) return apiFault('unreachable', `${call.what}: the client has been closed`)
    const outcome = await attempt(call, use)
    if (outcome.kind === 'noAnswer') return outcome.fault
    for (const warning of warningsIn(outcome.headers)) options.onWarning(warning)
    if (outcome.status >= 200 && outcome.status < 300) return { kind: 'ok', value: outcome }
    return await explained(call, outcome)
  }

  const explained = async (call: Call, answer: Answer): Promise<ApiFault> => {
    const body = await readExplanation(answer, { maxBytes: maxExplanationBytes, idleMs: limits.answerMs })
    return faultOfAnswer(call.what, answer, body, options.wallNowMs())
  }

  const send = async (call: Call, items?: ItemTaker): Promise<ApiResult<unknown>> => {
    const opened = await open(call, 'requests')
    if (opened.kind === 'fault') return opened
    const bodyLimits = { maxBytes: limits.maxAnswerBytes, idleMs: limits.answerMs }
    const body = await (items === undefined
      ? readJson(call.what, opened.value, bodyLimits)
      : readList(call.what, opened.value, bodyLimits, items))
    return body.kind === 'fault' ? body : { kind: 'ok', value: body.value }
  }

  const sendForText = async (call: Call): Promise<ApiResult<string>> => {
    const opened = await open(call, 'requests')
    if (opened.kind === 'fault') return opened
    return await readText(call.what, opened.value, { maxBytes: limits.maxAnswerBytes, idleMs: limits.answerMs })
  }

  const close = (): void => {
    isClosed = true
    connections.close()
  }
  return { send, sendForText, open: async (call) => await open(call, 'watches'), close }
}

const isRefusal = (outcome: Answer | NoAnswer): boolean =>
  outcome.kind === 'answer' ? outcome.status === 401 : outcome.isTrust

/** A write may have come through before its connection went: whether to repeat that is for the caller to say. */
function mayRepeat({ method }: Call, outcome: Answer | NoAnswer, repeats: number): boolean {
  if (outcome.kind === 'answer') return false
  return outcome.isUnprocessed || (outcome.isStale && method === 'GET' && repeats === 0)
}

/** Ends an answer that nobody reads. */
export function discard({ stream, patience, abandon }: Answer): void {
  patience.end()
  stream.on('error', () => undefined)
  abandon()
}

const withoutCredentials = (call: Call, reason: string, remedy: string): NoAnswer => ({
  kind: 'noAnswer',
  fault: apiFault('unauthorized', `${call.what}: ${reason}. ${remedy}`),
  isTrust: false,
  isStale: false,
  isUnprocessed: false,
})
