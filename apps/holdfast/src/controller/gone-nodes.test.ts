import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { podType } from './announced-speakers.ts'
import { createWorld, namespace, shop } from './testing/world.ts'

/** A controller that leads, and two nodes with what their speakers have said; time of day begins at 2026-01-01. */
async function createScene() {
  const world = createWorld()
  const { server, replica, until, pass } = world
  server.put(resourceTypes.Namespace, { metadata: { name: shop } })
  const putNode = (name: string) => server.put(resourceTypes.Node, { metadata: { name } })
  const putState = (name: string, spec: object = {}) =>
    server.put(resourceTypes.NodeState, { metadata: { name, namespace }, spec, status: { sessions: [] } })
  const dropNode = (name: string) => server.drop(resourceTypes.Node, { namespace: '', name })
  for (const name of ['a', 'b']) {
    putNode(name)
    putState(name)
  }
  const { controller, client } = replica('one')
  await until('it leads', () => controller.planned() !== undefined)
  const states = () => server.readAll(resourceTypes.NodeState).map(({ metadata }) => metadata.name)
  const asked = () => client.requests().filter(({ verb, type }) => verb !== 'watch' && type.kind !== 'Lease')
  await pass(10_000)
  client.forgetRequests()
  return { ...world, client, controller, putNode, putState, dropNode, states, asked }
}

test('the NodeState of a Node that is gone goes half a minute later, once the server has said so', async () => {
  const { dropNode, pass, states, asked } = await createScene()
  dropNode('a')
  await pass(20_000)
  assert.deepEqual(states(), ['a', 'b'])
  await pass(15_000)
  assert.deepEqual(states(), ['b'])
  assert.deepEqual(
    asked().map(({ verb, type }) => `${verb} ${type.kind}`),
    ['list Node', 'list NodeState', 'remove NodeState'],
  )
  await pass(600_000)
  assert.equal(asked().length, 3, 'nothing more is asked')
})

test('a Node that comes back meanwhile keeps it, and costs no request', async () => {
  const { dropNode, putNode, pass, states, asked } = await createScene()
  dropNode('a')
  await pass(20_000)
  putNode('a')
  await pass(120_000)
  assert.deepEqual([states(), asked()], [['a', 'b'], []])
})

test('what is followed is not believed: the server is asked', async () => {
  const { client, pass, states, asked, dropNode, putNode } = await createScene()
  dropNode('a')
  await pass(1000)
  client.silenceWatches(resourceTypes.Node)
  putNode('a')
  await pass(60_000)
  assert.deepEqual(states(), ['a', 'b'])
  assert.deepEqual(
    asked().map(({ verb, type }) => `${verb} ${type.kind}`),
    ['list Node'],
  )
})

test("a person's drain keeps it for seven days since it was asked for", async () => {
  const { dropNode, putState, pass, states, asked } = await createScene()
  putState('a', { drain: { requestedAt: '2025-12-25T00:10:00Z', reason: 'disk' } })
  dropNode('a')
  await pass(9 * 60_000)
  assert.deepEqual(states(), ['a', 'b'])
  assert.equal(asked().length, 2)
  await pass(2 * 60_000)
  assert.deepEqual(states(), ['b'])
})

test('as long as a speaker runs there it stays; one that makes it anew finds it removed less and less often', async () => {
  const { server, dropNode, putState, pass, states, asked } = await createScene()
  server.put(podType, {
    metadata: { name: 'speaker-a', namespace, labels: { component: 'speaker' } },
    spec: { nodeName: 'a' },
    status: { containerStatuses: [{ state: { running: {} } }] },
  })
  dropNode('a')
  await pass(600_000)
  assert.deepEqual(states(), ['a', 'b'])
  server.drop(podType, { namespace, name: 'speaker-a' })
  await pass(40_000)
  assert.deepEqual(states(), ['b'])
  const before = asked().length
  for (let times = 0; times < 60; times += 1) {
    if (!states().includes('a')) putState('a')
    await pass(20_000)
  }
  const removals = asked()
    .slice(before)
    .filter(({ verb }) => verb === 'remove').length
  assert.ok(removals >= 2 && removals <= 5, `${removals} in 20 minutes`)
})

test('a standby removes nothing', async () => {
  const { replica, dropNode, pass } = await createScene()
  const { client } = replica('two')
  await pass(5000)
  dropNode('a')
  await pass(120_000)
  assert.deepEqual(
    client.requests().filter(({ verb }) => verb === 'remove'),
    [],
  )
})
