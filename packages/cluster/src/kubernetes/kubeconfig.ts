import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { explainIo, isMissing } from '../io-error.ts'
import { refusal, type CredentialsResult } from './credentials-types.ts'
import { textAt } from './json-fields.ts'
import { isFields, type Fields } from './plain-data.ts'

/** An entry of a kubeconfig's list, and the folder that its relative paths start from. */
export interface Placed {
  readonly fields: Fields
  readonly folder: string
}

/** Several kubeconfig files as one. */
export interface Kubeconfig {
  readonly currentContext: string | undefined
  readonly contexts: ReadonlyMap<string, Placed>
  readonly clusters: ReadonlyMap<string, Placed>
  readonly users: ReadonlyMap<string, Placed>
}

/** What a context leads to. */
export interface KubeconfigContext {
  readonly name: string
  readonly namespace: string | undefined
  readonly cluster: Placed
  readonly user: Placed
}

/**
 * Reads kubeconfig files as kubectl merges them: of two entries with the same name the first file's counts, as of two
 * current contexts. Files that do not exist are skipped where there are several; undefined: none exists.
 */
export async function readKubeconfig(paths: readonly string[]): Promise<CredentialsResult<Kubeconfig | undefined>> {
  const files: (readonly [Fields, string])[] = []
  for (const path of paths) {
    const file = await readOne(path)
    if (file.kind === 'fault') return file
    if (file.value !== undefined) files.push([file.value, dirname(path)])
  }
  if (files.length === 0) return { kind: 'ok', value: undefined }
  return { kind: 'ok', value: merged(files) }
}

/** The context of that name, or the current one. */
export function contextOf(config: Kubeconfig, asked: string | undefined): CredentialsResult<KubeconfigContext> {
  const chosen = choose(config, asked ?? config.currentContext ?? '')
  if (chosen.kind === 'fault') return chosen
  const { name, context } = chosen.value
  const cluster = named(config.clusters, 'cluster', { context: name, entry: textAt(context, 'cluster') ?? '' })
  if (cluster.kind === 'fault') return cluster
  const userName = textAt(context, 'user') ?? ''
  const nobody = { kind: 'ok', value: { fields: {}, folder: cluster.value.folder } } as const
  const user = userName === '' ? nobody : named(config.users, 'user', { context: name, entry: userName })
  if (user.kind === 'fault') return user
  const namespace = textAt(context, 'namespace')
  const value = { name, namespace: namespace === '' ? undefined : namespace, cluster: cluster.value, user: user.value }
  return { kind: 'ok', value }
}

function choose(
  { contexts }: Kubeconfig,
  name: string,
): CredentialsResult<{ readonly name: string; readonly context: Fields }> {
  if (name === '') return refusal('the kubeconfig has no current-context', `Choose one: ${listed(contexts)}.`)
  const context = contexts.get(name)?.fields
  if (context !== undefined) return { kind: 'ok', value: { name, context } }
  return refusal(`the kubeconfig has no context "${name}"`, `It has ${listed(contexts)}.`)
}

function named(
  entries: ReadonlyMap<string, Placed>,
  part: string,
  { context, entry }: { readonly context: string; readonly entry: string },
): CredentialsResult<Placed> {
  const found = entries.get(entry)
  if (found !== undefined) return { kind: 'ok', value: found }
  const reason = `context "${context}" of the kubeconfig names the ${part} "${entry}", which is not there`
  return refusal(reason, `It has ${listed(entries)}.`)
}

/** A path as the entry means it: from the folder of its file. */
export const pathIn = ({ folder }: Placed, path: string): string => (isAbsolute(path) ? path : join(folder, path))

const listed = (entries: ReadonlyMap<string, unknown>): string =>
  entries.size === 0 ? 'none' : [...entries.keys()].map((name) => `"${name}"`).join(', ')

async function readOne(path: string): Promise<CredentialsResult<Fields | undefined>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return { kind: 'ok', value: undefined }
    const { reason, remedy } = explainIo(error)
    return refusal(`the kubeconfig ${path} cannot be read: ${reason}`, remedy)
  }
  const json = jsonIn(text)
  if (json !== undefined) return { kind: 'ok', value: json }
  // Not loaded in a pod, which has no such file.
  const { parseDocument } = await import('yaml')
  // The parser's own messages quote lines of the file, and these hold secrets.
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'silent' })
  const [error] = document.errors
  if (error !== undefined) {
    const line = error.linePos?.[0].line
    const where = line === undefined ? '' : ` at line ${line}`
    return refusal(`the kubeconfig ${path} is no YAML${where}`, 'Correct it; kubectl config view shows how it is read.')
  }
  const value: unknown = document.toJS()
  if (value === null) return { kind: 'ok', value: {} }
  if (isFields(value)) return { kind: 'ok', value }
  return refusal(`the kubeconfig ${path} is no mapping`, 'Correct the path, or the file.')
}

/** The mapping, where all of the file is one in JSON; anything else is left to YAML. */
function jsonIn(text: string): Fields | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

function merged(files: readonly (readonly [Fields, string])[]): Kubeconfig {
  const contexts = new Map<string, Placed>()
  const clusters = new Map<string, Placed>()
  const users = new Map<string, Placed>()
  let currentContext: string | undefined
  for (const [file, folder] of files) {
    const current = textAt(file, 'current-context')
    if (currentContext === undefined && current !== undefined && current !== '') currentContext = current
    collect(contexts, file['contexts'], 'context', folder)
    collect(clusters, file['clusters'], 'cluster', folder)
    collect(users, file['users'], 'user', folder)
  }
  return { currentContext, contexts, clusters, users }
}

function collect(entries: Map<string, Placed>, list: unknown, part: string, folder: string): void {
  if (!Array.isArray(list)) return
  for (const entry of list as readonly unknown[]) {
    if (!isFields(entry)) continue
    const name = textAt(entry, 'name')
    const fields = entry[part]
    if (name !== undefined && !entries.has(name)) entries.set(name, { fields: isFields(fields) ? fields : {}, folder })
  }
}
