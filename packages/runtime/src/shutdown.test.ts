import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { it } from 'node:test'

/** Starts a program that says `ready`, then says what happens to it. */
async function startProgram(body: string): Promise<{ child: ChildProcess; said: () => string; hears: typeof hears }> {
  const url = new URL('./shutdown.ts', import.meta.url).href
  const script = `import { onShutdown } from '${url}'
    const running = setInterval(() => {}, 1000)
    const say = text => process.stdout.write(text + '\\n')
    ${body}
    say('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const hears = async (word: string): Promise<void> => {
    while (!text.includes(word)) await once(child.stdout, 'data')
  }
  await hears('ready')
  return { child, said: () => text, hears }
}

it('the first signal runs the shutdown once, and the program ends by itself with code 0', async () => {
  const { child, said } = await startProgram(`
    onShutdown(async signal => { say('got ' + signal); clearInterval(running) })`)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.equal(said(), 'ready\ngot SIGTERM\n')
})

it('a signal that npm or the terminal doubles does not cut the shutdown short', async () => {
  const { child, said } = await startProgram(`
    onShutdown(async () => {
      say('begun')
      await new Promise(resolve => setTimeout(resolve, 200))
      say('done')
      clearInterval(running)
    })`)
  child.kill('SIGINT')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  assert.match(said(), /done/)
})

it('a second signal ends a shutdown that hangs, with the code of the signal', async () => {
  const { child, hears } = await startProgram(`
    onShutdown(() => { setTimeout(() => say('patience is over'), 400); return new Promise(() => {}) })`)
  child.kill('SIGINT')
  await hears('patience is over')
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [143, null])
})

it('a removed hook gives the signal its default effect back', async () => {
  const { child } = await startProgram(`onShutdown(async () => say('called')).remove()`)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
})
