import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporaryName, writeAtomically } from './atomic-write.ts'
import { fileNameOf } from './file-name.ts'
import { inParallel } from './in-parallel.ts'
import { explainIo, isMissing } from './io-error.ts'

/** What a sync did. Files that failed are tried again with the next one. */
export interface YamlSync {
  readonly written: number
  readonly removed: number
  readonly failures: readonly YamlFailure[]
}

export interface YamlFailure {
  readonly file: string
  readonly reason: string
  readonly remedy: string
}

export interface YamlFiles {
  readonly sync: (subdirectory: string, files: ReadonlyMap<string, object>) => Promise<YamlSync>
}

const header = '# Written by Holdfast. It is replaced whenever the state changes: edits are lost.\n'

/** What stands in a file. `content` is undefined for one that an earlier run wrote. */
interface Written {
  readonly content: object | undefined
  readonly text: string
}

/** Directories of YAML files below `root` that follow maps of values, for people to read. */
export function createYamlFiles(root: string): YamlFiles {
  const directories = new Map<string, Map<string, Written>>()
  return {
    sync: async (subdirectory, files) => {
      const directory = join(root, fileNameOf(subdirectory))
      try {
        const present = directories.get(directory) ?? (await openDirectory(directory))
        directories.set(directory, present)
        return await syncDirectory(directory, present, files)
      } catch (error) {
        return { written: 0, removed: 0, failures: [failureOf(directory, error)] }
      }
    },
  }
}

async function syncDirectory(
  directory: string,
  present: Map<string, Written>,
  files: ReadonlyMap<string, object>,
): Promise<YamlSync> {
  const failures: YamlFailure[] = []
  const attempt = async (file: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failures.push(failureOf(join(directory, file), error))
    }
  }
  const wanted = new Map([...files].map(([name, content]) => [`${fileNameOf(name)}.yaml`, content]))
  let written = 0
  // Loaded by who writes such files: programs of a cluster have a state directory too, and no use for YAML.
  const { stringify } = await import('yaml')
  const changed = [...wanted].filter(([file, content]) => present.get(file)?.content !== content)
  await inParallel(changed, ([file, content]) =>
    attempt(file, async () => {
      const before = present.get(file)
      const text = header + stringify(content, { lineWidth: 0 })
      if (before?.text !== text) {
        await writeOwn(join(directory, file), text, before !== undefined)
        written += 1
      }
      present.set(file, { content, text })
    }),
  )
  let removed = 0
  const unwanted = [...present.keys()].filter((file) => !wanted.has(file))
  await inParallel(unwanted, (file) =>
    attempt(file, async () => {
      await rm(join(directory, file), { force: true })
      present.delete(file)
      removed += 1
    }),
  )
  return { written, removed, failures }
}

/** Puts a file in place, unless somebody else's stands there. */
async function writeOwn(path: string, text: string, isKnownOurs: boolean): Promise<void> {
  if (!isKnownOurs && !(await isFree(path))) throw new Error('a file that Holdfast did not write has this name')
  await writeAtomically(path, text, { mode: 0o644, isDurable: false })
}

async function isFree(path: string): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')).startsWith(header)
  } catch (error) {
    if (isMissing(error)) return true
    throw error
  }
}

async function openDirectory(directory: string): Promise<Map<string, Written>> {
  await mkdir(directory, { recursive: true })
  const present = new Map<string, Written>()
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    if (isTemporaryName(name)) await rm(path, { force: true })
    else if (name.endsWith('.yaml') && (await startsWithHeader(path))) {
      present.set(name, { content: undefined, text: await readFile(path, 'utf8') })
    }
  }
  return present
}

async function startsWithHeader(path: string): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(header.length), 0, header.length, 0)
    return buffer.toString('utf8', 0, bytesRead) === header
  } finally {
    await file.close()
  }
}

function failureOf(file: string, error: unknown): YamlFailure {
  return { file, ...explainIo(error) }
}
