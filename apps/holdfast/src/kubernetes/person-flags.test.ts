import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommanderError } from 'commander'
import type { DrainCommand } from '../node-drain/run.ts'
import { drainCommand } from './person-flags.ts'

async function drain(...words: readonly string[]): Promise<DrainCommand | string> {
  const given: DrainCommand[] = []
  const command = drainCommand({}, (one) => {
    given.push(one)
    return Promise.resolve()
  })
  command.exitOverride().configureOutput({ writeErr: () => undefined })
  try {
    await command.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.message
    throw error
  }
  const [one] = given
  assert.ok(one)
  return one
}

test('a time to wait for is refused where nothing is waited for, rather than passed over', async () => {
  assert.equal(await drain('node-a', '--timeout', '5'), 'error: --timeout is for --wait, which is not there')
  const waiting = await drain('node-a', '--wait', '--timeout', '5')
  assert.ok(typeof waiting === 'object')
  assert.deepEqual([waiting.node, waiting.isWaiting, waiting.timeoutMs], ['node-a', true, 5000])
})
