import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

test('a command whose reader has gone ends at once, without a word', { timeout: 20_000 }, async (context) => {
  const url = new URL('./reader.ts', import.meta.url).href
  const script = `import { endWithReader } from '${url}'
    endWithReader()
    setInterval(() => process.stdout.write('line\\n'), 5)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  context.after(() => child.kill('SIGKILL'))
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  await once(child.stdout, 'data')
  child.stdout.destroy()
  assert.deepEqual(await once(child, 'close'), [141, null])
  assert.equal(complaints, '')
})
