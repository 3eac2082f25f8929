import { join, relative, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { RawObject } from '@holdfast/model'
import type { Alarm, Clock } from '@holdfast/runtime'
import { watch, type FSWatcher } from 'chokidar'
import { identityOf, scanDirectory, type Scan } from './directory-scan.ts'
import { inParallel } from './in-parallel.ts'
import { errorCode, explainIo } from './io-error.ts'
import { createLastGood, type LastGood } from './last-good.ts'
import { readManifestGently, type Manifest } from './manifest.ts'
import type { FileFault, Snapshot, Source } from './source.ts'
import {
  absent,
  isHeld,
  isPending,
  lookedAt,
  newlyTracked,
  recalled,
  settle,
  settleMs,
  type TrackedFile,
} from './tracked-file.ts'

export interface ManifestDirectoryOptions {
  /** Read with everything below it. */
  readonly directory: string
  readonly clock: Clock
  /** Where the last good text of every manifest is kept for the next start; without it, nothing is kept. */
  readonly lastGoodDirectory?: string | undefined
}

/** Why a manifest directory cannot be a source at all. */
export class ManifestDirectoryError extends Error {
  override readonly name = 'ManifestDirectoryError'
  readonly code: string
  readonly remedy: string

  constructor(fault: FileFault) {
    super(`${fault.file}: ${fault.message}`)
    this.code = fault.code
    this.remedy = fault.remedy
  }
}

/**
 * All manifests (*.yaml, *.yml, *.json) in a directory and below, followed as they change. A change counts once its file has
 * been quiet for 100 ms, and changes of one burst come as one snapshot. A deleted file withdraws its objects; a broken or
 * unreadable file, an unreadable directory and one that is suddenly empty withdraw nothing.
 *
 * `start` rejects with a `ManifestDirectoryError` where the directory cannot be listed and nothing is kept of an earlier
 * run. A source is started once.
 */
export function createManifestDirectory(options: ManifestDirectoryOptions): Source {
  const source = new ManifestDirectory(options)
  return {
    start: (changed) => source.start(changed),
    stop: () => source.stop(),
    judge: (snapshot, faultyFiles) => source.judge(snapshot, faultyFiles),
  }
}

/** A hint is followed by more as a rule: a short pause makes them one scan. */
const hintDelayMs = 20
/** A file that is due waits this long for others of its burst. */
const burstMs = 100
/** Deletions wait while their number grows (`rm -rf` takes a while), but no longer than this. */
const deletionBurstMs = 2_000
/** The watch is a hint, the listing is the truth: network file systems report nothing, queues overflow. */
const rescanMs = 30_000
const rescanInTroubleMs = 2_000
/** A watch stays with the directory it began with: one that took its place is noticed by a look at its inode. */
const identityCheckMs = 1_000

/** Codes of inotify limits; any other error of the watch is one that the next listing tells better. */
const outOfWatches: ReadonlySet<string> = new Set(['ENOSPC', 'EMFILE', 'ENFILE'])

class ManifestDirectory {
  readonly #directory: string
  readonly #clock: Clock
  readonly #lastGood: LastGood | undefined
  readonly #files = new Map<string, TrackedFile>()
  #changed: ((snapshot: Snapshot) => void) | undefined
  #watcher: FSWatcher | undefined
  #watchFault: FileFault | undefined
  #scanFaults: readonly FileFault[] = []
  #published: Snapshot | undefined
  /** Texts that are new since they were judged last, or were found wanting. */
  readonly #unjudged = new Map<string, Manifest>()
  #alarm: { readonly alarm: Alarm; readonly atMs: number } | undefined
  #running: Promise<void> | undefined
  /** The directory cannot be listed, or is empty: nothing is concluded from it. */
  #isOutOfReach = false
  #isHinted = false
  /** When all files are looked at again at the latest. */
  #nextScanMs = 0
  #identity: string | undefined
  #isStopped = false

  constructor({ directory, clock, lastGoodDirectory }: ManifestDirectoryOptions) {
    this.#directory = directory
    this.#clock = clock
    this.#lastGood =
      lastGoodDirectory === undefined ? undefined : createLastGood(lastGoodDirectory, () => this.#publish())
  }

  async start(changed: (snapshot: Snapshot) => void): Promise<void> {
    if (this.#changed !== undefined) throw new Error('A source is started once')
    this.#changed = changed
    const scan = await scanDirectory(this.#directory)
    await this.#adopt(scan.kind === 'listed' ? scan : unknownListing)
    if (scan.kind === 'unavailable') {
      if (this.#files.size === 0) throw new ManifestDirectoryError(scan.fault)
      this.#scanFaults = [scan.fault]
    }
    this.#publish(this.#lastGood === undefined ? undefined : await this.#lastGoodObjects(this.#lastGood))
    this.#identity = await identityOf(this.#directory)
    if (!this.#isStopped) this.#watch()
  }

  judge(snapshot: Snapshot, faultyFiles: ReadonlySet<string>): void {
    // The judgement of an older snapshot says nothing of what came since; a newer one will.
    if (snapshot !== this.#published) return
    for (const [path, manifest] of this.#unjudged) {
      if (faultyFiles.has(this.#fileOf(path))) continue
      this.#unjudged.delete(path)
      this.#lastGood?.keep(path, manifest)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#alarm?.alarm.cancel()
    await this.#watcher?.close()
    await this.#running
    await this.#lastGood?.settled()
  }

  /** The first look: every file counts as it is, and what is broken falls back on what was last good. */
  async #adopt(scan: Listing): Promise<void> {
    const now = this.#clock.now()
    const remembered =
      scan.files.size === 0 || scan.unreadable.length > 0 ? ((await this.#lastGood?.paths()) ?? []) : []
    const isHidden = (path: string): boolean =>
      scan.files.size === 0 || scan.unreadable.some((below) => path.startsWith(below))
    for (const path of remembered.filter((each) => isHidden(each) && !scan.files.has(each))) {
      await this.#recall(path, { ...newlyTracked(this.#fileOf(path), gone, now, now), settled: absent })
    }
    for (const [path, seen] of scan.files) this.#files.set(path, newlyTracked(this.#fileOf(path), seen, now, now))
    this.#isOutOfReach = this.#isSuddenlyEmpty(scan)
    this.#scanFaults = this.#isOutOfReach ? [directoryEmpty(this.#directory)] : scan.faults
    this.#lastGood?.retain(new Set(this.#files.keys()))
    await this.#settleAll([...scan.files.keys()])
  }

  #watch(): void {
    const watcher = watch(this.#directory, {
      ignoreInitial: true,
      atomic: false,
      ignored: (path) => isUnwatched(relative(this.#directory, path)),
    })
    this.#watcher = watcher
    // What changed between the first look and this moment has raised no event.
    watcher.on('ready', () => this.#hint())
    watcher.on('all', () => this.#hint())
    // Also what chokidar draws no conclusion from: a link that leads elsewhere now, a directory that came back.
    watcher.on('raw', () => this.#hint())
    watcher.on('error', (error) => {
      if (outOfWatches.has(errorCode(error))) this.#watchFault = watchFailed(this.#directory, error)
      this.#hint()
    })
  }

  /** Something may have changed: look soon. */
  #hint(): void {
    this.#isHinted = true
    this.#wakeAt(this.#clock.now() + hintDelayMs)
  }

  /** Keeps the earliest of the moments asked for. */
  #wakeAt(atMs: number): void {
    if (this.#isStopped || this.#running !== undefined) return
    if (this.#alarm !== undefined && this.#alarm.atMs <= atMs) return
    this.#alarm?.alarm.cancel()
    const run = (): void => {
      this.#alarm = undefined
      this.#running = this.#look().finally(() => {
        this.#running = undefined
        this.#wakeAt(Math.min(this.#nextScanMs, this.#clock.now() + identityCheckMs))
      })
    }
    this.#alarm = { atMs, alarm: this.#clock.after(Math.max(0, atMs - this.#clock.now()), run) }
  }

  #whenToScan(): number {
    const now = this.#clock.now()
    if (this.#isHinted) return now + hintDelayMs
    const isInTrouble = this.#scanFaults.length > 0 || this.#watchFault !== undefined
    let next = now + (isInTrouble ? rescanInTroubleMs : rescanMs)
    if (this.#isOutOfReach) return next
    for (const file of this.#files.values()) {
      if (isPending(file)) next = Math.min(next, file.dueMs > now ? file.dueMs : now + hintDelayMs)
    }
    return next
  }

  async #look(): Promise<void> {
    const isReplaced = await this.#followReplacement()
    if (!isReplaced && !this.#isHinted && this.#clock.now() < this.#nextScanMs) return
    await this.#scan()
    this.#nextScanMs = this.#whenToScan()
  }

  /** Watches the directory that stands at the path now, where that is another one than before. */
  async #followReplacement(): Promise<boolean> {
    const identity = await identityOf(this.#directory)
    // While there is none, the watch waits for it to come back.
    if (identity === undefined || identity === this.#identity) return false
    this.#identity = identity
    await this.#watcher?.close()
    if (!this.#isStopped) this.#watch()
    return true
  }

  async #scan(): Promise<void> {
    this.#isHinted = false
    const scan = await scanDirectory(this.#directory)
    if (scan.kind === 'unavailable') {
      this.#isOutOfReach = true
      this.#scanFaults = [scan.fault]
    } else {
      this.#note(scan)
      if (!this.#isOutOfReach) await this.#settleAll(this.#due())
    }
    this.#publish()
  }

  #note(scan: Listing): void {
    this.#isOutOfReach = this.#isSuddenlyEmpty(scan)
    this.#scanFaults = this.#isOutOfReach ? [directoryEmpty(this.#directory)] : scan.faults
    if (!this.#isOutOfReach) this.#compare(scan)
  }

  #isSuddenlyEmpty(scan: Listing): boolean {
    return scan.files.size === 0 && [...this.#files.values()].some((file) => file.objects.length > 0)
  }

  #compare(scan: Listing): void {
    const now = this.#clock.now()
    for (const [path, seen] of scan.files) {
      const tracked = this.#files.get(path)
      const next =
        tracked === undefined
          ? newlyTracked(this.#fileOf(path), seen, now, now + settleMs)
          : lookedAt(tracked, seen, now)
      this.#files.set(path, next)
    }
    this.#compareAbsent(scan, now)
  }

  #compareAbsent(scan: Listing, now: number): void {
    const missing = [...this.#files.keys()].filter(
      (path) => !scan.files.has(path) && !scan.unreadable.some((below) => path.startsWith(below)),
    )
    let isGrowing = false
    for (const path of missing) {
      const tracked = this.#trackedAt(path)
      isGrowing ||= tracked.seen.kind !== 'absent'
      // What an earlier run kept of a directory that was empty then is absent for good now that there are files.
      const settled = tracked.settled === absent ? undefined : tracked.settled
      this.#files.set(path, { ...lookedAt(tracked, gone, now), settled })
    }
    if (!isGrowing) return
    for (const path of missing) {
      const tracked = this.#trackedAt(path)
      this.#files.set(path, { ...tracked, dueMs: Math.min(now + settleMs, tracked.seenSinceMs + deletionBurstMs) })
    }
  }

  /** The files to act on now: all that are due, unless others of the same burst are about to be. */
  #due(): readonly string[] {
    const now = this.#clock.now()
    const pending = [...this.#files].filter(([, file]) => isPending(file))
    const due = pending.filter(([, file]) => file.dueMs <= now)
    const isBurstOver = !pending.some(([, file]) => file.dueMs > now && !isHeld(file))
    const isOverdue = due.some(([, file]) => file.dueMs + burstMs <= now)
    return isBurstOver || isOverdue ? due.map(([path]) => path) : []
  }

  async #settleAll(paths: readonly string[]): Promise<void> {
    await inParallel(paths, async (path) => {
      const before = this.#trackedAt(path)
      let after = await settle(before, this.#clock.now())
      if (before.settled === undefined && before.manifest === undefined && mayHaveLost(after)) {
        await this.#recall(path, before)
        after = await settle(this.#trackedAt(path), this.#clock.now())
      }
      this.#take(path, before, after)
      await setImmediate()
    })
  }

  #take(path: string, before: TrackedFile, after: TrackedFile): void {
    if (after.seen.kind === 'absent') this.#files.delete(path)
    else this.#files.set(path, after)
    if (after.settled === absent) {
      this.#unjudged.delete(path)
      this.#lastGood?.forget(path)
    } else if (isClean(after) && after.manifest !== undefined && after.manifest !== before.manifest) {
      this.#unjudged.set(path, after.manifest)
    }
  }

  async #recall(path: string, tracked: TrackedFile): Promise<void> {
    const text = await this.#lastGood?.recall(path)
    this.#files.set(path, text === undefined ? tracked : await recalled(tracked, text))
  }

  /** What an earlier run kept; objects that are the same now are the same ones. */
  async #lastGoodObjects(lastGood: LastGood): Promise<readonly RawObject[]> {
    const objects: RawObject[] = []
    for (const [path, { file, manifest }] of this.#files) {
      const text = await lastGood.recall(path)
      if (text !== undefined) objects.push(...(await readManifestGently(file, text, manifest)).objects)
    }
    return objects
  }

  #trackedAt(path: string): TrackedFile {
    const tracked = this.#files.get(path)
    if (tracked === undefined) throw new Error(`No file is tracked at ${path}`)
    return tracked
  }

  #fileOf(path: string): string {
    return join(this.#directory, path)
  }

  #publish(lastGood?: readonly RawObject[]): void {
    if (this.#isStopped || this.#changed === undefined) return
    const files = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)
    const watchFaults = this.#watchFault === undefined ? [] : [this.#watchFault]
    const faults = [
      ...this.#scanFaults,
      ...watchFaults,
      ...(this.#lastGood?.faults() ?? []),
      ...files.flatMap((file) => file.faults),
    ]
    const objects = files.flatMap((file) => file.objects)
    const snapshot: Snapshot = { objects, faults, ...(lastGood === undefined ? {} : { lastGood }) }
    if (this.#published !== undefined && isSame(this.#published, snapshot)) return
    this.#published = snapshot
    this.#changed(snapshot)
  }
}

type Listing = Extract<Scan, { kind: 'listed' }>

/** The directory cannot be listed: everything in it is unknown. */
const unknownListing: Listing = { kind: 'listed', files: new Map(), unreadable: [''], faults: [] }

const gone = { kind: 'absent', stamp: absent } as const

function isClean(file: TrackedFile): boolean {
  return !isPending(file) && file.faults.length === 0
}

/** True where an earlier run may have had objects of this file that ought to stay in force. */
function mayHaveLost(file: TrackedFile): boolean {
  return !isClean(file) || file.manifest?.isBlank === true
}

function isSame(a: Snapshot, b: Snapshot): boolean {
  return (
    a.objects.length === b.objects.length &&
    a.objects.every((object, index) => object === b.objects[index]) &&
    JSON.stringify(a.faults) === JSON.stringify(b.faults)
  )
}

/** Hidden files and directories are not watched, but for those that Kubernetes moves a mounted volume with (`..data`). */
function isUnwatched(path: string): boolean {
  if (path === '' || path === '..' || path.startsWith(`..${sep}`)) return false
  return path.split(sep).some((name) => name.startsWith('.') && !name.startsWith('..'))
}

function directoryEmpty(file: string): FileFault {
  return {
    code: 'directory-empty',
    file,
    line: undefined,
    column: undefined,
    message: 'the directory has no manifests any more. What was last read from it stays in force',
    remedy: 'If that is meant, put a manifest there that holds only a comment. Otherwise check what is mounted there.',
  }
}

function watchFailed(file: string, error: unknown): FileFault {
  const { reason } = explainIo(error)
  return {
    code: 'watch-failed',
    file,
    line: undefined,
    column: undefined,
    message: `the directory cannot be watched: ${reason}. It is read every ${rescanInTroubleMs / 1000} s instead`,
    remedy: 'Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, then start again.',
  }
}
