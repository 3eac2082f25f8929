import type { Clock } from '@holdfast/runtime'

/** What the promise gives; undefined: it did not within `ms`. It must not reject. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const alarm = clock.after(ms, () => resolve(undefined))
    void promise.then((value) => {
      alarm.cancel()
      resolve(value)
    })
  })
}
