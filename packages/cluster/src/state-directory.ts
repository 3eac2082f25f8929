import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporaryName, writeAtomically } from './atomic-write.ts'
import { decodeDocument, encodeDocument } from './checked-document.ts'
import { fileNameOf } from './file-name.ts'
import { explainIo, isMissing } from './io-error.ts'
import { acquireLock, type LockHolder } from './state-lock.ts'
import { createYamlFiles, type YamlSync } from './yaml-files.ts'

export type StateRead =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'absent' }
  /** The document is there, but cannot be used. */
  | { readonly kind: 'damaged'; readonly reason: string; readonly remedy: string }

export type StateWrite =
  | { readonly kind: 'written' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly reason: string; readonly remedy: string }

/** What a program keeps between its runs. No call rejects because of the file system. */
export interface StateDirectory {
  /** Reads a document. The value is what `write` was given, as JSON has it. */
  readonly read: (name: string) => Promise<StateRead>
  /**
   * Replaces a document; once it resolves with `written`, the new value survives a power cut. The value is taken at the
   * call; calls take effect in their order. Equal content is not written again.
   */
  readonly write: (name: string, value: unknown) => Promise<StateWrite>
  /**
   * Makes the YAML files of a subdirectory those of `files` (name without ".yaml" to content): writes what changed, removes
   * what does not belong there any more. A content object that is the same as last time costs nothing, so do not mutate
   * it. Files that Holdfast did not write are neither replaced nor removed.
   */
  readonly syncYamlFiles: (subdirectory: string, files: ReadonlyMap<string, object>) => Promise<YamlSync>
  /** Waits for what is under way, then lets another process have the directory. */
  readonly close: () => Promise<void>
}

export type StateOpening =
  | { readonly kind: 'open'; readonly state: StateDirectory }
  /** Another process has it. `holder` is undefined where its lock cannot be read. */
  | { readonly kind: 'held'; readonly holder: LockHolder | undefined; readonly reason: string; readonly remedy: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly remedy: string }

/** Opens a directory for one process alone; makes it where it is missing. */
export async function createStateDirectory(options: { readonly directory: string }): Promise<StateOpening> {
  const { directory } = options
  try {
    await mkdir(directory, { recursive: true })
    const lock = await acquireLock(directory)
    if (lock.kind === 'held') return heldBy(directory, lock.holder)
    await removeLeftovers(directory)
    return { kind: 'open', state: open(directory, lock.release) }
  } catch (error) {
    const { reason, remedy } = explainIo(error)
    return { kind: 'failed', reason: `the state directory ${directory} cannot be used: ${reason}`, remedy }
  }
}

function open(directory: string, release: () => Promise<void>): StateDirectory {
  /** What stands on disk, by name, where this process knows it. */
  const known = new Map<string, string>()
  const yamlFiles = createYamlFiles(directory)
  let queue: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isClosed) throw new Error('The state directory is closed')
    const done = queue.then(work)
    // The caller sees a rejection; the next in turn must not.
    queue = done.catch(() => undefined)
    return done
  }
  const read = async (name: string): Promise<StateRead> => {
    const path = pathOf(directory, name)
    try {
      const text = await readFile(path, 'utf8')
      const checked = decodeDocument(text)
      if (checked.kind === 'damaged') return damaged(path, checked.reason)
      known.set(name, text)
      return { kind: 'found', value: checked.value }
    } catch (error) {
      if (isMissing(error)) return { kind: 'absent' }
      const { reason, remedy } = explainIo(error)
      return { kind: 'damaged', reason: `${path} cannot be read: ${reason}`, remedy }
    }
  }
  const write = async (name: string, text: string): Promise<StateWrite> => {
    const path = pathOf(directory, name)
    try {
      if (known.get(name) === text) return { kind: 'unchanged' }
      known.delete(name)
      await writeAtomically(path, text, { mode: 0o600, isDurable: true })
      known.set(name, text)
      return { kind: 'written' }
    } catch (error) {
      const { reason, remedy } = explainIo(error)
      return { kind: 'failed', reason: `${path} cannot be written: ${reason}`, remedy }
    }
  }

  return {
    read: (name) => inTurn(() => read(name)),
    write: (name, value) => {
      const text = encodeDocument(value)
      return inTurn(() => write(name, text))
    },
    syncYamlFiles: (subdirectory, files) => {
      const now = new Map(files)
      return inTurn(() => yamlFiles.sync(subdirectory, now))
    },
    close: async () => {
      if (isClosed) return
      isClosed = true
      await queue
      // A lock that cannot be removed now is taken over by the next process, because this one has ended.
      await release().catch(() => undefined)
    },
  }
}

function pathOf(directory: string, name: string): string {
  return join(directory, `${fileNameOf(name)}.json`)
}

function damaged(path: string, reason: string): StateRead {
  return {
    kind: 'damaged',
    reason: `${path} is damaged: ${reason}`,
    remedy: 'Restore the file from a backup, or remove it to begin without what it held.',
  }
}

function heldBy(directory: string, holder: LockHolder | undefined): StateOpening {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`
  return {
    kind: 'held',
    holder,
    reason: `the state directory ${directory} is in use by ${who}`,
    remedy: `End that process or use another directory. If it is on a host that is gone, remove ${join(directory, 'lock')}.`,
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory)
  await Promise.all(names.filter(isTemporaryName).map((name) => rm(join(directory, name), { force: true })))
}
