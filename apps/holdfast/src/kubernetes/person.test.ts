import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { apiFault } from '@holdfast/cluster'
import { exitCode } from '../exit-codes.ts'
import { runExplain } from '../explain/run.ts'
import { runLint } from '../lint/run.ts'
import { runDrain } from '../node-drain/run.ts'
import { runOverview } from '../overview/run.ts'
import { runSupport } from '../support/run.ts'
import { ApiError, remedyFor } from './api-error.ts'
import type { PersonCommand } from './person.ts'
import { tellFailure, withCluster } from './person.ts'

interface Site {
  readonly command: PersonCommand
  readonly kubeconfig: string
  readonly url: string
  readonly said: () => string
}

const token = 'canary-4711'

/** A kubeconfig of a server that does with each connection what is given. */
async function site(t: TestContext, onConnection: (socket: Socket) => void): Promise<Site> {
  const server = createServer(onConnection).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `https://127.0.0.1:${address.port}`
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-person-'))
  t.after(() => rm(directory, { recursive: true }))
  const kubeconfig = join(directory, 'config')
  const context = { name: 'far away', context: { cluster: 'c', user: 'u' } }
  const config = {
    'current-context': 'far away',
    clusters: [{ name: 'c', cluster: { server: url } }],
    contexts: [context],
    users: [{ name: 'u', user: { token } }],
  }
  await writeFile(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }))
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0)
  const command = { kubeconfig, context: undefined, namespace: 'metallb-system', isJson: false }
  return { command, kubeconfig, url, said: () => said.join('') }
}

const withoutClass = { loadBalancerClass: undefined, ignoreExcludeLB: false }
const drain = { node: 'node-a', reason: undefined, isWaiting: false, timeoutMs: undefined }

const commands: Readonly<Record<string, (command: PersonCommand) => Promise<number>>> = {
  status: (command) => runOverview({ ...command, loadBalancerClass: undefined }),
  'explain service': (command) =>
    runExplain({ ...command, ...withoutClass, serviceNamespace: 'shop', serviceName: 'web' }),
  lint: (command) => runLint({ ...command, paths: [], loadBalancerClass: undefined, bgpType: undefined }),
  support: (command) =>
    runSupport({ ...command, ...withoutClass, file: '/nowhere/bundle', hasLogs: false, isAnonymous: false }),
  drain: (command) => runDrain({ ...command, ...drain, isUndrain: false }),
  undrain: (command) => runDrain({ ...command, ...drain, isUndrain: true }),
}

describe('where an API server does not answer, each command says which one was asked, by what, and how to look', () => {
  for (const [name, run] of Object.entries(commands)) {
    test(name, async (t) => {
      // Ends every connection before it has said a word.
      const { command, kubeconfig, url, said } = await site(t, (socket) => socket.destroy())
      const code = await run(command)
      t.mock.restoreAll()
      assert.equal(code, exitCode.startUp)
      const [what = '', why = ''] = said().split('\n')
      assert.match(what, /^holdfast: cannot read .*: 127\.0\.0\.1:\d+ cannot be reached: /)
      const kubectl = `kubectl --kubeconfig ${kubeconfig} --context 'far away'`
      assert.equal(
        why.trim(),
        `Asked was ${url}, from ${kubeconfig}, context "far away". Look whether it answers anybody: ${kubectl} get --raw /readyz`,
      )
      assert.ok(!said().includes(token))
    })
  }
})

test('a request that is refused says which right is missing and which role has it', async (t) => {
  const { command, said } = await site(t, () => undefined)
  const fault = apiFault('forbidden', 'nodes is forbidden')
  const code = await withCluster(command, {}, () => {
    throw new ApiError('cannot read nodes', fault, 'the verb list on nodes')
  })
  t.mock.restoreAll()
  assert.equal(code, exitCode.startUp)
  assert.match(said(), /^holdfast: cannot read nodes: nodes is forbidden\n {2}You need the verb list on nodes: ask/)
  assert.match(said(), / Asked was https:\S+, from .* What you have there: kubectl .* 'far away' auth can-i --list\n$/)
})

test('no outcome of a request leaves a person with nothing but "try again"', () => {
  const place = { url: 'https://192.0.2.1:6443', origin: 'the service account of this pod', kubectl: 'kubectl' }
  const codes = ['timeout', 'unreachable', 'serverError', 'tooManyRequests', 'badAnswer'] as const
  for (const code of codes)
    assert.match(remedyFor({ code }, '', place), /192\.0\.2\.1:6443.* kubectl get --raw \/readyz$/)
})

test('a defect is none of the cluster, and is not told as one', () => {
  assert.throws(() => tellFailure(new TypeError('x')), TypeError)
})
