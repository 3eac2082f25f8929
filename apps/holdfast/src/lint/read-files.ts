import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { RawObject } from '@holdfast/model'
import { StartUpError } from '../start-up-error.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

/** The objects of manifests, and a finding for each thing in them that is no manifest. */
export interface FileObjects {
  readonly objects: readonly RawObject[]
  readonly findings: readonly Finding[]
}

/** Reads files, and every .yaml, .yml and .json file below directories. Throws `StartUpError` where one cannot be read. */
export async function readFiles(paths: readonly string[]): Promise<FileObjects> {
  const objects: RawObject[] = []
  const findings: Finding[] = []
  for (const file of await filesAt(paths)) {
    const manifest = parseManifest(file, await reading(file, () => readFile(file, 'utf8')))
    objects.push(...manifest.objects)
    for (const { message, remedy, line } of manifest.faults) {
      const place = line === undefined ? file : `${file}:${line}`
      findings.push(finding('unreadable-file', [], { message: `${place}: ${message}`, remedy }))
    }
  }
  return { objects, findings }
}

async function filesAt(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const path of paths) {
    const isDirectory = (await reading(path, () => stat(path))).isDirectory()
    if (!isDirectory) files.push(path)
    else {
      const names = await reading(path, () => readdir(path, { recursive: true }))
      files.push(
        ...names
          .filter(isManifest)
          .sort()
          .map((name) => join(path, name)),
      )
    }
  }
  return files
}

/** Hidden files are somebody else's. */
const isManifest = (name: string): boolean => /\.(?:ya?ml|json)$/.test(name) && !/(?:^|\/)\./.test(name)

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw new StartUpError(
      `cannot read ${path}: ${whyNot(error)}`,
      'Name manifests or directories of them, or nothing for the cluster.',
    )
  }
}

const obstacles: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not',
}

function whyNot(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException
  return obstacles[code] ?? (error instanceof Error ? error.message : String(error))
}
