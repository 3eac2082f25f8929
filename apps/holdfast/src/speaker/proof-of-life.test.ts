import type { KubeObject, MemoryApi, MemoryClient } from '@holdfast/cluster'
import { apiFault, createMemoryApi, resourceTypes } from '@holdfast/cluster'
import type { VirtualClock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { textAt } from '../kubernetes/fields-at.ts'
import type { Candidate } from './proof-of-life.ts'
import { livingOf } from './proof-of-life.ts'

const namespace = 'metallb-system'
const key = (name: string): { namespace: string; name: string } => ({ namespace, name })

/** An API server with NodeStates, and one who asks. */
class World {
  readonly clock: VirtualClock = createVirtualClock()
  readonly api: MemoryApi = createMemoryApi({ clock: this.clock })
  readonly client: MemoryClient = this.api.connect()
  readonly faults: string[] = []
  readonly #random = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

  candidate(node: string, ...services: readonly string[]): Candidate {
    const state = this.api.put(resourceTypes.NodeState, { metadata: key(node) })
    return { node, services: new Set(services), state }
  }

  question(node: string): string {
    return textAt(this.#read(node), 'spec', 'question', 'id')
  }

  /** As the speaker of the node does. */
  answer(node: string): void {
    this.api.put(resourceTypes.NodeState, { ...this.#read(node), status: { answer: this.question(node) } })
  }

  /** Lets time pass, and has those answer who do. Returns whom it found alive, sorted, and how long that took. */
  async ask(
    candidates: readonly Candidate[],
    answering: readonly string[],
  ): Promise<{ readonly living: readonly string[] | undefined; readonly tookMs: number }> {
    const { clock, client } = this
    const beganMs = clock.now()
    let result: { readonly living: ReadonlyMap<string, KubeObject> | undefined } | undefined
    void livingOf(
      {
        ...{ api: client, clock, namespace, node: 'node-z' },
        now: () => new Date(Date.UTC(2026, 0, 1) + clock.now()).toISOString(),
        random: () => this.#random.shift() ?? 0,
        failed: (verb, type) => this.faults.push(`${verb} ${type.plural}`),
      },
      candidates,
    ).then((living) => (result = { living }))
    for (;;) {
      for (let turn = 0; turn < 10; turn += 1) await setImmediate()
      if (result !== undefined) break
      for (const node of answering) if (this.question(node) !== '') this.answer(node)
      clock.advanceToNext()
    }
    const { living } = result
    return { living: living && [...living.keys()].sort(), tookMs: clock.now() - beganMs }
  }

  get writes(): number {
    return this.client.requests().filter(({ verb }) => verb === 'merge').length
  }

  #read(node: string): KubeObject {
    const state = this.api.read(resourceTypes.NodeState, key(node))
    assert.ok(state)
    return state
  }
}

test('no more are asked than it takes to have every Service', async () => {
  const world = new World()
  const candidates = [
    world.candidate('node-a', 'default/one'),
    world.candidate('node-b', 'default/one', 'default/two'),
    world.candidate('node-c', 'default/two'),
  ]
  assert.deepEqual(await world.ask(candidates, ['node-a', 'node-b', 'node-c']), { living: ['node-b'], tookMs: 500 })
  assert.equal(world.writes, 1)
})

test('where one does not answer others are asked, and the time is bounded', async () => {
  const world = new World()
  const candidates = [
    world.candidate('node-a', 'default/one'),
    world.candidate('node-b', 'default/one', 'default/two'),
    world.candidate('node-c', 'default/two', 'default/three'),
  ]
  const { living, tookMs } = await world.ask(candidates, ['node-a', 'node-c'])
  assert.deepEqual(living, ['node-a', 'node-c'])
  assert.equal(tookMs, 3500)
  assert.deepEqual(await world.ask([world.candidate('node-d', 'default/four')], []), { living: [], tookMs: 10_000 })
})

test('a question that nobody has answered is not asked again, and its late answer counts', async () => {
  const world = new World()
  const first = world.candidate('node-a', 'default/one')
  await world.ask([first], [])
  const state = world.api.read(resourceTypes.NodeState, key('node-a'))
  assert.ok(state)
  assert.deepEqual((await world.ask([{ ...first, state }], ['node-a'])).living, ['node-a'])
  assert.equal(world.writes, 1)
})

test('an answer from before does not count', async () => {
  const world = new World()
  const first = world.candidate('node-a', 'default/one')
  await world.ask([first], ['node-a'])
  const state = world.api.read(resourceTypes.NodeState, key('node-a'))
  assert.ok(state)
  assert.deepEqual((await world.ask([{ ...first, state }], [])).living, [])
  assert.equal(world.writes, 2)
})

test('a node that was asked by another one a moment before counts when it answers that', async () => {
  const world = new World()
  const candidate = world.candidate('node-a', 'default/one')
  const spec = { question: { id: 'x', askedBy: 'node-y', askedAt: '2026-01-01T00:00:00Z' } }
  const asking = world.ask([candidate], ['node-a'])
  await setImmediate()
  await world.client.merge(resourceTypes.NodeState, key('node-a'), { spec }, { fieldManager: 'holdfast-speaker' })
  assert.deepEqual((await asking).living, ['node-a'])
})

test('what cannot be asked or read is told, and nothing is found out', async () => {
  const world = new World()
  const candidate = world.candidate('node-a', 'default/one')
  world.client.failNext({ verbs: ['merge'] }, apiFault('forbidden', 'no'))
  assert.equal((await world.ask([candidate], [])).living, undefined)
  world.client.failNext({ verbs: ['list'] }, apiFault('serverError', 'no'))
  assert.equal((await world.ask([candidate], [])).living, undefined)
  assert.deepEqual(world.faults, ['patch nodestates', 'list nodestates'])
})
