import type { KubeObject } from '@holdfast/cluster'
import { listDifference } from '@holdfast/model'
import type { ServiceView } from './service-object.ts'
import { viewOf } from './service-object.ts'

/** The newest that is known of each Service: what is followed, and our own writes until those have come round. */
export interface KnownServices {
  /** Takes in what is followed: the same objects as before cost nothing. The result counts until the next call. */
  readonly take: (followed: readonly KubeObject[]) => TakenServices
  /** What a write of ours made of the version `before`. */
  readonly written: (view: ServiceView, object: KubeObject) => void
  /** A write to this version was refused, since there is a newer one: nothing is written before that is seen. */
  readonly rejected: (view: ServiceView) => void
  readonly isRejected: (view: ServiceView) => boolean
  /** Whether a version is known by what is followed, and nothing was written of that Service of which that is to tell yet. */
  readonly isFollowed: (view: ServiceView) => boolean
  readonly forget: () => void
}

export interface TakenServices {
  /** By key. */
  readonly services: ReadonlyMap<string, ServiceView>
  /** Keys of Services that came, went, or have another view than after the call before. */
  readonly changed: ReadonlySet<string>
}

interface Noted {
  readonly view: ServiceView
  /** Versions that came before. */
  readonly older: Set<string>
  readonly isRejected: boolean
}

export function createKnownServices(): KnownServices {
  const noted = new Map<string, Noted>()
  let last: readonly KubeObject[] = []
  /** By key, what is followed. */
  const followed = new Map<string, ServiceView>()
  /** By key, the newest that is known. */
  const views = new Map<string, ServiceView>()

  /** A version that is neither ours nor known to be older came later: somebody else wrote. */
  function newest(seen: ServiceView): ServiceView {
    const own = noted.get(seen.key)
    if (own === undefined) return seen
    const isLate = own.older.has(seen.resourceVersion)
    if (isLate) return own.view
    if (!own.isRejected || own.view.resourceVersion !== seen.resourceVersion) noted.delete(seen.key)
    return seen
  }

  const olderThan = (key: string): Set<string> => noted.get(key)?.older ?? new Set()

  /** Takes over what came and went. Returns the keys that this is about. */
  function follow(now: readonly KubeObject[]): Set<string> {
    const { removed, added } = listDifference(last, now)
    last = now
    const keys = new Set<string>()
    for (const object of removed) {
      const key = viewOf(object)?.key
      if (key === undefined) continue
      keys.add(key)
      followed.delete(key)
    }
    for (const object of added) {
      const view = viewOf(object)
      if (view === undefined) continue
      keys.add(view.key)
      followed.set(view.key, view)
    }
    return keys
  }

  /** Whether the Service has another view than before. */
  function update(key: string): boolean {
    const view = followed.get(key)
    const now = view === undefined ? undefined : newest(view)
    if (now === undefined) noted.delete(key)
    if (now === views.get(key)) return false
    if (now === undefined) views.delete(key)
    else views.set(key, now)
    return true
  }

  return {
    take: (now) => {
      const keys = follow(now)
      for (const key of noted.keys()) keys.add(key)
      return { services: views, changed: new Set([...keys].filter(update)) }
    },
    written: ({ key, resourceVersion }, object) => {
      const view = viewOf(object)
      if (view === undefined || view.resourceVersion === resourceVersion) return
      const older = olderThan(key).add(resourceVersion)
      older.delete(view.resourceVersion)
      noted.set(key, { view, older, isRejected: false })
    },
    rejected: (view) => void noted.set(view.key, { view, older: olderThan(view.key), isRejected: true }),
    isRejected: ({ key, resourceVersion }) => {
      const own = noted.get(key)
      return own?.isRejected === true && own.view.resourceVersion === resourceVersion
    },
    isFollowed: ({ key, resourceVersion }) => !noted.has(key) && followed.get(key)?.resourceVersion === resourceVersion,
    forget: () => {
      noted.clear()
      // All of them come anew.
      last = []
      followed.clear()
      views.clear()
    },
  }
}
