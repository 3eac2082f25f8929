import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A published package, code of which is in the bundle. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly licence: string
  /** Path of its text. */
  readonly file: string
}

/** Beside the code: the text of every licence. */
export const licencesFile = 'THIRD-PARTY-LICENSES.txt'

/** The packages that modules belong to, by name. Those of this workspace are not among them. Throws where one has no licence. */
export function packagesOf(modules: readonly string[]): readonly BundledPackage[] {
  const folders = new Set(modules.filter((id) => id.includes('/node_modules/')).map(folderOf))
  return [...folders].map(packageAt).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Of the package, not of a part of it that has a package.json too. */
function folderOf(module: string): string {
  let folder = dirname(module.replace(/^\0/, ''))
  while (!/\/node_modules\/(@[^/]+\/)?[^/]+$/.test(folder)) folder = dirname(folder)
  return folder
}

function packageAt(folder: string): BundledPackage {
  const path = join(folder, 'package.json')
  const described: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
  if (!isDescription(described)) throw new Error(`${folder} does not say its name, version and licence`)
  const text = readdirSync(folder).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name))
  if (text === undefined) throw new Error(`${described.name} comes without the text of its licence`)
  const { name, version, license: licence } = described
  return { name, version, licence, file: join(folder, text) }
}

const isDescription = (
  value: unknown,
): value is { readonly name: string; readonly version: string; readonly license: string } =>
  typeof value === 'object' &&
  value !== null &&
  ['name', 'version', 'license'].every((field) => typeof Reflect.get(value, field) === 'string')
