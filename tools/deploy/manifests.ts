import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pages.ts'

export const folder = join(root, 'deploy/manifests')

const namespace = 'metallb-system'

const head = (what: string): string =>
  `# ${what} Written by "npm run manifests" from deploy/helm/holdfast: change it there.\n`

/** The plain manifests, as the chart's defaults make them: texts by file name. `helm` is the path of the program. */
export function manifestFiles(helm: string): ReadonlyMap<string, string> {
  const chart = join(root, 'deploy/helm/holdfast')
  const rendered = execFileSync(
    helm,
    ['template', 'holdfast', chart, '--namespace', namespace, '--set', 'crds.enabled=false'],
    { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return new Map([
    [
      'namespace-and-crds.yaml',
      `${head('Where Holdfast runs, and the kinds of object that it reads. Deleting this deletes every pool and peer.')}${foundation()}`,
    ],
    ['holdfast.yaml', `${head('Both programs and what they may do.')}${withoutHelm(rendered)}`],
  ])
}

function foundation(): string {
  const crds = join(root, 'deploy/crds')
  const made = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace,
      labels: Object.fromEntries(
        ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'privileged']),
      ),
    },
  }
  const definitions = readdirSync(crds)
    .sort()
    .map((file) => readFileSync(join(crds, file), 'utf8'))
  return [yamlOf(made), ...definitions.map((text) => text.replace(/^#.*\n/, ''))].map((text) => `---\n${text}`).join('')
}

interface Tree {
  readonly [key: string]: string | Tree
}

/** Texts in objects, as YAML. */
const yamlOf = (tree: Tree, indent = ''): string =>
  Object.entries(tree)
    .map(([key, value]) =>
      typeof value === 'string' ? `${indent}${key}: ${value}\n` : `${indent}${key}:\n${yamlOf(value, `${indent}  `)}`,
    )
    .join('')

/** Nothing that says Helm manages it. */
const withoutHelm = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !/^\s*(helm\.sh\/chart:|app\.kubernetes\.io\/managed-by: Helm|# Source:)/.test(line))
    .join('\n')
