import { relative, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { RawObject } from '@holdfast/model'
import type { Alarm, Clock } from '@holdfast/runtime'
import { watch, type FSWatcher } from 'chokidar'
import { directoryEmpty, watchFailed } from './directory-faults.ts'
import { identityOf, scanDirectory } from './directory-scan.ts'
import { FileTable, unknownListing, type Listing } from './file-table.ts'
import { inParallel } from './in-parallel.ts'
import { errorCode } from './io-error.ts'
import { createLastGood, type LastGood } from './last-good.ts'
import { readManifestGently, type Manifest } from './manifest.ts'
import type { FileFault, Snapshot, Source } from './source.ts'
import { absent, isPending, recalled, settle, type TrackedFile } from './tracked-file.ts'

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
  readonly #files: FileTable
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
    this.#files = new FileTable(directory)
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
      if (faultyFiles.has(this.#files.fileOf(path))) continue
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
      await this.#recall(path, this.#files.remembered(path, now))
    }
    this.#files.begin(scan, now)
    this.#conclude(scan)
    this.#lastGood?.retain(this.#files.paths())
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
      if (outOfWatches.has(errorCode(error))) this.#watchFault = watchFailed(this.#directory, error, rescanInTroubleMs)
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
    const next = now + (isInTrouble ? rescanInTroubleMs : rescanMs)
    return this.#isOutOfReach ? next : Math.min(next, this.#files.nextDueMs(now, hintDelayMs))
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
      this.#conclude(scan)
      const now = this.#clock.now()
      if (!this.#isOutOfReach) this.#files.compare(scan, now)
      if (!this.#isOutOfReach) await this.#settleAll(this.#files.due(now))
    }
    this.#publish()
  }

  #conclude(scan: Listing): void {
    this.#isOutOfReach = this.#files.isSuddenlyEmpty(scan)
    this.#scanFaults = this.#isOutOfReach ? [directoryEmpty(this.#directory)] : scan.faults
  }

  async #settleAll(paths: readonly string[]): Promise<void> {
    await inParallel(paths, async (path) => {
      const before = this.#files.at(path)
      let after = await settle(before, this.#clock.now())
      if (before.settled === undefined && before.manifest === undefined && mayHaveLost(after)) {
        await this.#recall(path, before)
        after = await settle(this.#files.at(path), this.#clock.now())
      }
      this.#take(path, before, after)
      await setImmediate()
    })
  }

  #take(path: string, before: TrackedFile, after: TrackedFile): void {
    this.#files.take(path, after)
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
    for (const [path, { file, manifest }] of this.#files.entries()) {
      const text = await lastGood.recall(path)
      if (text !== undefined) objects.push(...(await readManifestGently(file, text, manifest)).objects)
    }
    return objects
  }

  #publish(lastGood?: readonly RawObject[]): void {
    if (this.#isStopped || this.#changed === undefined) return
    const { objects, faults: fileFaults } = this.#files.content()
    const watchFaults = this.#watchFault === undefined ? [] : [this.#watchFault]
    const faults = [...this.#scanFaults, ...watchFaults, ...(this.#lastGood?.faults() ?? []), ...fileFaults]
    const snapshot: Snapshot = { objects, faults, ...(lastGood === undefined ? {} : { lastGood }) }
    if (this.#published !== undefined && isSame(this.#published, snapshot)) return
    this.#published = snapshot
    this.#changed(snapshot)
  }
}

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
