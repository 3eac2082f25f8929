import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import type { MemoryClient } from '@holdfast/cluster'
import { textAt } from './fields-at.ts'
import type { Life } from './speaker-life.ts'
import { askSpeakers, mostAsked } from './speaker-life.ts'
import type { SpeakerWorld } from '../speaker/testing/speaker-world.ts'
import { inWorld, namespace, nodeStateOf, putSite } from '../speaker/testing/speaker-world.ts'

async function ask(
  world: SpeakerWorld,
  nodes: readonly string[],
  api: MemoryClient = world.api.connect(),
): Promise<ReadonlyMap<string, Life>> {
  let lives: ReadonlyMap<string, Life> | undefined
  const now = (): string => '2026-01-01T00:00:00Z'
  let asked = 0
  const random = (): number => (asked += 1) / 1000
  const options = { api, namespace, clock: world.clock, askedBy: 'ada', now, random }
  void askSpeakers(options, nodes).then((found) => (lives = found))
  await world.until('the answers', () => lives !== undefined)
  assert.ok(lives !== undefined)
  return lives
}

async function bothRunning(world: SpeakerWorld): Promise<() => Promise<void>> {
  putSite(world)
  const [, other] = (['node-a', 'node-b'] as const).map((node) => world.start(node))
  await world.until('both are told of', () =>
    (['node-a', 'node-b'] as const).every((node) => nodeStateOf(world, node)['sessionsReady'] === '1/1'),
  )
  return async () => await other?.stop('SIGUSR2')
}

const writesOf = (api: MemoryClient): number => api.requests().filter(({ verb }) => verb === 'merge').length

test('of a speaker that is alive the answer is there in a moment, and one that is dead is found out', () =>
  inWorld(async (world) => {
    const stopOther = await bothRunning(world)
    const beganMs = world.clock.now()
    const alive = await ask(world, ['node-a', 'node-b'])
    assert.deepEqual(
      [...alive].map(([node, { kind }]) => [node, kind]),
      [
        ['node-a', 'answered'],
        ['node-b', 'answered'],
      ],
    )
    assert.ok(world.clock.now() - beganMs < 3000, `${world.clock.now() - beganMs} ms`)
    const own = alive.get('node-a')
    assert.ok(own?.kind === 'answered' && textAt(own.state, 'status', 'sessionsReady') === '1/1')

    await stopOther()
    const api = world.api.connect()
    assert.equal((await ask(world, ['node-b'], api)).get('node-b')?.kind, 'silent')
    assert.equal((await ask(world, ['node-b'], api)).get('node-b')?.kind, 'silent')
    assert.equal(writesOf(api), 1, 'a question that was not answered is not written again')
  }))

test('a person who may not write NodeStates, and a node without one, are not asked', () =>
  inWorld(async (world) => {
    await bothRunning(world)
    const api = world.api.connect()
    api.failNext({ verbs: ['merge'], type: resourceTypes.NodeState }, apiFault('forbidden', 'no'))
    assert.equal((await ask(world, ['node-a'], api)).get('node-a')?.kind, 'notAsked')
    assert.equal((await ask(world, ['node-z'], api)).get('node-z')?.kind, 'notAsked')
  }))

test('of too many nodes some are asked, of all parts of the list', () =>
  inWorld(async (world) => {
    for (const count of [mostAsked, mostAsked + 1, 3 * mostAsked - 1, 1000]) {
      const many = Array.from({ length: count }, (_, index) => index)
      const asked = [...(await ask(world, many.map(String))).keys()].map(Number)
      assert.equal(asked.length, mostAsked)
      const gaps = asked.map((one, index) => one - (asked[index - 1] ?? -1))
      assert.ok(Math.max(...gaps) <= Math.ceil(count / mostAsked), `${count}: ${asked.join()}`)
    }
  }))
