import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { exitCode } from '../exit-codes.ts'
import { withCluster } from './person.ts'

test('where an API server does not answer, it is said whose it is and how to look', async (t) => {
  // Ends every connection before it has said a word.
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-person-'))
  t.after(() => rm(directory, { recursive: true }))
  const kubeconfig = join(directory, 'config')
  const cluster = { name: 'c', cluster: { server: `https://127.0.0.1:${address.port}` } }
  const context = { name: 'far-away', context: { cluster: 'c', user: 'u' } }
  const user = { name: 'u', user: { token: 'x' } }
  const config = { 'current-context': 'far-away', clusters: [cluster], contexts: [context], users: [user] }
  await writeFile(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }))
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0)
  const command = { kubeconfig, context: undefined, namespace: 'metallb-system', isJson: false }
  const code = await withCluster(command, { Node: {} }, () => exitCode.ok)
  t.mock.restoreAll()
  assert.equal(code, exitCode.startUp)
  assert.match(said.join(''), /cannot read nodes/)
  assert.match(said.join(''), /It is the one of .*config, context "far-away"\./)
})
