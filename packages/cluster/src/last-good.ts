import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from './atomic-write.ts'
import { decodeDocument, encodeDocument } from './checked-document.ts'
import { explainIo, isMissing } from './io-error.ts'
import type { Manifest, PlacedDocument } from './manifest.ts'
import type { FileFault } from './source.ts'

/** Keeps the last good text of every manifest, so that a file which is broken at the next start costs nothing. */
export interface LastGood {
  /** The text last kept for a manifest; undefined where there is none, or none that is whole. */
  readonly recall: (path: string) => Promise<string | undefined>
  /** The manifests that texts are kept for. */
  readonly paths: () => Promise<readonly string[]>
  /** Keeps the text of a manifest without its Secrets; one without other objects is forgotten. */
  readonly keep: (path: string, manifest: Manifest) => void
  readonly forget: (path: string) => void
  /** Forgets all manifests but these. */
  readonly retain: (paths: ReadonlySet<string>) => void
  /** What stands in the way of keeping texts, if anything does. */
  readonly faults: () => readonly FileFault[]
  /** Resolves when all that was asked for is done. */
  readonly settled: () => Promise<void>
}

const suffix = '.last-good'

/**
 * Files of mode 0600 in a directory of mode 0700, one a manifest, named by a hash of its relative path. Secrets are never
 * written. A copy torn by a power cut is told by its checksum and counts as none, so no write waits for the disk.
 * `faultsChanged` is called when `faults` has something new to say.
 */
export function createLastGood(directory: string, faultsChanged: () => void): LastGood {
  /** What stands in the file of a manifest, where this process knows it. */
  const written = new Map<string, string>()
  let fault: FileFault | undefined
  let queue: Promise<void> = Promise.resolve()

  const enqueue = (work: () => Promise<void>): void => {
    queue = queue
      .then(work)
      .then(
        () => undefined,
        (error: unknown) => unwritable(directory, error),
      )
      .then((now) => {
        const hasChanged = now?.message !== fault?.message
        fault = now
        if (hasChanged) faultsChanged()
      })
  }
  const fileOf = (path: string): string => join(directory, nameOf(path))
  const forget = (path: string): void => {
    enqueue(async () => {
      written.delete(path)
      await rm(fileOf(path), { force: true })
    })
  }

  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(directory, { recursive: true })
    await chmod(directory, 0o700)
    await writeAtomically(fileOf(path), encodeDocument({ path, text }), { mode: 0o600, isDurable: false })
  }

  return {
    recall: async (path) => (await load(fileOf(path)))?.text,
    paths: async () => {
      const names = await readdir(directory).catch(() => [])
      const entries = await Promise.all(names.filter(isOurs).map((name) => load(join(directory, name))))
      return entries.flatMap((entry) => (entry === undefined ? [] : [entry.path]))
    },
    keep: (path, manifest) => {
      const text = withoutSecrets(manifest)
      if (text === undefined) {
        forget(path)
        return
      }
      enqueue(async () => {
        const before = written.get(path) ?? (await load(fileOf(path)))?.text
        if (before !== text) await write(path, text)
        written.set(path, text)
      })
    },
    forget,
    retain: (paths) => {
      enqueue(async () => {
        const wanted = new Set([...paths].map(nameOf))
        const names = await readdir(directory).catch((error: unknown) => {
          if (isMissing(error)) return []
          throw error
        })
        const unwanted = names.filter((name) => isOurs(name) && !wanted.has(name))
        await Promise.all(unwanted.map((name) => rm(join(directory, name), { force: true })))
      })
    },
    faults: () => (fault === undefined ? [] : [fault]),
    settled: () => queue,
  }
}

function nameOf(path: string): string {
  return `${createHash('sha256').update(path).digest('hex').slice(0, 40)}${suffix}`
}

function isOurs(name: string): boolean {
  return name.endsWith(suffix)
}

async function load(file: string): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const content = await readFile(file, 'utf8').catch(() => undefined)
  if (content === undefined) return undefined
  const checked = decodeDocument(content)
  if (checked.kind === 'damaged' || typeof checked.value !== 'object' || checked.value === null) return undefined
  const { path, text } = checked.value as { readonly path?: unknown; readonly text?: unknown } // both are checked next
  return typeof path === 'string' && typeof text === 'string' ? { path, text } : undefined
}

/**
 * The text without Secrets and without BGPPeers that carry a password, all else on the line where it was; undefined where
 * nothing is left.
 */
function withoutSecrets(manifest: Manifest): string | undefined {
  const isSecret = (value: Readonly<Record<string, unknown>>): boolean =>
    value['kind'] === 'Secret' || (value['kind'] === 'BGPPeer' && /\\?"password\\?":/i.test(JSON.stringify(value)))
  const rest = (document: PlacedDocument): readonly unknown[] =>
    document.parsed.objects.map(({ value }) => value).filter((value) => !isSecret(value))
  if (manifest.documents.every((document) => rest(document).length === 0)) return undefined
  return manifest.documents
    .map((document) => {
      const items = rest(document)
      if (items.length === document.parsed.objects.length) return document.parsed.text
      const lines = '\n'.repeat(document.parsed.text.split('\n').length - 1)
      return items.length === 0 ? lines : `--- ${JSON.stringify({ apiVersion: 'v1', kind: 'List', items })}${lines}`
    })
    .join('')
}

function unwritable(directory: string, error: unknown): FileFault {
  const { reason, remedy } = explainIo(error)
  return {
    code: 'last-good-unwritable',
    file: directory,
    line: undefined,
    column: undefined,
    message: `the last good manifests cannot be kept for the next start: ${reason}`,
    remedy,
  }
}
