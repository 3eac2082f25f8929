/** A kind of object as the API server addresses it. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  /** As in the path: `services`. */
  readonly plural: string
  readonly kind: string
  readonly isNamespaced: boolean
}

/** What of an object's metadata we read or write (Kubernetes ObjectMeta). */
export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  /** Opaque: compared for equality, sent back, never interpreted. */
  readonly resourceVersion?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly deletionTimestamp?: string
  readonly [field: string]: unknown
}

/** An object of the API, not yet checked beyond having a name. Never changed. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

/** Which object. `namespace` is empty for what has none. */
export interface ObjectKey {
  readonly namespace: string
  readonly name: string
}

export type FaultCode =
  /** No answer came: refused, reset, unknown host, TLS that cannot be trusted. */
  | 'unreachable'
  /** The answer did not come in time. */
  | 'timeout'
  /** 401, also after the credentials were read again. */
  | 'unauthorized'
  /** 403. */
  | 'forbidden'
  /** 404: the object, or its kind, is not there. */
  | 'notFound'
  /** 409 of a write: another one was first, or another manager owns a field. */
  | 'conflict'
  /** 409 with reason AlreadyExists. */
  | 'alreadyExists'
  /** 410, or an ERROR event that says so: list anew. */
  | 'gone'
  /** 429. */
  | 'tooManyRequests'
  /** 400, 415, 422: the request itself is wrong. */
  | 'invalid'
  /** 5xx. */
  | 'serverError'
  /** What came is not what was asked for: no JSON, no list, another kind. */
  | 'badAnswer'

/** Why a request had no success. A value, never thrown. */
export interface ApiFault {
  readonly kind: 'fault'
  readonly code: FaultCode
  /** The HTTP status; undefined where there was no answer. */
  readonly status: number | undefined
  /** One sentence for a person; no secret in it. */
  readonly message: string
  /** From Retry-After, 30 s at most; undefined: the server did not say. */
  readonly retryAfterMs: number | undefined
}

export type ApiResult<T> = { readonly kind: 'ok'; readonly value: T } | ApiFault

/** Which objects of a kind. */
export interface Selection {
  /** undefined: of all namespaces. */
  readonly namespace?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

export interface ListOptions extends Selection {
  /** Objects a page. */
  readonly limit?: number
  /** From the page before. */
  readonly continue?: string
  /** What the API server has in its cache is new enough (resourceVersion=0): etcd is not read. Without pages. */
  readonly isCachedEnough?: boolean
  /** Makes of each item what stays of it, as soon as it has come: a page is never there whole. Items stay as they are unless given. */
  readonly keep?: (item: KubeObject) => KubeObject
  /** metadata.managedFields is not read: items may come without it, which costs less. */
  readonly isWithoutManagedFields?: boolean
  /**
   * Told the page's `continue` before its items are all there, where that is known so early: the next page can be asked for meanwhile. Never
   * called before `list` has returned.
   */
  readonly foresee?: (token: string) => void
}

export interface ListPage {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
  /** undefined: this is the last page. */
  readonly continue: string | undefined
}

export interface WatchOptions extends Selection {
  /** Where to go on from: of a list, or of the last event. */
  readonly resourceVersion: string
  /** After so long the server is asked to end the watch. */
  readonly timeoutSeconds: number
  /**
   * Told when the server has accepted the watch (the head of an answer with status 200 has come): it began the watch before that, and ends it
   * `timeoutSeconds` after it began. Called once at most, before any event; never before `watch` has returned, nor when the watch is over.
   */
  readonly accepted?: () => void
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** Nothing happened up to here. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** A watch under way. */
export interface Watch {
  /** Ends it; harmless twice. No event is observed afterwards. */
  readonly stop: () => void
  /** Resolves when the watch is over: as agreed, or with what went wrong. Never rejects. */
  readonly ended: Promise<{ readonly kind: 'ended' } | ApiFault>
}

export interface WriteOptions {
  /** Who writes: the owner of the fields (metadata.managedFields). */
  readonly fieldManager: string
  readonly subresource?: 'status'
}

/**
 * The Kubernetes API as far as we need it. Two implementations pass the same suite: over HTTP, and in memory for tests and
 * simulations.
 */
export interface KubeApi {
  readonly list: (type: ResourceType, options: ListOptions) => Promise<ApiResult<ListPage>>
  /** Bookmarks are asked for. `observe` is called in order, never before `watch` has returned. */
  readonly watch: (type: ResourceType, options: WatchOptions, observe: (event: WatchEvent) => void) => Watch
  readonly get: (type: ResourceType, key: ObjectKey) => Promise<ApiResult<KubeObject>>
  readonly create: (type: ResourceType, object: KubeObject, options: WriteOptions) => Promise<ApiResult<KubeObject>>
  /** PUT: whole, and only where `metadata.resourceVersion`, if given, is still the current one; else `conflict`. */
  readonly replace: (type: ResourceType, object: KubeObject, options: WriteOptions) => Promise<ApiResult<KubeObject>>
  /**
   * Server-side apply of the fields that we own, forced. `metadata.uid` and `metadata.resourceVersion`, where given, are
   * preconditions: `conflict` where they are not the current ones, also where the object is not there (then nothing is made).
   */
  readonly apply: (type: ResourceType, object: KubeObject, options: WriteOptions) => Promise<ApiResult<KubeObject>>
  /** JSON merge patch (RFC 7396): null removes a field whoever owns it. Preconditions as in `apply`. */
  readonly merge: (
    type: ResourceType,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: WriteOptions,
  ) => Promise<ApiResult<KubeObject>>
  /** Preconditions where given; else whatever is there. */
  readonly remove: (
    type: ResourceType,
    key: ObjectKey,
    preconditions?: { readonly uid?: string; readonly resourceVersion?: string },
  ) => Promise<ApiResult<undefined>>
}
