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
/** More tokens than scrapers have: beyond, the oldest answer is forgotten. */
const mostAnswers = 64

/**
 * Asks the API server who a token belongs to (TokenReview) and whether that user may `get` the path (SubjectAccessReview), as
 * MetalLB's metrics do: whoever could scrape those can scrape these. `unknown`: the API server does not answer.
 */
export function createMetricsAccess(api: KubeApi, clock: Clock): (token: string, path: string) => Promise<Access> {
  const answers = new Map<string, { readonly access: Access; readonly untilMs: number }>()
  return async (token, path) => {
    // Only a hash of the token is kept.
    const key = createHash('sha256').update(`${path} ${token}`).digest('base64')
    const known = answers.get(key)
    if (known !== undefined && known.untilMs > clock.now()) return known.access
    const access = await ask(api, token, path)
    answers.delete(key)
    if (access !== 'unknown') answers.set(key, { access, untilMs: clock.now() + believedMs })
    const [oldest] = answers.keys()
    if (answers.size > mostAnswers && oldest !== undefined) answers.delete(oldest)
    return access
  }
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
