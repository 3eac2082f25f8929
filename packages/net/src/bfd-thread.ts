import type { BfdConfig, BfdSnapshot } from '@holdfast/bfd'
import type { Alarm, Clock } from '@holdfast/runtime'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { emptySnapshot } from './bfd-empty-snapshot.ts'
import { monotonicOriginMs, type BfdCommand, type BfdReport, type BfdThreadData } from './bfd-messages.ts'
import type { BfdEvent, BfdService, BfdSession, BfdSessionOptions } from './bfd-service.ts'

export interface BfdServiceOptions {
  readonly clock: Clock
  /** Starts the thread; as `startBfdThread` unless given. */
  readonly startThread?: () => Worker
}

/** After a crash, the thread is started again after this; each further crash doubles it. */
const firstRestartMs = 100
const longestRestartMs = 10_000

/** A thread that ran for so long did not crash at its start. */
const stableMs = 60_000

/** The thread itself gives up waiting for its peers sooner. */
const longestStopMs = 4000

/** BFD of this process. The thread is started with the first session. */
export function createBfdService(options: BfdServiceOptions): BfdService {
  return new ThreadedBfd(options)
}

/**
 * Collecting garbage with the help of other threads waits for them, and they have no right to a processor before other
 * programs: with all cores busy that was measured to take 140 ms, where 1 ms is enough for the few megabytes of this
 * thread. Room from the beginning makes collections rare. V8 knows these flags for the whole process only: the first four
 * count from the next collection on, the others for threads that are started later.
 */
const collectorFlags = [
  '--no-parallel-scavenge',
  '--no-parallel-compaction',
  '--no-parallel-pointer-update',
  '--no-concurrent-array-buffer-sweeping',
  '--min-semi-space-size=4',
  '--initial-old-space-size=64',
]

/** Starts the thread of BFD with a memory of its own: if it leaks, it ends, and not the process. */
function startBfdThread(): Worker {
  for (const flag of collectorFlags) setFlagsFromString(flag)
  const data: BfdThreadData = { originMs: monotonicOriginMs() }
  return new Worker(new URL('./bfd-worker.ts', import.meta.url), {
    workerData: data,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 12 },
    name: 'holdfast-bfd',
  })
}

interface Client {
  readonly id: number
  options: BfdSessionOptions
  readonly observe: (event: BfdEvent) => void
  snapshot: BfdSnapshot
}

class ThreadedBfd implements BfdService {
  readonly #clock: Clock
  readonly #startThread: () => Worker
  readonly #clients = new Map<number, Client>()
  #worker: Worker | undefined
  #startedMs = 0
  #restartMs = firstRestartMs
  #restart: Alarm | undefined
  #stopping: Promise<void> | undefined
  #lastId = 0

  constructor({ clock, startThread = startBfdThread }: BfdServiceOptions) {
    this.#clock = clock
    this.#startThread = startThread
  }

  readonly open = (options: BfdSessionOptions, observe: (event: BfdEvent) => void): BfdSession => {
    this.#lastId += 1
    const id = this.#lastId
    const obstacle = this.#stopping === undefined ? undefined : 'BFD was shut down'
    const client: Client = { id, options, observe, snapshot: emptySnapshot(this.#clock.now(), obstacle) }
    if (obstacle === undefined) {
      this.#clients.set(id, client)
      this.#ensureThread()
      this.#post({ kind: 'open', id, options })
    }
    return {
      configure: (config) => this.#configure(client, config),
      snapshot: () => client.snapshot,
      stop: () => this.#close(client),
    }
  }

  readonly stop = (): Promise<void> => {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #configure(client: Client, config: BfdConfig): void {
    client.options = { ...client.options, config }
    if (this.#clients.has(client.id)) this.#post({ kind: 'configure', id: client.id, config })
  }

  #close({ id }: Client): void {
    if (this.#clients.delete(id)) this.#post({ kind: 'close', id })
  }

  async #stop(): Promise<void> {
    this.#clients.clear()
    this.#restart?.cancel()
    const worker = this.#worker
    if (worker === undefined) return
    await new Promise<void>((resolve) => {
      const limit = this.#clock.after(longestStopMs, resolve)
      worker.once('exit', () => {
        limit.cancel()
        resolve()
      })
      this.#post({ kind: 'stop' })
    })
    await worker.terminate()
  }

  /** To a thread that is down: it is told everything when it is started again. */
  #post(command: BfdCommand): void {
    this.#worker?.postMessage(command)
  }

  #ensureThread(): void {
    if (this.#worker !== undefined || this.#restart !== undefined) return
    const worker = this.#startThread()
    let why = 'it ended'
    this.#worker = worker
    this.#startedMs = this.#clock.now()
    worker.on('message', (report: BfdReport) => this.#take(report))
    worker.on('error', (error) => (why = error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      if (this.#stopping === undefined) this.#crashed(why)
    })
  }

  #take(report: BfdReport): void {
    switch (report.kind) {
      case 'event': {
        const client = this.#clients.get(report.id)
        if (client === undefined) break
        client.snapshot = report.snapshot ?? client.snapshot
        client.observe(report.event)
        break
      }
      case 'snapshots':
        for (const { id, snapshot } of report.snapshots) {
          const client = this.#clients.get(id)
          if (client !== undefined) client.snapshot = snapshot
        }
        break
      case 'stopped':
        break
    }
  }

  /** That our own thread ended says nothing about any path (RFC 5882 section 3.2): no session failed. */
  #crashed(why: string): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#startedMs >= stableMs) this.#restartMs = firstRestartMs
    const restartMs = this.#restartMs
    this.#restartMs = Math.min(2 * restartMs, longestRestartMs)
    this.#restart = this.#clock.after(restartMs, () => {
      this.#restart = undefined
      this.#ensureThread()
      for (const { id, options } of this.#clients.values()) this.#post({ kind: 'open', id, options })
    })
    const message = `the thread of BFD ended (${why}) and is started again`
    for (const client of this.#clients.values()) {
      const from = client.snapshot.state
      client.snapshot = emptySnapshot(nowMs, message)
      if (from !== 'down') client.observe({ from, to: 'down', isFailure: false, message })
    }
  }
}
