/** What a request of the Kubernetes API does, as RBAC and the audit log name it. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

/** A request, as far as rules look at it. */
export interface ApiRequest {
  readonly verb: Verb
  /** With the query, as the client wrote it. */
  readonly path: string
  /** As in the path: `services`, or `services/status`; empty where it is no resource's path (/readyz). */
  readonly resource: string
}

export interface Matcher {
  readonly verbs?: readonly Verb[]
  readonly resources?: readonly string[]
  /** Of the path with its query. */
  readonly path?: RegExp
}

/** Instead of an answer, or around it; the body is not looked at. */
export type AnswerFault =
  /** RST. The request does not reach the server. */
  | { readonly kind: 'reset' }
  /** The connection is closed (FIN). The request does not reach the server. */
  | { readonly kind: 'hangUp' }
  /** No answer; the connection stays. The request does not reach the server. */
  | { readonly kind: 'silence' }
  /** The request reaches the server so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** A Status object of the API (code and reason), with Retry-After where seconds are given. */
  | {
      readonly kind: 'status'
      readonly status: 400 | 401 | 403 | 404 | 409 | 410 | 429 | 500 | 503 | 504
      readonly retryAfterSeconds?: number
    }
  /** 200 with this body and nothing of the server's, as from a proxy in between that asks for a login. */
  | { readonly kind: 'answer'; readonly contentType: string; readonly body: string }
  /** Bytes that are no HTTP. */
  | { readonly kind: 'notHttp' }
  /** The server does what it is asked to, and the client gets RST instead of the answer. */
  | { readonly kind: 'loseAnswer' }

/** What is done to the bytes of the body. */
export type BodyFault =
  /** The connection breaks off after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The body ends after so many bytes, as if that was all of it. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** So many bytes at a time. */
  | { readonly kind: 'slow'; readonly bytes: number; readonly everyMs: number }

/** What is done to a list; other answers pass. */
export type ListFault =
  | { readonly kind: 'emptyList' }
  /** Without the objects with such names. */
  | { readonly kind: 'omitItems'; readonly names: RegExp }
  /** A page says that it was the last one. */
  | { readonly kind: 'forgetContinue' }
  /** The list says that it is of another kind, and so do its items. */
  | { readonly kind: 'wrongKind'; readonly apiVersion: string; readonly itemKind: string }
  /** The first list that this proxy passed for the same selection, resourceVersion and all. The current one where there is none. */
  | { readonly kind: 'staleList' }

/** What is done to lists and watches alike. */
export type ObjectFault =
  /** Every object gets an annotation of that length. */
  { readonly kind: 'inflate'; readonly bytes: number }

/**
 * What is done to a watch, also to one that is open already. `afterEvents` counts the events that passed since the rule met
 * the watch; 0 unless given.
 */
export type WatchFault =
  /** The connection breaks off in the middle of the next event's line. */
  | { readonly kind: 'cutEvent'; readonly afterEvents?: number }
  /** The body ends in the middle of the next event's line, as if that was all of it. */
  | { readonly kind: 'halfEvent'; readonly afterEvents?: number }
  /** The connection stays and nothing comes any more, whatever becomes of the rule. */
  | { readonly kind: 'quiet'; readonly afterEvents?: number }
  /** Events of these types are lost. */
  | { readonly kind: 'dropEvents'; readonly types: readonly string[] }
  /** Every event comes twice. */
  | { readonly kind: 'duplicateEvents' }
  /** An ERROR event with a Status, after which the watch ends. Without `afterEvents` at once, also where nothing happens. */
  | { readonly kind: 'errorEvent'; readonly status: 410 | 500; readonly afterEvents?: number }
  /** Before the next event one of a type that nobody knows. */
  | { readonly kind: 'strangeEvent'; readonly afterEvents?: number }
  /** Before the next event a line that is no JSON. */
  | { readonly kind: 'garbageLine'; readonly afterEvents?: number }
  /** The watch ends as agreed. Without `afterEvents` at once. */
  | { readonly kind: 'endWatch'; readonly afterEvents?: number }

export type Fault = AnswerFault | BodyFault | ListFault | ObjectFault | WatchFault

export interface Rule {
  /** Under which its effects are counted. */
  readonly name: string
  /** Everything unless given. */
  readonly on?: Matcher
  readonly fault: Fault
  /** How many times it takes effect; without end unless given. */
  readonly times?: number
}

export function matches(matcher: Matcher | undefined, request: ApiRequest): boolean {
  if (matcher === undefined) return true
  const { verbs, resources, path } = matcher
  if (verbs !== undefined && !verbs.includes(request.verb)) return false
  if (resources !== undefined && !resources.includes(request.resource)) return false
  return path === undefined || path.test(request.path)
}

/** Reads a request as the API server does (API concepts, "resource URIs"). */
export function readRequest(method: string, path: string): ApiRequest {
  const url = new URL(path, 'https://server')
  const parts = url.pathname.split('/').filter((part) => part !== '')
  const below = parts[0] === 'api' ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : []
  const isNamespaced = below[0] === 'namespaces' && below.length > 2 && below[2] !== 'status' && below[2] !== 'finalize'
  const [plural = '', name, subresource] = isNamespaced ? below.slice(2) : below
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  return { verb: verbOf(method, name !== undefined, url.searchParams.get('watch')), path, resource }
}

const verbsOfMethods: Readonly<Record<string, Verb>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

function verbOf(method: string, isNamed: boolean, watch: string | null): Verb {
  if (method !== 'GET') return verbsOfMethods[method] ?? 'get'
  if (watch === 'true' || watch === '1') return 'watch'
  return isNamed ? 'get' : 'list'
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** Status of meta/v1, as the API server answers a failure. */
export function statusObject(code: number): Readonly<Record<string, unknown>> {
  const reason = reasons[code] ?? 'Unknown'
  const message = `${reason}: made by the lab's proxy`
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}
