import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import { createRandom, pass, settle } from '../testing/virtual-time.ts'
import { createWorkQueue, type WorkOutcome } from './work-queue.ts'

interface Begun {
  readonly key: string
  readonly atMs: number
  readonly finish: (outcome?: WorkOutcome) => Promise<void>
}

const done: WorkOutcome = { kind: 'done' }
const retry = (retryAfterMs?: number): WorkOutcome => ({ kind: 'retry', retryAfterMs })

function createWorld(concurrency = 1) {
  const clock = createVirtualClock()
  const begun: Begun[] = []
  const queue = createWorkQueue({
    clock,
    random: createRandom(7),
    concurrency,
    handle: async (key) => {
      const { promise, resolve } = Promise.withResolvers<WorkOutcome>()
      const finish = async (outcome = done): Promise<void> => {
        resolve(outcome)
        await settle()
      }
      begun.push({ key, atMs: clock.now(), finish })
      return await promise
    },
  })
  return { clock, queue, begun, keys: () => begun.map(({ key }) => key) }
}

describe('A work queue', () => {
  it('handles a key once, however often it was added before', async () => {
    const { queue, begun, keys, clock } = createWorld()
    for (const key of ['a', 'b', 'a', 'a', 'b']) queue.add(key)
    await settle()
    assert.deepEqual(keys(), ['a'])
    await begun[0]?.finish()
    await begun[1]?.finish()
    assert.deepEqual(keys(), ['a', 'b'])
    assert.deepEqual([queue.size(), clock.pending()], [0, 0])
  })

  it('handles again, after the others, what was added while it was handled, and never twice at a time', async () => {
    const { queue, begun, keys } = createWorld(2)
    queue.add('a')
    await settle()
    for (const key of ['a', 'b', 'a', 'c']) queue.add(key)
    await settle()
    assert.deepEqual(keys(), ['a', 'b'])
    await begun[0]?.finish()
    assert.deepEqual(keys(), ['a', 'b', 'c'])
    await begun[1]?.finish()
    assert.deepEqual(keys(), ['a', 'b', 'c', 'a'])
  })

  it('handles no more at a time than allowed', async () => {
    const { queue, begun, keys } = createWorld(3)
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key)
    await settle()
    assert.deepEqual(keys(), ['a', 'b', 'c'])
    await begun[1]?.finish()
    assert.deepEqual(keys(), ['a', 'b', 'c', 'd'])
  })

  it('does not let a key that is added without end hold up another', async () => {
    const { queue, begun, keys } = createWorld()
    queue.add('busy')
    await settle()
    queue.add('quiet')
    for (let turn = 0; turn < 3; turn += 1) {
      queue.add('busy')
      await begun[turn]?.finish()
    }
    assert.deepEqual(keys(), ['busy', 'quiet', 'busy', 'busy'].slice(0, keys().length))
    assert.equal(keys()[1], 'quiet')
  })

  it('tries again what failed, after waits that grow to 25 s, and begins anew after a success', async () => {
    const { queue, begun, clock } = createWorld()
    queue.add('a')
    await settle()
    for (let turn = 0; turn < 12; turn += 1) {
      await begun[turn]?.finish(retry())
      await pass(clock, 26_000)
    }
    const gaps = begun.slice(1).map(({ atMs }, index) => atMs - (begun[index]?.atMs ?? 0))
    const waits = gaps.map((gap) => gap % 26_000)
    assert.ok((waits[0] ?? 0) >= 100 && (waits[0] ?? 0) <= 200, waits.join())
    assert.ok((waits.at(-1) ?? 0) >= 12_500)
    await begun.at(-1)?.finish()
    const count = begun.length
    queue.add('a')
    await settle()
    await begun[count]?.finish(retry())
    await pass(clock, 200)
    assert.equal(begun.length, count + 2)
  })

  it('tries no failed key again before Retry-After, also when it is added meanwhile, and holds up no other for it', async () => {
    const { queue, begun, clock, keys } = createWorld()
    queue.add('a')
    await settle()
    await begun[0]?.finish(retry(5000))
    queue.add('a')
    queue.add('b')
    await pass(clock, 4999)
    assert.deepEqual(keys(), ['a', 'b'])
    await begun[1]?.finish()
    await pass(clock, 1100)
    assert.deepEqual(keys(), ['a', 'b', 'a'])
  })

  it('comes back to what asked for a later time, or at once where it is added', async () => {
    const { queue, begun, clock, keys } = createWorld()
    queue.add('a')
    await settle()
    await begun[0]?.finish({ kind: 'later', afterMs: 1000 })
    await pass(clock, 1000)
    assert.deepEqual(keys(), ['a', 'a'])
    await begun[1]?.finish({ kind: 'later', afterMs: 1000 })
    queue.add('a')
    await settle()
    assert.deepEqual(keys(), ['a', 'a', 'a'])
    await begun[2]?.finish()
    assert.deepEqual([queue.size(), clock.pending()], [0, 0])
  })

  it('stops when what is under way is done, and begins nothing more', async () => {
    const { queue, begun, clock, keys } = createWorld(2)
    for (const key of ['a', 'b', 'c']) queue.add(key)
    await settle()
    await begun[0]?.finish(retry())
    let isStopped = false
    const stopping = queue.stop().then(() => (isStopped = true))
    await pass(clock, 60_000)
    assert.equal(isStopped, false)
    queue.add('d')
    await begun[1]?.finish(retry())
    await begun[2]?.finish()
    await stopping
    assert.deepEqual(keys(), ['a', 'b', 'c'])
    assert.deepEqual([queue.size(), clock.pending()], [0, 0])
    await queue.stop()
  })
})
