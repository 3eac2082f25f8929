import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceTypes } from '@holdfast/cluster'
import type { RunningSpeaker, SpeakerWorld } from '../speaker/testing/speaker-world.ts'
import { inWorld, namespace, nodeStateOf, putService, putSite } from '../speaker/testing/speaker-world.ts'
import type { DrainProgress } from './progress.ts'
import type { Asked, DrainRequest } from './request.ts'
import { askNode, lookAtNode } from './request.ts'

const prefix = '192.0.2.10/32'

let requests = 0

const request = (isUndrain: boolean): DrainRequest => ({
  node: 'node-a',
  namespace,
  isUndrain,
  reason: undefined,
  isWaiting: true,
  askedBy: 'ada',
  now: '2026-01-01T00:00:00.000Z',
  random: () => (requests += 1) / 100,
})

/** A speaker whose only route another node announces too. */
async function started(world: SpeakerWorld): Promise<RunningSpeaker> {
  putSite(world)
  putService(world, 'both', { ip: '192.0.2.10', policy: 'Cluster', nodes: ['node-a'] })
  world.start('node-b')
  const speaker = world.start('node-a')
  await world.until('both', () => world.nextHops(prefix).length === 2)
  await world.until('it is told', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
  return speaker
}

/** As the commands do it, on the clock of the world. */
function follow(world: SpeakerWorld, { api }: RunningSpeaker, isUndrain: boolean) {
  const seen: DrainProgress[] = []
  let asked: Asked | undefined
  void askNode(api, request(isUndrain)).then((one) => (asked = one))
  const look = async (waitedMs = 0): Promise<DrainProgress> => {
    await world.until('it is asked', () => asked !== undefined)
    assert.ok(asked !== undefined)
    let progress: DrainProgress | undefined
    void lookAtNode(api, request(isUndrain), asked, waitedMs).then((one) => (progress = one))
    await world.until('it is looked at', () => progress !== undefined)
    assert.ok(progress !== undefined)
    seen.push(progress)
    return progress
  }
  return { look, seen }
}

test('undrain --wait ends with the answer to its own request, and never with an older word', () =>
  inWorld(async (world) => {
    const speaker = await started(world)
    // Not heard yet: what stands there says "announces", as it did before any drain.
    const other = world.api.connect()
    const drain = { requestedAt: '2026-01-01T00:00:00Z' }
    await speaker.stop('SIGUSR2')
    await other.merge(
      resourceTypes.NodeState,
      { namespace, name: 'node-a' },
      { spec: { drain } },
      { fieldManager: 'kubectl' },
    )
    const { look } = follow(world, { ...speaker, api: other }, true)
    assert.match((await look()).message, /^waiting for the speaker to answer; before, it said: announces again$/)
    await world.pass(20_000)
    const late = await look(11_000)
    assert.equal(late.isDone, false, 'a dead speaker does not announce')
    assert.match(late.remedy ?? '', /Does it run\?/)
    world.start('node-a')
    let end: DrainProgress | undefined
    for (let turn = 0; turn < 20 && end?.isDone !== true; turn += 1) {
      await world.pass(500)
      end = await look()
    }
    assert.deepEqual(end, { isDone: true, message: 'announces again', remedy: null })
    assert.equal(world.nextHops(prefix).length, 2)
  }))

test('drain --wait does not take the end of an earlier drain, or the word of a speaker that is dead, for its own', () =>
  inWorld(async (world) => {
    const speaker = await started(world)
    const first = follow(world, speaker, false)
    await world.until('it has left', () => world.nextHops(prefix).length === 1)
    let end = await first.look()
    for (let turn = 0; turn < 40 && !end.isDone; turn += 1) {
      await world.pass(500)
      end = await first.look()
    }
    assert.match(end.message, /^safe to reboot/)
    await speaker.stop('SIGUSR2')
    const again = follow(world, { ...speaker, api: world.api.connect() }, false)
    const said = await again.look()
    assert.equal(said.isDone, false)
    assert.match(said.message, /^waiting for the speaker to answer; before, it said: safe to reboot/)
  }))

test('without --wait nothing is written where nothing changes', () =>
  inWorld(async (world) => {
    const { api } = await started(world)
    const before = api.requests().filter(({ verb }) => verb === 'merge').length
    let asked: Asked | undefined
    void askNode(api, { ...request(true), isWaiting: false }).then((one) => (asked = one))
    await world.until('it is asked', () => asked !== undefined)
    assert.equal(asked?.question, undefined)
    assert.equal(api.requests().filter(({ verb }) => verb === 'merge').length, before)
  }))
