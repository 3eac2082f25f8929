import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { Json } from '../harness/json.ts'
import { ensurePrograms } from '../cluster/binaries.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const chart = join(root, 'deploy/helm/holdfast')

/** Where plain manifests and the chart's own examples install to: MetalLB's namespace, since its objects are there. */
export const namespace = 'metallb-system'

/** An object of MetalLB's group. */
export const metallb = (version: string, kind: string, name: string, spec: object): object => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace },
  spec,
})

export interface HelmResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs helm with none of the user's own repositories and plug-ins. */
export async function helmResult(args: readonly string[], kubeconfig?: string): Promise<HelmResult> {
  const { helm } = await ensurePrograms(['helm'])
  const home = mkdtempSync(join(tmpdir(), 'holdfast-helm-'))
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
  }
  try {
    return await new Promise((resolve) => {
      execFile(helm, args, { env, maxBuffer: 64 << 20, timeout: 120_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      })
    })
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** Standard output; rejects with what helm said where it fails. */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<string> {
  const { code, stdout, stderr } = await helmResult(args, kubeconfig)
  if (code !== 0) throw new Error(`helm ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  return stdout
}

/** Values as a file that ends with `use`. JSON is YAML. */
export async function withValues<T>(values: unknown, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-values-'))
  const file = join(folder, 'values.yaml')
  writeFileSync(file, typeof values === 'string' ? values : JSON.stringify(values))
  try {
    return await use(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What `helm template` makes of values, as objects. */
export async function render(values: unknown = {}, ...more: readonly string[]): Promise<readonly Json[]> {
  const text = await withValues(values, (file) =>
    helm(['template', 'holdfast', chart, '--namespace', namespace, '--values', file, ...more]),
  )
  return objectsOf(text)
}

/** Documents of a YAML stream that are not empty. */
const objectsOf = (text: string): readonly Json[] =>
  parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'))
    const value: unknown = document.toJS()
    return value === null || value === undefined ? [] : [new Json(value)]
  })

/** `Deployment/holdfast-controller`. */
export const nameOf = (object: Json): string => `${object.at('kind').text()}/${object.at('metadata').at('name').text()}`

/** The one of that name; throws where it is not there. */
export function objectNamed(objects: readonly Json[], name: string): Json {
  const found = objects.find((object) => nameOf(object) === name)
  if (found === undefined) throw new Error(`no ${name} among ${objects.map(nameOf).join(', ')}`)
  return found
}

/** The first container of a workload. */
export function containerOf(workload: Json): Json {
  const [container] = podOf(workload).at('containers').list()
  if (container === undefined) throw new Error('no container')
  return container
}

export const podOf = (workload: Json): Json => workload.at('spec').at('template').at('spec')

export const argumentsOf = (workload: Json): readonly string[] =>
  containerOf(workload)
    .at('args')
    .list()
    .map((word) => word.text())
