import type { KubeObject } from './api.ts'
import { flawOfObject, listKey, typed, type WholeList } from './object-list.ts'
import { equalData } from './plain-data.ts'
import type { Known, ReflectorOptions } from './reflector-types.ts'

/** The objects of one kind, as a list and the events after it say. */
export interface KnownObjects<K extends Known> {
  readonly map: ReadonlyMap<string, K>
  /** Takes in an object of an earlier life. What is none is left out. */
  readonly remember: (object: unknown) => void
  /**
   * What is kept of an object, given its key: of a version that is known already, what was kept of it then. `isTrusted`: what is known has the versions that the
   * server gives now, and was kept by us; an earlier life may have kept less, so that all of it is compared.
   */
  readonly trimmed: (key: string, incoming: KubeObject, isTrusted: boolean) => KubeObject
  /** Takes what is kept of an object. True: it says something new. */
  readonly put: (key: string, object: KubeObject) => boolean
  /** Takes away an object that went. One made anew under its name since is another, and stays. */
  readonly drop: (gone: KubeObject) => void
  /** Whether something that is known is not in the list. */
  readonly isMoreThan: (list: Pick<WholeList, 'objects'>) => boolean
  /** Takes a list in the place of everything. True: it says something new. */
  readonly replaceAll: (list: Pick<WholeList, 'objects'>) => boolean
}

export function createKnownObjects<K extends Known>(
  options: Pick<ReflectorOptions<K>, 'followed' | 'make' | 'refresh' | 'changed'>,
): KnownObjects<K> {
  const { followed } = options
  const { type, selection } = followed
  const known = new Map<string, K>()

  function keep(object: KubeObject): KubeObject {
    return typed(type, followed.keep(object))
  }

  function put(key: string, object: KubeObject): boolean {
    const old = known.get(key)
    if (old?.object === object) return false
    if (old !== undefined && saysTheSame(old.object, object)) {
      options.refresh(old, object)
      return false
    }
    const fresh = options.make(object)
    known.set(key, fresh)
    options.changed(old, fresh)
    return true
  }

  function remove(key: string, old: K): void {
    known.delete(key)
    options.changed(old, undefined)
  }

  return {
    map: known,
    remember: (object) => {
      if (flawOfObject(type, selection, object) !== undefined) return
      const kept = keep(object as KubeObject)
      put(listKey(kept), kept)
    },
    trimmed: (key, incoming, isTrusted) => {
      const old = known.get(key)?.object
      if (old === undefined) return keep(incoming)
      if (isTrusted && isSameVersion(old, incoming)) return old
      const kept = keep(incoming)
      // One that nobody holds on to is collected soon; tens of thousands that a list holds on to are not.
      return equalData(old, kept) ? old : kept
    },
    put,
    drop: (gone) => {
      const key = listKey(gone)
      const old = known.get(key)
      if (old !== undefined && old.object.metadata.uid === gone.metadata.uid) remove(key, old)
    },
    isMoreThan: ({ objects }) => {
      for (const key of known.keys()) if (!objects.has(key)) return true
      return false
    },
    replaceAll: ({ objects }) => {
      let isDifferent = false
      for (const [key, object] of objects) isDifferent = put(key, object) || isDifferent
      for (const [key, old] of known) {
        if (objects.has(key)) continue
        remove(key, old)
        isDifferent = true
      }
      return isDifferent
    },
  }
}

const isSameVersion = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion

/** Whether two trimmed versions differ in nothing but their resourceVersion. */
function saysTheSame(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion } = b.metadata
  return equalData({ ...a, metadata: { ...a.metadata, resourceVersion } }, b)
}
