import type { Clock } from '@holdfast/runtime'

/** Resolves after so long, or at once when the signal is aborted. Never rejects. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const end = (): void => {
      alarm.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const alarm = clock.after(ms, end)
    signal?.addEventListener('abort', end)
  })
}
