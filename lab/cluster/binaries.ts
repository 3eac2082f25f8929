// Where the programs of a Kubernetes control plane come from: a folder that the user names, the distribution, or a cache
// that is filled from the published Go modules.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { buildPrograms } from './go-build.ts'
import type { GoProgram } from './go-programs.ts'
import { goPrograms, isGoProgram } from './go-programs.ts'

export type ProgramName = 'etcd' | GoProgram

/** What a cluster runs on. */
export const clusterPrograms: readonly ProgramName[] = ['etcd', 'kube-apiserver', 'kubectl']

/** What the suites use, all in all. */
export const labPrograms: readonly ProgramName[] = [...clusterPrograms, 'kube-proxy', 'helm']

export const isProgram = (name: string): name is ProgramName => name === 'etcd' || isGoProgram(name)

export type Location =
  | { readonly kind: 'found'; readonly path: string }
  /** Not there yet; `ensurePrograms` builds it into this place. */
  | { readonly kind: 'buildable'; readonly path: string }
  | { readonly kind: 'missing'; readonly reason: string }

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where a program is, or how it can be had: `KUBEBUILDER_ASSETS` first (the convention of controller-runtime's envtest), then
 * the cache; etcd from the distribution.
 */
export function locate(name: ProgramName, env: Environment = process.env): Location {
  const assets = env['KUBEBUILDER_ASSETS']
  const given = assets === undefined || assets === '' ? undefined : join(assets, name)
  if (given !== undefined && isExecutable(given)) return { kind: 'found', path: given }
  return isGoProgram(name) ? locateBuilt(name, env, given) : locateEtcd(env)
}

/**
 * The paths of the programs, of which those that are missing are built first. That takes minutes, once for each version.
 * @throws Error where one can be neither found nor built; the message says what to install.
 */
export async function ensurePrograms<Name extends ProgramName>(
  names: readonly Name[],
  env: Environment = process.env,
): Promise<Readonly<Record<Name, string>>> {
  const wanted = names.filter((name) => locate(name, env).kind === 'buildable').filter((name) => isGoProgram(name))
  const go = findGo(env)
  if (wanted.length > 0 && go !== undefined) await buildPrograms({ go, cache: cacheFolder(env), programs: wanted })
  const paths = names.map((name): readonly [Name, string] => {
    const location = locate(name, env)
    if (location.kind === 'found') return [name, location.path]
    throw new Error(location.kind === 'missing' ? location.reason : `${name} was built and is not at ${location.path}`)
  })
  return Object.fromEntries(paths) as Record<Name, string>
}

function locateBuilt(name: GoProgram, env: Environment, given: string | undefined): Location {
  const path = join(cacheFolder(env), goPrograms[name].folder, name)
  if (isExecutable(path)) return { kind: 'found', path }
  if (findGo(env) !== undefined) return { kind: 'buildable', path }
  const looked = given === undefined ? path : `${given}, ${path}`
  const remedy = 'install Go 1.26 or later (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder that has it'
  return { kind: 'missing', reason: `${name} missing (${looked}): ${remedy}` }
}

function locateEtcd(env: Environment): Location {
  const path = onPath('etcd', env, ['/usr/bin'])
  return path === undefined
    ? { kind: 'missing', reason: 'etcd missing (package etcd-server, or in the folder that KUBEBUILDER_ASSETS names)' }
    : { kind: 'found', path }
}

const findGo = (env: Environment): string | undefined => onPath('go', env, ['/usr/local/go/bin'])

/** `XDG_CACHE_HOME` as the XDG base directory specification has it. */
function cacheFolder(env: Environment): string {
  const named = [env['HOLDFAST_CACHE'], env['XDG_CACHE_HOME']].find((folder) => folder !== undefined && folder !== '')
  return join(named ?? join(homedir(), '.cache'), 'holdfast')
}

function onPath(program: string, env: Environment, others: readonly string[]): string | undefined {
  const folders = [...(env['PATH'] ?? '').split(':').filter((folder) => folder !== ''), ...others]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
