import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inWorld, nodeStateOf, putEndpoints, putService, putSite } from './testing/speaker-world.ts'
import { alone, askToDrain, both, heldBackOf, phaseOf, putTwoNodes, untilSessionsTold } from './testing/two-nodes.ts'

const command = { serviceStatuses: 'none' } as const

test('where no ServiceBGPStatus is written, a node that leaves works out what the others announce', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, api, pass, outages } = world
    putTwoNodes(world)
    putService(world, 'wide', { ip: '192.0.2.12', policy: 'Cluster', nodes: ['node-a'] })
    for (const node of ['node-a', 'node-b'] as const) start(node, { command })
    await until('the routes', () => nextHops(both).length === 2 && nextHops('192.0.2.12/32').length === 2)
    await untilSessionsTold(world)
    assert.equal(nodeStateOf(world, 'node-a')['serviceStatuses'], 'None')
    await pass(5000)
    assert.equal(api.readAll(resourceTypes.ServiceBGPStatus).length, 0)
    assert.equal(api.readAll(resourceTypes.Event).length, 0)
    askToDrain(world, 'node-a')
    await until('only the other node', () => nextHops(both).join() === '10.0.0.12')
    await until('the other node too', () => nextHops('192.0.2.12/32').join() === '10.0.0.12')
    await until('it is told', () => phaseOf(world, 'node-a') === 'HeldBack')
    assert.deepEqual(heldBackOf(world, 'node-a'), [{ prefix: alone, reason: 'lastAnnouncer' }])
    putEndpoints(world, 'alone', ['node-a', 'node-b'])
    await until('its pod moves', () => nextHops(alone).join() === '10.0.0.12')
    assert.equal(outages(both) + outages(alone), 0)
  }))

test('a dead speaker that writes no ServiceBGPStatus takes nothing over', () =>
  inWorld(async (world) => {
    const { until, nextHops, start } = world
    putSite(world)
    putService(world, 'both', { ip: '192.0.2.10', policy: 'Local', nodes: ['node-a', 'node-b'] })
    const other = start('node-b', { command })
    start('node-a', { command })
    await until('the routes', () => nextHops(both).length === 2)
    await untilSessionsTold(world)
    await other.stop('SIGUSR2')
    askToDrain(world, 'node-a')
    await until('it is told', () => phaseOf(world, 'node-a') === 'HeldBack')
    assert.deepEqual(heldBackOf(world, 'node-a'), [{ prefix: both, reason: 'noAnswer', node: 'node-b' }])
  }))

test('statuses that an earlier life has written go when they are switched off', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, api } = world
    putSite(world)
    putService(world, 'both', { ip: '192.0.2.10', policy: 'Cluster', nodes: ['node-a'] })
    const before = start('node-a')
    await until('a status', () => api.readAll(resourceTypes.ServiceBGPStatus).length === 1)
    await before.stop('SIGUSR2')
    start('node-a', { command })
    await until('none', () => api.readAll(resourceTypes.ServiceBGPStatus).length === 0)
    await until('the route stays', () => nextHops(both).length === 1)
  }))
