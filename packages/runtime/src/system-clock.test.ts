import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'
import { systemClock } from './system-clock.ts'
import { describeClockContract } from './testing/clock-contract.ts'

const nextTurn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve))
}

describeClockContract('systemClock', () => ({
  clock: systemClock(),
  elapse: async (condition) => {
    while (!condition()) await nextTurn()
  },
}))

it('systemClock chains the timers of an alarm that Node could not wait for in one', (t) => {
  let nowMs = 1000
  t.mock.method(performance, 'now', () => nowMs)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const longest = 2 ** 31 - 1
  const rungAt: number[] = []
  systemClock().after(3 * longest + 10, () => rungAt.push(nowMs))
  const pass = (ms: number): void => {
    nowMs += ms
    t.mock.timers.tick(ms)
  }
  for (let chained = 0; chained < 3; chained += 1) pass(longest)
  pass(9)
  assert.deepEqual(rungAt, [])
  pass(1)
  assert.deepEqual(rungAt, [1000 + 3 * longest + 10])
})

it('a cancelled alarm does not keep the program alive', () => {
  const url = new URL('./system-clock.ts', import.meta.url).href
  const script = `import { systemClock } from '${url}'; systemClock().after(600_000, () => {}).cancel()`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
  assert.equal(child.status, 0, child.stderr.toString())
})

it('a cancelled alarm does not keep what it would have called', async () => {
  const url = new URL('./system-clock.ts', import.meta.url).href
  const script = `
    import { systemClock } from '${url}'
    const weigh = () => { const heavy = { a: 1 }; return [new WeakRef(heavy), systemClock().after(1e9, () => heavy)] }
    const [reference, alarm] = weigh()
    alarm.cancel()
    await new Promise(resolve => setImmediate(resolve))
    gc()
    process.exitCode = reference.deref() === undefined ? 0 : 1
    globalThis.kept = alarm`
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], { stdio: 'inherit' })
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
