import type { Clock } from '@holdfast/runtime'
import type { ApiResult, KubeApi, ListOptions, ObjectKey, ResourceType, Watch } from './api.ts'
import { collectionPath, keyText, objectPath, queryOf, selectionText } from './api-path.ts'
import type { Credentials } from './credentials-types.ts'
import { fieldsAt, textAt } from './json-fields.ts'
import type { Fields } from './plain-data.ts'
import { createRequester, type Requester } from './http-request.ts'
import { httpWatch } from './http-watch.ts'
import { objectRequest, writesOver } from './http-writes.ts'
import { createPageReader } from './kube-object.ts'

export interface HttpApiOptions {
  readonly credentials: Credentials
  readonly clock: Clock
  /** Unix time in ms, for what a server tells by the time of day. */
  readonly wallNowMs: () => number
  /** Who asks, in the server's audit log: `holdfast-speaker/0.1.0`. */
  readonly userAgent: string
  readonly limits?: Partial<HttpLimits>
  /** Told each warning of the server's, such as of fields that it does not know. */
  readonly onWarning?: (text: string) => void
  /** Told the type of a watch's event that is none of ours. */
  readonly onUnknownEvent?: (type: string) => void
}

export interface HttpLimits {
  /** 10 s. */
  readonly connectMs: number
  /** Until an answer begins, and between two pieces of it: 15 s. */
  readonly answerMs: number
  /** 256 MiB: a list page of some 100,000 Services. */
  readonly maxAnswerBytes: number
  /** 16 MiB: more than etcd stores as one object. */
  readonly maxLineBytes: number
  /** For requests over HTTP/1.1, beside those of the watches: 16. */
  readonly maxConnections: number
  /** Of HTTP/2: a server that owes us an answer and from which nothing has come for so long is asked for a sign: 30 s, as client-go. */
  readonly pingAfterMs: number
  /** It then has so long, before the connection is given up and made anew: 15 s, as client-go. */
  readonly pingAnswerMs: number
}

const defaults: HttpLimits = {
  connectMs: 10_000,
  answerMs: 15_000,
  maxAnswerBytes: 256 * 1024 * 1024,
  maxLineBytes: 16 * 1024 * 1024,
  maxConnections: 16,
  pingAfterMs: 30_000,
  pingAnswerMs: 15_000,
}

/** A client of the Kubernetes API over HTTPS: HTTP/2, or HTTP/1.1 where the server does not agree to that. `close` breaks everything off; watches end, requests have the fault `unreachable`. */
export type HttpApi = KubeApi & PodLogs & { readonly close: () => void }

/** The end of what one container of a pod has printed. */
export interface PodLogOptions {
  readonly container: string
  /** Of the container that ran before the one that runs now. */
  readonly isPrevious: boolean
  readonly tailLines: number
  readonly limitBytes: number
}

export interface PodLogs {
  /** GET of the subresource `log` of a pod, which is text. */
  readonly podLog: (pod: ObjectKey, options: PodLogOptions) => Promise<ApiResult<string>>
}

export function createHttpApi(options: HttpApiOptions): HttpApi {
  const { credentials, clock, wallNowMs, userAgent } = options
  const limits = { ...defaults, ...options.limits }
  const onWarning = options.onWarning ?? (() => undefined)
  const requester = createRequester({ credentials, clock, wallNowMs, userAgent, limits, onWarning })
  const onUnknownEvent = options.onUnknownEvent ?? (() => undefined)
  const watchContext = { requester, clock, maxLineBytes: limits.maxLineBytes, onUnknownEvent }
  const watches = new Set<Watch>()

  const watch: KubeApi['watch'] = (type, watchOptions, observe) => {
    const one = httpWatch(watchContext, type, watchOptions, observe)
    watches.add(one)
    void one.ended.then(() => watches.delete(one))
    return one
  }
  const close = (): void => {
    for (const one of watches) one.stop()
    requester.close()
  }
  return { ...reads(requester), ...writesOver(requester), ...podLogs(requester), watch, close }
}

const pods: ResourceType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

const podLogs = (requester: Requester): PodLogs => ({
  podLog: async (pod, { container, isPrevious, tailLines, limitBytes }) => {
    const query = queryOf({ container, tailLines, limitBytes, previous: isPrevious ? 'true' : undefined })
    const what = `get ${keyText(pods, pod)} (log of ${container})`
    return await requester.sendForText({ what, method: 'GET', path: `${objectPath(pods, pod, 'log')}${query}` })
  },
})

function reads(requester: Requester): Pick<KubeApi, 'list' | 'get'> {
  return {
    list: async (type, options) => {
      const what = `list ${selectionText(type, options)}`
      const path = `${collectionPath(type, options.namespace)}${queryOf(listParameters(options))}`
      const { take, page } = createPageReader(what, type, options.keep)
      const isWithoutManagedFields = options.isWithoutManagedFields === true
      const begin = (list: Fields): void => {
        const token = textAt(fieldsAt(list, 'metadata'), 'continue') ?? ''
        if (token !== '') options.foresee?.(token)
      }
      const answer = await requester.send({ what, method: 'GET', path }, { take, isWithoutManagedFields, begin })
      return answer.kind === 'fault' ? answer : page(answer.value)
    },
    get: async (type, key) => {
      const what = `get ${keyText(type, key)}`
      return await objectRequest(requester, type, key, { what, method: 'GET', path: objectPath(type, key) })
    },
  }
}

const listParameters = ({ limit, continue: token, fieldSelector, labelSelector, isCachedEnough }: ListOptions) => ({
  resourceVersion: isCachedEnough === true ? '0' : undefined,
  limit,
  continue: token,
  fieldSelector,
  labelSelector,
})
