import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const marker = '.holdfast-tmp-'

/** How a file is put in place. */
export interface WriteOptions {
  readonly mode: number
  /** True: the new content survives a power cut once the call resolves. False: then the old one, or none, may be found. */
  readonly isDurable: boolean
}

/**
 * Replaces a file in one step: whoever reads it, at whatever moment this process dies, finds the old content or the new one,
 * never a mixture. Rejects with the error of the system call that failed; then the old content stays.
 */
export async function writeAtomically(path: string, text: string, options: WriteOptions): Promise<void> {
  const temporary = join(dirname(path), `${marker}${basename(path).slice(0, 100)}-${randomUUID()}`)
  try {
    const file = await open(temporary, 'wx', options.mode)
    try {
      await file.writeFile(text)
      if (options.isDurable) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  // The rename itself is durable only when the directory is (fsync(2)).
  if (options.isDurable) await syncDirectory(dirname(path))
}

/** True for what an interrupted `writeAtomically` has left behind. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(marker)
}

/** Has names that were given or taken in a directory outlast a power cut (fsync(2)). */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
