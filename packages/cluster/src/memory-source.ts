import type { RawObject } from '@holdfast/model'
import type { Snapshot, Source } from './source.ts'

/** A source whose objects a program sets: for tests and simulations. */
export interface MemorySource extends Source {
  /** Replaces all objects. Those that did not change must be the same ones as before. */
  readonly set: (objects: readonly RawObject[]) => void
}

export function createMemorySource(objects: readonly RawObject[]): MemorySource {
  let current = [...objects]
  let listener: ((snapshot: Snapshot) => void) | undefined
  let isStarted = false
  const publish = (): void => listener?.({ objects: current, faults: [] })
  return {
    start: (changed) => {
      if (isStarted) return Promise.reject(new Error('A source is started once'))
      isStarted = true
      listener = changed
      publish()
      return Promise.resolve()
    },
    stop: () => {
      listener = undefined
      isStarted = true
      return Promise.resolve()
    },
    judge: () => undefined,
    set: (next) => {
      const isSame = next.length === current.length && next.every((object, index) => object === current[index])
      current = [...next]
      if (!isSame) publish()
    },
  }
}
