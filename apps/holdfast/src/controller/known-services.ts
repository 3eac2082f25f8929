import type { KubeObject } from '@holdfast/cluster'
import type { ServiceView } from './service-object.ts'
import { viewOf } from './service-object.ts'

/** The newest that is known of each Service: what is followed, and our own writes until those have come round. */
export interface KnownServices {
  /** Takes in what is followed. The result counts until the next call. */
  readonly take: (followed: Iterable<KubeObject>) => ReadonlyMap<string, ServiceView>
  /** What a write of ours made of the version `before`. */
  readonly written: (view: ServiceView, object: KubeObject) => void
  /** A write to this version was refused, since there is a newer one: nothing is written before that is seen. */
  readonly rejected: (view: ServiceView) => void
  readonly isRejected: (view: ServiceView) => boolean
  readonly forget: () => void
}

interface Noted {
  readonly view: ServiceView
  /** Versions that came before. */
  readonly older: Set<string>
  readonly isRejected: boolean
}

export function createKnownServices(): KnownServices {
  const noted = new Map<string, Noted>()
  const views = new WeakMap<KubeObject, ServiceView | undefined>()

  function viewed(object: KubeObject): ServiceView | undefined {
    if (!views.has(object)) views.set(object, viewOf(object))
    return views.get(object)
  }

  /** A version that is neither ours nor known to be older came later: somebody else wrote. */
  function newest(followed: ServiceView): ServiceView {
    const own = noted.get(followed.key)
    if (own === undefined) return followed
    const isLate = own.older.has(followed.resourceVersion)
    if (isLate) return own.view
    if (!own.isRejected || own.view.resourceVersion !== followed.resourceVersion) noted.delete(followed.key)
    return followed
  }

  const olderThan = (key: string): Set<string> => noted.get(key)?.older ?? new Set()

  return {
    take: (followed) => {
      const now = new Map<string, ServiceView>()
      for (const object of followed) {
        const view = viewed(object)
        if (view !== undefined) now.set(view.key, newest(view))
      }
      for (const key of noted.keys()) if (!now.has(key)) noted.delete(key)
      return now
    },
    written: ({ key, resourceVersion }, object) => {
      const view = viewed(object)
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
    forget: () => noted.clear(),
  }
}
