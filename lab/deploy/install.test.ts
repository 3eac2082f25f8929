// docs/operate/install.md as a person follows it, against a real API server: once with Helm, once with the plain manifests. Blocks that
// cannot be run here say so in the page; this test counts them, so that there are no more than the page admits.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { ensurePrograms } from '../cluster/binaries.ts'
import { clusterSkip } from '../cluster/capability.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { eventually } from '../harness/eventually.ts'
import { root } from './helm.ts'

/** One block of commands, with what the page says of it in the comment before. */
interface Step {
  readonly script: string
  readonly only: 'helm' | 'manifests' | undefined
  readonly notRun: boolean
  /** What the commands print on standard error when they fail, which they are to do. */
  readonly fails: string | undefined
}

const page = readFileSync(join(root, 'docs/operate/install.md'), 'utf8')

const steps: readonly Step[] = [...page.matchAll(/(?:<!-- (.*) -->\n)?```sh\n([\s\S]*?)```/g)].map(
  ([, note = '', script = '']) => ({
    script,
    only: note === 'helm' || note === 'manifests' ? note : undefined,
    notRun: note.startsWith('not run: '),
    fails: /^fails: (.*)$/.exec(note)?.[1],
  }),
)

test('six blocks of the page are not run, and it says why', () => {
  assert.equal(steps.filter(({ notRun }) => notRun).length, 6)
  assert.ok(steps.length > 20)
})

for (const way of ['helm', 'manifests'] as const) {
  describe(`docs/operate/install.md with ${way}`, { skip: clusterSkip('helm') }, () => {
    const cluster = useCluster()

    test('every command works as written', async () => {
      const home = mkdtempSync(join(tmpdir(), 'holdfast-install-'))
      try {
        const { helm } = await ensurePrograms(['helm'])
        const PATH = [dirname(helm), dirname(cluster().kubectlPath), process.env['PATH']].join(':')
        // A file of its own: the harness writes its own anew for each command.
        const KUBECONFIG = join(home, 'kubeconfig')
        copyFileSync(cluster().kubeconfig(), KUBECONFIG)
        const env = { PATH, HOME: home, KUBECONFIG }
        for (const step of steps.filter(({ notRun, only = way }) => !notRun && only === way)) {
          await follow(step, env, () => finalize(cluster()))
        }
        const { stdout } = await cluster().kubectlResult(['get', 'crds,clusterroles', '-o', 'name'])
        assert.doesNotMatch(stdout, /metallb\.io|holdfast/)
      } finally {
        rmSync(home, { recursive: true, force: true })
      }
    })
  })
}

type Environment = Readonly<Record<string, string>>

async function follow({ script, fails }: Step, env: Environment, meanwhile: () => Promise<void>): Promise<void> {
  const child = spawn('sh', ['-eu', '-c', script], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const closed = once(child, 'close')
  await eventually(
    `the commands end:\n${script}`,
    async () => {
      await meanwhile()
      return child.exitCode
    },
    (code) => assert.notEqual(code, null, text),
    { timeoutMs: 120_000 },
  )
  await closed
  if (fails === undefined) assert.equal(child.exitCode, 0, `${script}\n${text}`)
  else assert.ok(child.exitCode !== 0 && text.includes(fails), `${script}\n${text}`)
}

/** What a cluster's namespace controller does with a namespace that is deleted and empty. */
async function finalize(cluster: Cluster): Promise<void> {
  const path = '/api/v1/namespaces/metallb-system'
  const { code, stdout } = await cluster.kubectlResult(['get', '--raw', path])
  if (code !== 0 || !stdout.includes('"deletionTimestamp"')) return
  const { metadata } = JSON.parse(stdout) as { readonly metadata: unknown }
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata, spec: { finalizers: [] } }
  await cluster.kubectlResult(['replace', '--raw', `${path}/finalize`, '-f', '-'], { stdin: JSON.stringify(body) })
}
