import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type {
  ApiFault,
  ApiResult,
  FaultCode,
  KubeApi,
  KubeObject,
  ListOptions,
  ResourceType,
  Watch,
  WatchEvent,
  WatchOptions,
} from '../kubernetes/api.ts'
import { resourceTypes } from '../kubernetes/resource-types.ts'

/** An API server under test. */
export interface KubeApiFixture {
  readonly api: KubeApi
  /** Removes every object of `suiteTypes` in `suiteNamespaces`, which exist. */
  readonly reset: () => Promise<void>
  readonly stop: () => Promise<void>
  /** A resourceVersion of so long ago that no watch of NodeStates can go on from it. */
  readonly forgottenResourceVersion: () => Promise<string>
  /** Called again and again while the suite waits: where time is virtual, lets some of it pass. */
  readonly passTime?: () => void
}

/** Namespaces that the suite's objects are in. */
export const suiteNamespaces = ['suite-a', 'suite-b'] as const

const ConfigMap: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  isNamespaced: true,
}

/**
 * Kinds that the suite uses. NodeState stands for custom resources: it has a status subresource, and its schema keeps unknown
 * fields (`x-kubernetes-preserve-unknown-fields`). A Service's status is a subresource as well, and its
 * `status.conditions` is a list keyed by `type`. A ConfigMap has no status.
 */
export const suiteTypes = {
  ConfigMap,
  Service: resourceTypes.Service,
  NodeState: resourceTypes.NodeState,
  Secret: resourceTypes.Secret,
} as const satisfies Readonly<Record<string, ResourceType>>

/** A kind that no server has. */
export const unknownType: ResourceType = {
  group: 'unknown.holdfast.dev',
  version: 'v1',
  plural: 'phantoms',
  kind: 'Phantom',
  isNamespaced: true,
}

export const writer = { fieldManager: 'suite' } as const
export const statusWriter = { fieldManager: 'suite', subresource: 'status' } as const
export const otherWriter = { fieldManager: 'other' } as const

/** The fixture of the running suite, with what its cases share. */
export interface Stage {
  readonly open: (fixture: KubeApiFixture) => void
  readonly clear: () => Promise<void>
  readonly close: () => Promise<void>
  readonly api: KubeApi
  readonly fixture: KubeApiFixture
  /** Resolves when `check` throws nothing. */
  readonly until: (what: string, check: () => void) => Promise<void>
  readonly listAll: (type: ResourceType, options?: ListOptions) => Promise<readonly KubeObject[]>
  /** A watch from now on, and what it has told so far; ended with the case. */
  readonly follow: (type: ResourceType, options?: Partial<WatchOptions>) => Promise<Followed>
}

export interface Followed {
  readonly watch: Watch
  readonly events: readonly WatchEvent[]
  /** Such as `ADDED one`, without bookmarks. */
  readonly told: () => readonly string[]
}

const patienceMs = 20_000

export function createStage(): Stage {
  let current: KubeApiFixture | undefined
  const watches = new Set<Watch>()

  const fixture = (): KubeApiFixture => {
    assert.ok(current !== undefined, 'the suite has not been opened')
    return current
  }
  const stopWatches = async (): Promise<void> => {
    for (const watch of watches) watch.stop()
    await Promise.all([...watches].map(async (watch) => await watch.ended))
    watches.clear()
  }
  const listAll = async (type: ResourceType, options: ListOptions = {}): Promise<readonly KubeObject[]> =>
    ok(await fixture().api.list(type, options)).items

  const follow = async (type: ResourceType, options: Partial<WatchOptions> = {}): Promise<Followed> => {
    const { api } = fixture()
    const { namespace, fieldSelector, labelSelector } = options
    const selection = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    }
    const resourceVersion = options.resourceVersion ?? ok(await api.list(type, selection)).resourceVersion
    const events: WatchEvent[] = []
    const timeoutSeconds = options.timeoutSeconds ?? 300
    const accepted = options.accepted === undefined ? {} : { accepted: options.accepted }
    const wanted = { ...selection, ...accepted, resourceVersion, timeoutSeconds }
    const watch = api.watch(type, wanted, (event) => events.push(event))
    watches.add(watch)
    return { watch, events, told: () => events.flatMap(lineOf) }
  }

  return {
    open: (opened) => void (current = opened),
    clear: async () => {
      await stopWatches()
      await fixture().reset()
    },
    close: async () => {
      await stopWatches()
      await fixture().stop()
    },
    get api() {
      return fixture().api
    },
    get fixture() {
      return fixture()
    },
    until: async (what, check) => await until(what, check, fixture().passTime),
    listAll,
    follow,
  }
}

function lineOf(event: WatchEvent): readonly string[] {
  return event.type === 'BOOKMARK' ? [] : [`${event.type} ${event.object.metadata.name}`]
}

async function until(what: string, check: () => void, passTime: (() => void) | undefined): Promise<void> {
  const start = performance.now()
  let complaint: unknown
  while (performance.now() - start < patienceMs) {
    try {
      check()
      return
    } catch (error) {
      complaint = error
    }
    passTime?.()
    await new Promise((resolve) => (passTime === undefined ? setTimeout(resolve, 10) : setImmediate(resolve)))
  }
  throw new Error(`not within ${patienceMs} ms: ${what}\n${String(complaint)}`, { cause: complaint })
}

/** The value of a success; a fault fails the case. */
export function ok<T>(result: ApiResult<T>): T {
  if (result.kind === 'fault') assert.fail(`${result.code} ${result.status ?? ''}: ${result.message}`)
  return result.value
}

/** The fault that a request was to have. */
export function faultOf(result: { readonly kind: string } | ApiFault, code: FaultCode): ApiFault {
  if (!isFault(result)) assert.fail(`no fault, but ${inspect(result, { depth: 6 })}`)
  assert.equal(result.code, code, result.message)
  assert.notEqual(result.message, '')
  return result
}

const isFault = (result: { readonly kind: string } | ApiFault): result is ApiFault => result.kind === 'fault'

export const namesOf = (objects: Iterable<KubeObject>): readonly string[] =>
  [...objects].map(({ metadata }) => metadata.name).sort()

/** A field of an object by its path, such as `spec.a`. */
export function at(object: KubeObject | undefined, path: string): unknown {
  return path.split('.').reduce<unknown>((value, field) => (isRecord(value) ? value[field] : undefined), object)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

export interface Extra {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly uid?: string
  readonly resourceVersion?: string
}

const metadataOf = (name: string, extra: Extra): KubeObject['metadata'] => ({
  namespace: suiteNamespaces[0],
  ...extra,
  name,
})

export const configMap = (
  name: string,
  data: Readonly<Record<string, string>> = {},
  extra: Extra = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadataOf(name, extra),
  data,
})

export const nodeState = (
  name: string,
  parts: Readonly<Record<string, unknown>> = {},
  extra: Extra = {},
): KubeObject => ({
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'NodeState',
  metadata: metadataOf(name, extra),
  ...parts,
})

export const service = (name: string, type: 'ClusterIP' | 'LoadBalancer', extra: Extra = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadataOf(name, extra),
  spec: { type, ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }] },
})

export const keyOf = (name: string, namespace: string = suiteNamespaces[0]) => ({ namespace, name })
