import { join } from 'node:path'
import type { RawObject } from '@holdfast/model'
import type { Scan } from './directory-scan.ts'
import type { FileFault } from './source.ts'
import { absent, isHeld, isPending, lookedAt, newlyTracked, settleMs, type TrackedFile } from './tracked-file.ts'

/** What stands in a directory that could be listed. */
export type Listing = Extract<Scan, { kind: 'listed' }>

/** The directory cannot be listed: everything in it is unknown. */
export const unknownListing: Listing = { kind: 'listed', files: new Map(), unreadable: [''], faults: [] }

const gone = { kind: 'absent', stamp: absent } as const

/** A file that is due waits this long for others of its burst. */
const burstMs = 100
/** Deletions wait while their number grows (`rm -rf` takes a while), but no longer than this. */
const deletionBurstMs = 2_000

/** Every file of a manifest directory, by its path in it: what was seen of it, what of it is in force, when it is due. */
export class FileTable {
  readonly #directory: string
  readonly #files = new Map<string, TrackedFile>()

  constructor(directory: string) {
    this.#directory = directory
  }

  get size(): number {
    return this.#files.size
  }

  paths(): ReadonlySet<string> {
    return new Set(this.#files.keys())
  }

  entries(): Iterable<readonly [string, TrackedFile]> {
    return this.#files
  }

  /** The file as it is named to people: the directory as they wrote it, and the path in it. */
  fileOf(path: string): string {
    return join(this.#directory, path)
  }

  at(path: string): TrackedFile {
    const tracked = this.#files.get(path)
    if (tracked === undefined) throw new Error(`No file is tracked at ${path}`)
    return tracked
  }

  set(path: string, file: TrackedFile): void {
    this.#files.set(path, file)
  }

  /** The file after it was settled: one that is not there any more is forgotten. */
  take(path: string, after: TrackedFile): void {
    if (after.seen.kind === 'absent') this.#files.delete(path)
    else this.#files.set(path, after)
  }

  /** True where nothing is listed although something of the directory is in force. */
  isSuddenlyEmpty({ files }: Listing): boolean {
    return files.size === 0 && [...this.#files.values()].some((file) => file.objects.length > 0)
  }

  /** The first look: every file counts as it is. */
  begin({ files }: Listing, now: number): void {
    for (const [path, seen] of files) this.#files.set(path, newlyTracked(this.fileOf(path), seen, now, now))
  }

  /** A file that only an earlier run has seen. */
  remembered(path: string, now: number): TrackedFile {
    return { ...newlyTracked(this.fileOf(path), gone, now, now), settled: absent }
  }

  /** Another look, at a directory that is within reach. */
  compare(listing: Listing, now: number): void {
    for (const [path, seen] of listing.files) {
      const tracked = this.#files.get(path)
      const next =
        tracked === undefined
          ? newlyTracked(this.fileOf(path), seen, now, now + settleMs)
          : lookedAt(tracked, seen, now)
      this.#files.set(path, next)
    }
    this.#compareAbsent(listing, now)
  }

  #compareAbsent({ files, unreadable }: Listing, now: number): void {
    const missing = [...this.#files.keys()].filter(
      (path) => !files.has(path) && !unreadable.some((below) => path.startsWith(below)),
    )
    let isGrowing = false
    for (const path of missing) {
      const tracked = this.at(path)
      isGrowing ||= tracked.seen.kind !== 'absent'
      // What an earlier run kept of a directory that was empty then is absent for good now that there are files.
      const settled = tracked.settled === absent ? undefined : tracked.settled
      this.#files.set(path, { ...lookedAt(tracked, gone, now), settled })
    }
    if (!isGrowing) return
    for (const path of missing) {
      const tracked = this.at(path)
      this.#files.set(path, { ...tracked, dueMs: Math.min(now + settleMs, tracked.seenSinceMs + deletionBurstMs) })
    }
  }

  /** The files to act on now: all that are due, unless others of the same burst are about to be. */
  due(now: number): readonly string[] {
    const pending = [...this.#files].filter(([, file]) => isPending(file))
    const due = pending.filter(([, file]) => file.dueMs <= now)
    const isBurstOver = !pending.some(([, file]) => file.dueMs > now && !isHeld(file))
    const isOverdue = due.some(([, file]) => file.dueMs + burstMs <= now)
    return isBurstOver || isOverdue ? due.map(([path]) => path) : []
  }

  /** When the earliest of the files is due that are not yet in force as seen, in ms; one that is overdue is after `graceMs`. */
  nextDueMs(now: number, graceMs: number): number {
    let next = Infinity
    for (const file of this.#files.values()) {
      if (isPending(file)) next = Math.min(next, file.dueMs > now ? file.dueMs : now + graceMs)
    }
    return next
  }

  /** What is in force of all files, and what is wrong with them, in the order of their paths. */
  content(): { readonly objects: readonly RawObject[]; readonly faults: readonly FileFault[] } {
    const files = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)
    return { objects: files.flatMap((file) => file.objects), faults: files.flatMap((file) => file.faults) }
  }
}
