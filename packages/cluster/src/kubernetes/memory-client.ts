import type { Clock } from '@holdfast/runtime'
import type {
  ApiFault,
  ApiResult,
  KubeApi,
  KubeObject,
  ListOptions,
  ListPage,
  ObjectKey,
  ResourceType,
  Watch,
  WatchEvent,
  WriteOptions,
} from './api.ts'
import { keyOfObject, selectionOf, storeKey, type Change, type MemoryStore } from './memory-store.ts'
import { serveWatch, type ServedWatch } from './memory-watches.ts'
import { apiFault, type MemoryWrites } from './memory-writes.ts'

/** A request as the server sees it. */
export interface MemoryRequest {
  readonly verb: Exclude<keyof KubeApi, symbol>
  readonly type: ResourceType
  /** undefined: of a list or watch. */
  readonly key: ObjectKey | undefined
  readonly subresource: 'status' | undefined
  /** True for a page of a list that is not its first. */
  readonly isContinued: boolean
}

/** Which requests: those that have all that is given. */
export interface RequestMatch {
  readonly verbs?: readonly MemoryRequest['verb'][]
  readonly type?: ResourceType
  readonly name?: string
  readonly subresource?: 'status'
  readonly isContinued?: boolean
}

/** A request that waits. */
export interface Hold {
  readonly hasArrived: () => boolean
  /** Lets it go on; with a fault, that is its answer. */
  readonly release: (fault?: ApiFault) => void
}

/** One client's way to the server, with what can go wrong on it. */
export interface MemoryClient extends KubeApi {
  /** The next `times` requests that match have this fault. With `isPerformed` they are carried out all the same. */
  readonly failNext: (
    match: RequestMatch,
    fault: ApiFault,
    options?: { readonly times?: number; readonly isPerformed?: boolean },
  ) => void
  /** The next request that matches waits: before it is carried out (where it may never be), or with its answer. */
  readonly holdNext: (match: RequestMatch, when: 'before' | 'after') => Hold
  /** The next page that matches is this one. */
  readonly answerNext: (match: RequestMatch, page: ListPage) => void
  /**
   * `refused`: every request is answered by `unreachable` and watches are cut. `silent`: nothing is answered before the
   * request's time-out of 30 s, and watches say nothing. undefined: it works again; silent watches stay silent.
   */
  readonly setOutage: (outage: 'refused' | 'silent' | undefined) => void
  /** From now on reads see what was at `resourceVersion` (default: now), and watches are told nothing, until `catchUp`. */
  readonly standStill: (resourceVersion?: string) => void
  readonly catchUp: () => void
  /** How long each way takes: asked for a request, for its answer and for each event. */
  readonly setLatency: (ms: () => number) => void
  /** Ends the watches, of one kind or all: as agreed, or with a fault (`gone`: an ERROR event). */
  readonly endWatches: (how: { readonly kind: 'ended' } | ApiFault, type?: ResourceType) => void
  readonly silenceWatches: (type?: ResourceType) => void
  /** Sends an event to the watches of a kind, whatever it is. */
  readonly sendToWatches: (type: ResourceType, event: WatchEvent) => void
  readonly openWatches: (type?: ResourceType) => number
  /** What was requested, oldest first; `forgetRequests` begins anew. */
  readonly requests: () => readonly MemoryRequest[]
  readonly forgetRequests: () => void
}

export interface MemoryServer {
  readonly clock: Clock
  readonly store: MemoryStore
  readonly writes: MemoryWrites
  readonly isServed: (type: ResourceType) => boolean
}

/** What happens to a request instead of, or beside, its being carried out. */
interface Intervention {
  readonly match: RequestMatch
  times: number
  readonly act: (perform: () => ApiResult<unknown>) => ApiResult<unknown> | Promise<ApiResult<unknown>>
  /** How a watch that matches ends; undefined: interventions of this kind are none for watches. */
  readonly watchEnd: ApiFault | undefined
}

const requestTimeoutMs = 30_000
const unreachable = apiFault('unreachable', 'connect ECONNREFUSED')

/** A client of the server, and the function by which the server tells its watches of changes. */
export function createMemoryClient(server: MemoryServer): {
  readonly client: MemoryClient
  readonly tell: (type: ResourceType, change: Change) => void
} {
  const { clock, store, writes } = server
  const watches = new Set<ServedWatch>()
  let interventions: readonly Intervention[] = []
  let requests: MemoryRequest[] = []
  let outage: 'refused' | 'silent' | undefined
  let standingAt: number | undefined
  let latencyMs = (): number => 0

  const wait = (ms: number): Promise<void> | undefined =>
    ms <= 0 ? undefined : new Promise((resolve) => void clock.after(ms, resolve))

  async function request<T>(about: MemoryRequest, perform: () => ApiResult<T>): Promise<ApiResult<T>> {
    requests.push(about)
    await wait(latencyMs())
    if (outage === 'silent') {
      await wait(requestTimeoutMs)
      return apiFault('timeout', `no answer within ${requestTimeoutMs} ms`)
    }
    if (outage === 'refused') return unreachable
    const run = (): ApiResult<T> =>
      server.isServed(about.type) ? perform() : apiFault('notFound', 'the server could not find the requested resource')
    // What an intervention gives is what `run` gave, a fault, or a page for a list.
    const answer = (await (intervene(about)?.act(run) ?? run())) as ApiResult<T>
    await wait(latencyMs())
    return answer
  }

  function intervene(about: MemoryRequest): Intervention | undefined {
    const found = interventions.find(({ match }) => matches(match, about))
    if (found === undefined) return undefined
    found.times -= 1
    if (found.times <= 0) interventions = interventions.filter((one) => one !== found)
    return found
  }

  const addIntervention = (one: Intervention): void => void (interventions = [...interventions, one])

  function hold(match: RequestMatch, when: 'before' | 'after'): Hold {
    const gate = Promise.withResolvers<ApiFault | undefined>()
    let hasArrived = false
    addIntervention({
      match,
      times: 1,
      watchEnd: undefined,
      act: async (perform) => {
        hasArrived = true
        const early = when === 'after' ? perform() : undefined
        const fault = await gate.promise
        return fault ?? early ?? perform()
      },
    })
    return { hasArrived: () => hasArrived, release: (fault) => gate.resolve(fault) }
  }

  function watch(type: ResourceType, options: Parameters<KubeApi['watch']>[1], observe: (event: WatchEvent) => void) {
    const about = requestOf('watch', type, undefined)
    requests.push(about)
    const admit = (): ApiFault | 'silence' | undefined => {
      if (outage !== undefined) return outage === 'silent' ? 'silence' : unreachable
      if (!server.isServed(type)) return apiFault('notFound', 'the server could not find the requested resource')
      return intervene(about)?.watchEnd
    }
    const served = serveWatch({
      store,
      clock,
      type,
      options,
      observe,
      latencyMs: () => latencyMs(),
      admit,
      isHalted: () => standingAt !== undefined,
      over: (one) => watches.delete(one),
    })
    watches.add(served)
    return served.watch satisfies Watch
  }

  const watchesOf = (type: ResourceType | undefined): readonly ServedWatch[] =>
    [...watches].filter((one) => type === undefined || one.type === type)

  function setOutage(next: 'refused' | 'silent' | undefined): void {
    outage = next
    for (const one of next === undefined ? [] : watchesOf(undefined)) {
      if (next === 'refused') one.end(apiFault('unreachable', 'read ECONNRESET'))
      else one.silence()
    }
  }

  const list = (type: ResourceType, options: ListOptions): ApiResult<ListPage> =>
    listPage(store, type, options, standingAt)

  function get(type: ResourceType, key: ObjectKey): ApiResult<KubeObject> {
    const object =
      standingAt === undefined
        ? store.get(type, storeKey(key))?.object
        : store.objectsAt(type, standingAt).find((one) => keyOfObject(type, one) === storeKey(key))
    return object === undefined
      ? apiFault('notFound', `${type.plural} "${key.name}" not found`)
      : { kind: 'ok', value: object }
  }

  const written =
    (verb: 'create' | 'replace' | 'apply') => (type: ResourceType, object: KubeObject, write: WriteOptions) =>
      request(requestOf(verb, type, keyIn(object), write.subresource), () => writes[verb](type, object, write))

  const client: MemoryClient = {
    list: (type, options) =>
      request({ ...requestOf('list', type, undefined), isContinued: options.continue !== undefined }, () =>
        list(type, options),
      ).then((answer) => kept(answer, options.keep)),
    watch,
    get: (type, key) => request(requestOf('get', type, key), () => get(type, key)),
    create: written('create'),
    replace: written('replace'),
    apply: written('apply'),
    merge: (type, key, patch, write) =>
      request(requestOf('merge', type, key, write.subresource), () => writes.merge(type, key, patch, write)),
    remove: (type, key, preconditions) =>
      request(requestOf('remove', type, key), () => writes.remove(type, key, preconditions)),
    failNext: (match, fault, { times = 1, isPerformed = false } = {}) =>
      addIntervention({
        match,
        times,
        watchEnd: fault,
        act: (perform) => {
          if (isPerformed) perform()
          return fault
        },
      }),
    holdNext: hold,
    answerNext: (match, page) =>
      addIntervention({ match, times: 1, watchEnd: undefined, act: () => ({ kind: 'ok', value: page }) }),
    setOutage,
    standStill: (resourceVersion) => {
      standingAt = resourceVersion === undefined ? store.version() : Number(resourceVersion)
      for (const one of watches) one.halt()
    },
    catchUp: () => {
      standingAt = undefined
      for (const one of [...watches]) one.flow()
    },
    setLatency: (ms) => void (latencyMs = ms),
    endWatches: (how, type) => {
      for (const one of watchesOf(type)) one.end(how)
    },
    silenceWatches: (type) => {
      for (const one of watchesOf(type)) one.silence()
    },
    sendToWatches: (type, event) => {
      for (const one of watchesOf(type)) one.send(event)
    },
    openWatches: (type) => watchesOf(type).length,
    requests: () => requests,
    forgetRequests: () => void (requests = []),
  }
  return {
    client,
    tell: (type, change) => {
      for (const one of watches) if (one.type.plural === type.plural && one.type.group === type.group) one.tell(change)
    },
  }
}

/** What a page becomes with `ListOptions.keep`. */
const kept = (answer: ApiResult<ListPage>, keep: ListOptions['keep']): ApiResult<ListPage> =>
  answer.kind === 'fault' || keep === undefined || !Array.isArray(answer.value.items)
    ? answer
    : { kind: 'ok', value: { ...answer.value, items: answer.value.items.map(keep) } }

const keyIn = ({ metadata }: KubeObject): ObjectKey => ({ namespace: metadata.namespace ?? '', name: metadata.name })

const requestOf = (
  verb: MemoryRequest['verb'],
  type: ResourceType,
  key: ObjectKey | undefined,
  subresource?: 'status',
): MemoryRequest => ({ verb, type, key, subresource, isContinued: false })

function matches(match: RequestMatch, about: MemoryRequest): boolean {
  const isOne = <T>(wanted: T | undefined, found: T | undefined): boolean => wanted === undefined || wanted === found
  return (
    (match.verbs?.includes(about.verb) ?? true) &&
    isOne(match.type?.kind, about.type.kind) &&
    isOne(match.name, about.key?.name) &&
    isOne(match.subresource, about.subresource) &&
    isOne(match.isContinued, about.isContinued)
  )
}

/** A page of the objects at one version; its continue token says the version and the object that it ends with. */
function listPage(
  store: MemoryStore,
  type: ResourceType,
  options: ListOptions,
  standingAt: number | undefined,
): ApiResult<ListPage> {
  const selects = selectionOf(type, options)
  if (typeof selects === 'string') return apiFault('invalid', selects)
  const token =
    options.continue === undefined
      ? { version: standingAt ?? store.version(), last: undefined }
      : tokenOf(options.continue)
  if (token === undefined) return apiFault('invalid', 'continue key is not valid')
  const { version, last } = token
  if (version < store.oldest()) return apiFault('gone', 'The provided continue parameter is too old')
  const { items, isWhole } = firstOf(store.objectsAt(type, version, last), selects, options.limit ?? Infinity)
  const end = isWhole ? undefined : items.at(-1)
  const next = end === undefined ? undefined : `${version}:${keyOfObject(type, end)}`
  return { kind: 'ok', value: { items, resourceVersion: String(version), continue: next } }
}

/** The first selected objects, and whether there are no more of them. */
function firstOf(
  objects: readonly KubeObject[],
  selects: (object: KubeObject) => boolean,
  limit: number,
): { readonly items: readonly KubeObject[]; readonly isWhole: boolean } {
  const items: KubeObject[] = []
  for (const object of objects) {
    if (!selects(object)) continue
    if (items.length === limit) return { items, isWhole: false }
    items.push(object)
  }
  return { items, isWhole: true }
}

function tokenOf(text: string): { readonly version: number; readonly last: string | undefined } | undefined {
  const [, version, last] = /^(\d+):(.+)$/.exec(text) ?? []
  return version === undefined || last === undefined ? undefined : { version: Number(version), last }
}
