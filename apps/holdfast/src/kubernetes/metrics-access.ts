import type { KubeApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { createHash } from 'node:crypto'
import type { Fields } from './fields-at.ts'
import { isFields } from './fields-at.ts'

/** Whether the bearer of a token may read metrics. */
export type Access = 'allowed' | 'unauthenticated' | 'forbidden' | 'unknown'

/** How long an answer is believed. A token that is withdrawn reads metrics for so long. */
const believedMs = 60_000
/** More tokens than scrapers have: beyond, the oldest answer is forgotten. Each, of those that may read and of those that may not. */
const mostAnswers = 64
/** Tokens that nobody knows are asked about so far apart: anybody can send them, and each is a request of the API server. */
const everyMs = 200
/** After a quiet time, as many as come in so long are asked about at once. */
const atOnceMs = 1000
/** Who would have to wait for longer, as a scraper would not, is not asked about. */
const mostWaitMs = 8_000

interface Answer {
  readonly access: Access
  readonly untilMs: number
}

/**
 * Asks the API server who a token belongs to (TokenReview) and whether that user may `get` the path (SubjectAccessReview), as
 * MetalLB's metrics do: whoever could scrape those can scrape these. `unknown`: the API server does not answer, or too many unknown
 * tokens are before this one. A token that might read the last time waits for none of them.
 */
export function createMetricsAccess(api: KubeApi, clock: Clock): (token: string, path: string) => Promise<Access> {
  const allowed = new Map<string, Answer>()
  const refused = new Map<string, Answer>()
  const asked = new Map<string, Promise<Access>>()
  let nextMs = -Infinity

  async function review(key: string, token: string, path: string): Promise<Access> {
    if (!allowed.has(key) && !(await turn())) return 'unknown'
    const access = await ask(api, token, path)
    if (access === 'unknown') return access
    for (const answers of [allowed, refused]) answers.delete(key)
    keep(access === 'allowed' ? allowed : refused, key, { access, untilMs: clock.now() + believedMs })
    return access
  }

  /** Waits for its turn; false: that is too far off. */
  async function turn(): Promise<boolean> {
    const nowMs = clock.now()
    const dueMs = Math.max(nextMs, nowMs - atOnceMs)
    if (dueMs - nowMs > mostWaitMs) return false
    nextMs = dueMs + everyMs
    if (dueMs > nowMs) await new Promise<void>((resolve) => void clock.after(dueMs - nowMs, resolve))
    return true
  }

  return async (token, path) => {
    // Only a hash of the token is kept.
    const key = createHash('sha256').update(`${path} ${token}`).digest('base64')
    const known = allowed.get(key) ?? refused.get(key)
    if (known !== undefined && known.untilMs > clock.now()) return known.access
    const asking = asked.get(key) ?? review(key, token, path).finally(() => asked.delete(key))
    asked.set(key, asking)
    return await asking
  }
}

function keep(answers: Map<string, Answer>, key: string, answer: Answer): void {
  answers.set(key, answer)
  const [oldest] = answers.keys()
  if (answers.size > mostAnswers && oldest !== undefined) answers.delete(oldest)
}

async function ask(api: KubeApi, token: string, path: string): Promise<Access> {
  const review = await api.create(resourceTypes.TokenReview, nameless({ spec: { token } }), writer)
  if (review.kind === 'fault') return 'unknown'
  const { authenticated, user } = statusOf(review.value)
  if (authenticated !== true || !isFields(user)) return 'unauthenticated'
  const spec = {
    user: user['username'],
    uid: user['uid'],
    groups: user['groups'],
    extra: user['extra'],
    nonResourceAttributes: { path, verb: 'get' },
  }
  const access = await api.create(resourceTypes.SubjectAccessReview, nameless({ spec }), writer)
  if (access.kind === 'fault') return 'unknown'
  return statusOf(access.value)['allowed'] === true ? 'allowed' : 'forbidden'
}

const writer = { fieldManager: 'holdfast' } as const

/** Reviews are questions, not objects: they have no name. */
const nameless = (content: Fields): KubeObject => ({ ...content, metadata: { name: '' } })

const statusOf = (object: KubeObject): Fields => (isFields(object['status']) ? object['status'] : {})
