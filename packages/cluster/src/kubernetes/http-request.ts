import type { Clock } from '@holdfast/runtime'
import type { ApiFault, ApiResult } from './api.ts'
import { apiFault, faultOfAnswer } from './api-fault.ts'
import type { Access, Credentials } from './credentials-types.ts'
import { createAgents } from './http-agents.ts'
import { exchange, type Answer, type Call, type NoAnswer, type TimeLimits } from './http-exchange.ts'
import { readExplanation, readJson } from './json-body.ts'
import { warningsIn } from './warnings.ts'

export interface RequesterOptions {
  readonly credentials: Credentials
  readonly clock: Clock
  readonly wallNowMs: () => number
  readonly userAgent: string
  readonly limits: TimeLimits & { readonly maxAnswerBytes: number; readonly maxConnections: number }
  /** Told what the server warns of (the Warning header of a Kubernetes API server). */
  readonly onWarning: (text: string) => void
}

/** Sends requests with credentials that are read again when they are refused. */
export interface Requester {
  /** The JSON of a success (2xx). */
  readonly send: (call: Call) => Promise<ApiResult<unknown>>
  /** The answer of a success, of which nothing but the head has been read. */
  readonly open: (call: Call) => Promise<ApiResult<Answer>>
  readonly close: () => void
}

/** An explanation is a Status, and a Status is short. */
const maxExplanationBytes = 256 * 1024

export function createRequester(options: RequesterOptions): Requester {
  const { credentials, limits, clock } = options
  const agents = createAgents(limits.maxConnections)
  let isClosed = false

  const once = async (call: Call, access: Access, use: 'requests' | 'watches') =>
    await exchange(call, {
      server: credentials.server,
      agent: agents.of(access.tls)[use],
      token: access.token,
      userAgent: options.userAgent,
      clock,
      limits,
      isCompressible: use === 'requests',
    })

  /** Sends; a second time where it was refused and there are new credentials, or where a connection had gone stale. */
  const attempt = async (call: Call, use: 'requests' | 'watches'): Promise<Answer | NoAnswer> => {
    const access = await credentials.access()
    if (access.kind === 'fault') return withoutCredentials(call, access.reason, access.remedy)
    const first = await once(call, access.value, use)
    if (isOver(call)) return first
    // A write may have come through before its connection went: whether to repeat it is for the caller to say.
    if (first.kind === 'noAnswer' && first.isStale && call.method === 'GET') return await once(call, access.value, use)
    const next = isRefusal(first) ? await renewed(access.value) : undefined
    if (next === undefined || isOver(call)) return first
    if (first.kind === 'answer') discard(first)
    return await once(call, next, use)
  }

  const isOver = (call: Call): boolean => isClosed || call.signal?.aborted === true

  /** Other credentials than those that were refused; undefined: there are none. */
  const renewed = async (refused: Access): Promise<Access | undefined> => {
    credentials.renew(refused)
    const next = await credentials.access()
    return next.kind === 'fault' || next.value === refused ? undefined : next.value
  }

  const open = async (call: Call, use: 'requests' | 'watches'): Promise<ApiResult<Answer>> => {
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

  const send = async (call: Call): Promise<ApiResult<unknown>> => {
    const opened = await open(call, 'requests')
    if (opened.kind === 'fault') return opened
    const bodyLimits = { maxBytes: limits.maxAnswerBytes, idleMs: limits.answerMs }
    const body = await readJson(call.what, opened.value, bodyLimits)
    return body.kind === 'fault' ? body : { kind: 'ok', value: body.value }
  }

  const close = (): void => {
    isClosed = true
    agents.close()
  }
  return { send, open: async (call) => await open(call, 'watches'), close }
}

const isRefusal = (outcome: Answer | NoAnswer): boolean =>
  outcome.kind === 'answer' ? outcome.status === 401 : outcome.isTrust

function discard({ stream, patience }: Answer): void {
  patience.end()
  stream.on('error', () => undefined)
  stream.destroy()
}

const withoutCredentials = (call: Call, reason: string, remedy: string): NoAnswer => ({
  kind: 'noAnswer',
  fault: apiFault('unauthorized', `${call.what}: ${reason}. ${remedy}`),
  isTrust: false,
  isStale: false,
})
