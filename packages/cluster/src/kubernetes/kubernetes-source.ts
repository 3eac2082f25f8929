import type { Origin, RawObject } from '@holdfast/model'
import type { Alarm } from '@holdfast/runtime'
import type { Snapshot } from '../source.ts'
import type { KubeObject, ObjectKey, ResourceType } from './api.ts'
import type { Followed, FollowedState, KubernetesSource, KubernetesSourceOptions } from './kubernetes-source-types.ts'
import { isFields } from './plain-data.ts'
import { createReflector } from './reflector.ts'
import type { Reflector } from './reflector-types.ts'

/** Under a burst, snapshots leave us twice the time that handling the last one took, within these bounds, for other work. */
const pauseMs = { least: 1, most: 50, share: 2 } as const

/**
 * Follows the given kinds of an API server. The first snapshot comes when every kind has been listed; then every change that
 * says something new makes one at the end of the turn of the event loop in which it came, and a burst of changes one every few
 * milliseconds.
 */
export function createKubernetesSource(options: KubernetesSourceOptions): KubernetesSource {
  const { clock } = options
  /** In no order: what goes is replaced by the last, so that a change costs little. */
  const entries: Entry[] = []
  const relisted = new Set<string>()
  const started = Promise.withResolvers<undefined>()
  let listener: ((snapshot: Snapshot) => void) | undefined
  let phase: 'new' | 'syncing' | 'following' | 'stopped' = 'new'
  let isDirty = false
  let turn: NodeJS.Immediate | undefined
  let resting: Alarm | undefined
  const reflectors = options.followed.map((followed) => reflectorOf(followed))

  function reflectorOf(followed: Followed): Reflector<Entry> {
    return createReflector<Entry>({
      api: options.api,
      clock,
      random: options.random,
      followed,
      make: (object) => new Entry(object),
      refresh: (entry, object) => entry.refresh(object),
      changed,
      listed: (isDifferent) => {
        if (isDifferent || phase === 'syncing') relisted.add(followed.type.kind)
      },
      observe: (state) => {
        options.observe(state)
        beginWhenSynced()
      },
    })
  }

  function changed(before: Entry | undefined, after: Entry | undefined): void {
    if (after !== undefined) {
      after.index = before?.index ?? entries.length
      entries[after.index] = after
    } else if (before !== undefined) remove(before)
    isDirty = true
    if (phase === 'following' && resting === undefined) turn ??= setImmediate(publish)
  }

  function remove({ index }: Entry): void {
    const last = entries.pop()
    if (last === undefined || index === entries.length) return
    last.index = index
    entries[index] = last
  }

  /** The state of a kind is told before its list has been; the turn lets that come first. */
  function beginWhenSynced(): void {
    if (phase !== 'syncing' || !reflectors.every((reflector) => reflector.state().isSynced)) return
    queueMicrotask(() => {
      if (phase !== 'syncing') return
      phase = 'following'
      isDirty = true
      publish()
      started.resolve(undefined)
    })
  }

  function publish(): void {
    turn = undefined
    if (phase !== 'following' || !isDirty) return
    const kinds = relisted.size === 0 ? {} : { relisted: new Set(relisted) }
    relisted.clear()
    isDirty = false
    const startMs = clock.now()
    listener?.({ objects: entries.slice(), faults: [], ...kinds })
    rest((clock.now() - startMs) * pauseMs.share)
  }

  function rest(ms: number): void {
    resting?.cancel()
    if (phase !== 'following') return
    resting = clock.after(Math.min(Math.max(ms, pauseMs.least), pauseMs.most), () => {
      resting = undefined
      publish()
    })
  }

  const reflectorsOf = (type: ResourceType): readonly Reflector<Entry>[] =>
    reflectors.filter((_, index) => isSameType(options.followed[index]?.type, type))

  return {
    remember: (objects) => {
      const reflectorOfKind = new Map(reflectors.map((reflector) => [reflector.state().type.kind, reflector]))
      for (const object of objects) if (isFields(object)) reflectorOfKind.get(String(object['kind']))?.remember(object)
      return { objects: entries.slice(), faults: [] }
    },
    start: async (observe) => {
      if (phase !== 'new') throw new Error('A source is started once')
      phase = 'syncing'
      listener = observe
      for (const reflector of reflectors) reflector.start()
      beginWhenSynced()
      await started.promise
    },
    stop: () => {
      phase = 'stopped'
      listener = undefined
      clearImmediate(turn)
      resting?.cancel()
      for (const reflector of reflectors) reflector.stop()
      started.resolve(undefined)
      return Promise.resolve()
    },
    judge: () => undefined,
    relist: async (type) => {
      const asked = type === undefined ? reflectors : reflectorsOf(type)
      await Promise.all(asked.map(async (reflector) => await reflector.relist()))
      clearImmediate(turn)
      publish()
    },
    states: (): readonly FollowedState[] => reflectors.map((reflector) => reflector.state()),
    watchedSinceMs: (type) => {
      let latestMs: number | undefined
      for (const reflector of reflectorsOf(type)) {
        const sinceMs = reflector.watchedSinceMs()
        if (sinceMs === undefined) return undefined
        latestMs = Math.max(latestMs ?? sinceMs, sinceMs)
      }
      return latestMs
    },
    object: (type, key) => {
      for (const { known } of reflectorsOf(type)) {
        const entry = known.get(nameOf(key))
        if (entry !== undefined) return entry.object
      }
      return undefined
    },
    newest: (object) => (object instanceof Entry ? object.object : (object.value as KubeObject)),
    objects: function* (type) {
      for (const { known } of reflectorsOf(type)) for (const { object } of known.values()) yield object
    },
  }
}

const isSameType = (a: ResourceType | undefined, b: ResourceType): boolean =>
  a?.plural === b.plural && a.group === b.group

const nameOf = ({ namespace, name }: ObjectKey): string => (namespace === '' ? name : `${namespace}/${name}`)

/**
 * An object, and what the model makes of it: one thing that is its own origin, because there are tens of thousands. `value` stays
 * the same until the object says something new.
 */
class Entry implements RawObject, Origin {
  readonly value: KubeObject
  /** As last seen: `value`, or the same with a newer resourceVersion. */
  object: KubeObject
  /** Where it is among all. */
  index = 0

  constructor(object: KubeObject) {
    this.value = object
    this.object = object
  }

  get origin(): Origin {
    return this
  }

  /** As a person names it: `Service default/web`. */
  get file(): string {
    const { kind = '', metadata } = this.value
    return `${kind} ${nameOf({ namespace: metadata.namespace ?? '', name: metadata.name })}`
  }

  /** Nothing of an API server's object stands on a line. */
  lineOf(): number | undefined {
    return undefined
  }

  /** Takes over a version that says the same; what is equal is shared. */
  refresh({ metadata: { resourceVersion } }: KubeObject): void {
    if (resourceVersion === this.object.metadata.resourceVersion) return
    const metadata = resourceVersion === undefined ? {} : { resourceVersion }
    this.object = { ...this.value, metadata: { ...this.value.metadata, ...metadata } }
  }
}
