import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Alarm, Clock } from '@holdfast/runtime'

/** What the process uses, as far as a collection could give some of it back. */
export interface Usage {
  /** On the heap and in buffers, dead or alive. */
  readonly bytes: number
  /** Processor time since the start of the process. */
  readonly cpuMs: number
}

export interface SpareMemoryOptions {
  readonly clock: Clock
  readonly usage: () => Usage
  readonly collect: () => void
}

const everyMs = 5_000
/** The process has done next to nothing since the last look: nobody notices a pause of some tenths of a second. */
const quietShare = 0.02
/** A collection is worth its pause when what is used has grown by this much since the one before. */
const growth = 1.2
const leastBytes = 8 * 1024 * 1024

/**
 * Gives memory back once the process has come to rest. V8 collects when it needs room, not when there is nothing to do: after a burst
 * or the first lists, tens of MiB that nobody uses stay resident for hours, on every node. Returns what ends it.
 */
export function spareMemory({ clock, usage, collect }: SpareMemoryOptions): () => void {
  let keptBytes = 0
  let before = usage()
  let alarm: Alarm
  const look = (): void => {
    const now = usage()
    const isQuiet = now.cpuMs - before.cpuMs < everyMs * quietShare
    before = now
    if (isQuiet && now.bytes > Math.max(keptBytes * growth, keptBytes + leastBytes)) {
      collect()
      before = usage()
      keptBytes = before.bytes
    }
    alarm = clock.after(everyMs, look)
  }
  alarm = clock.after(everyMs, look)
  return () => alarm.cancel()
}

/** What this process uses. */
export function processUsage(): Usage {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { bytes: heapUsed + arrayBuffers, cpuMs: (user + system) / 1000 }
}

/**
 * A whole collection, which Node offers no call for; the one that V8 does before it gives up. Any other leaves pages that are half
 * empty, and keeps those that are empty for itself: a third of the heap after a burst.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: Readonly<Record<string, string>>) => void
  setFlagsFromString('--no-expose-gc')
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
