import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { explainIo, isMissing } from './io-error.ts'
import { inParallel } from './in-parallel.ts'
import { fileTooLarge, maxFileBytes } from './manifest.ts'
import type { FileFault } from './source.ts'

/** A file as a scan saw it. An equal stamp means an unchanged file. */
export type Sighting =
  | { readonly kind: 'readable'; readonly stamp: string }
  | { readonly kind: 'faulted'; readonly stamp: string; readonly fault: FileFault }

/** What stands in a manifest directory. `unavailable`: nothing can be concluded about any file. */
export type Scan =
  | {
      readonly kind: 'listed'
      /** By path relative to the directory. */
      readonly files: ReadonlyMap<string, Sighting>
      /** Relative paths of directories whose contents are unknown for now, each ending in a slash. */
      readonly unreadable: readonly string[]
      readonly faults: readonly FileFault[]
    }
  | { readonly kind: 'unavailable'; readonly fault: FileFault }

/** True for what is read as a manifest. Hidden files and what editors leave beside a file have other names. */
function isManifestName(name: string): boolean {
  return !name.startsWith('.') && /\.(?:yaml|yml|json)$/.test(name)
}

/** Lists all manifests in `directory` and below, through symbolic links, without hidden ones (leading dot). */
export async function scanDirectory(directory: string): Promise<Scan> {
  const files = new Map<string, Sighting>()
  const unreadable: string[] = []
  const faults: FileFault[] = []
  const candidates: string[] = []

  const list = async (relative: string, above: readonly string[]): Promise<FileFault | undefined> => {
    const path = join(directory, relative)
    try {
      const identity = inodeOf(await stat(path))
      if (above.includes(identity)) {
        faults.push(directoryLoop(path))
        return undefined
      }
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const inner = `${relative}${entry.name}`
        if (entry.name.startsWith('.')) continue
        if (await isDirectory(join(directory, inner), entry)) await listInner(`${inner}/`, [...above, identity])
        else if (isManifestName(entry.name)) candidates.push(inner)
        else if (await isDangling(join(directory, inner), entry))
          hide(`${inner}/`, danglingLink(join(directory, inner)))
      }
      return undefined
    } catch (error) {
      return directoryUnreadable(path, error)
    }
  }
  const listInner = async (relative: string, above: readonly string[]): Promise<void> => {
    const fault = await list(relative, above)
    if (fault === undefined || !(await exists(join(directory, relative.slice(0, -1))))) return
    hide(relative, fault)
  }
  const hide = (relative: string, fault: FileFault): void => {
    unreadable.push(relative)
    faults.push(fault)
  }

  const fault = await list('', [])
  if (fault !== undefined) return { kind: 'unavailable', fault }
  await inParallel(candidates, async (relative) => {
    const sighting = await sightFile(join(directory, relative))
    if (sighting !== undefined) files.set(relative, sighting)
  })
  return { kind: 'listed', files, unreadable, faults }
}

export function fileUnreadable(path: string, error: unknown): FileFault {
  const { reason, remedy } = explainIo(error)
  return faultAt(path, 'file-unreadable', `the file cannot be read: ${reason}`, remedy)
}

/** Changes whenever content, permissions or the file behind a symbolic link change. */
export function stampOf(stats: Stats): string {
  return `${inodeOf(stats)}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`
}

function inodeOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`
}

/** Which directory (through links) stands at a path now; undefined where none can be seen. */
export async function identityOf(path: string): Promise<string | undefined> {
  return stat(path).then(inodeOf, () => undefined)
}

/** undefined: there is no such file any more. */
async function sightFile(path: string): Promise<Sighting | undefined> {
  try {
    const stats = await stat(path)
    if (!stats.isFile())
      return faulted(faultAt(path, 'file-not-regular', 'this is no regular file', 'Remove it or rename it.'))
    if (stats.size > maxFileBytes) return faulted(fileTooLarge(path))
    return { kind: 'readable', stamp: stampOf(stats) }
  } catch (error) {
    // A link that leads nowhere still stands in the directory: nobody has deleted it.
    if (isMissing(error) && !(await exists(path))) return undefined
    return faulted(fileUnreadable(path, error))
  }
}

function faulted(fault: FileFault): Sighting {
  return { kind: 'faulted', stamp: `${fault.code}: ${fault.message}`, fault }
}

async function isDirectory(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  // A link that cannot be followed counts as a file: its own sighting tells what is wrong.
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

/** A link that leads nowhere may have been one to a directory: its files are not deleted, they are out of reach. */
async function isDangling(path: string, entry: Dirent): Promise<boolean> {
  return entry.isSymbolicLink() && !(await exists(path, stat))
}

async function exists(path: string, look = lstat): Promise<boolean> {
  return look(path).then(
    () => true,
    (error: unknown) => !isMissing(error),
  )
}

function directoryLoop(path: string): FileFault {
  return faultAt(path, 'directory-loop', 'a symbolic link leads back to a directory above it', 'Remove the link.')
}

function danglingLink(path: string): FileFault {
  const message = 'the link leads nowhere. What was last read from below it stays in force'
  return faultAt(path, 'directory-unreadable', message, 'Bring back what it leads to, or remove the link.')
}

function directoryUnreadable(path: string, error: unknown): FileFault {
  const { reason, remedy } = explainIo(error)
  const message = `the directory cannot be listed: ${reason}. What was last read from it stays in force`
  return faultAt(path, 'directory-unreadable', message, remedy)
}

function faultAt(file: string, code: string, message: string, remedy: string): FileFault {
  return { code, file, line: undefined, column: undefined, message, remedy }
}
