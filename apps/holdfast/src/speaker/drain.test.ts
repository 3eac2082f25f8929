import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import {
  conditionOf,
  inWorld,
  namespace,
  nodeStateOf,
  putEndpoints,
  putNode,
  putPool,
  putService,
  putSite,
} from './testing/speaker-world.ts'
import { alone, askToDrain, both, bothAnnounce, heldBackOf, phaseOf, twoNodes } from './testing/two-nodes.ts'

const gracefulShutdown = '65535:0'

const isWrite = ({ verb }: { readonly verb: string }): boolean =>
  ['create', 'apply', 'merge', 'replace', 'remove'].includes(verb)

test('a drain marks the routes, waits, withdraws what others announce, and holds back what they do not', () =>
  inWorld(async (world) => {
    const { until, nextHops, communities, pass } = world
    let [connections, silent] = [3, 0]
    const { own } = await bothAnnounce(world, {
      connections: () => ({ kind: 'counted', count: connections, silent, silenceSeconds: 60 }),
    })
    const { api, log } = own
    askToDrain(world, 'node-a')
    await until('the mark', () => communities(alone).includes(gracefulShutdown))
    assert.deepEqual(nextHops(both), ['10.0.0.12', '10.0.0.11'].sort(), 'nothing is withdrawn at once')
    await until('only the other node', () => nextHops(both).join() === '10.0.0.12')
    await until('it is told', () => phaseOf(world, 'node-a') === 'HeldBack')
    assert.equal(nodeStateOf(world, 'node-a')['routes'], 1, 'what is withdrawn does not count')
    assert.equal(fieldsOf(nodeStateOf(world, 'node-a')['drain'])['requestedAt'], '2026-01-01T00:00:00Z')
    assert.deepEqual((nodeStateOf(world, 'node-a')['drain'] as { heldBack: unknown }).heldBack, [
      { prefix: alone, reason: 'lastAnnouncer' },
    ])
    await pass(60_000)
    assert.deepEqual(nextHops(alone), ['10.0.0.11'], 'the last announcer of a VIP does not go')
    const questions = api.requests().filter(({ verb, type }) => verb === 'merge' && type.kind === 'NodeState')
    assert.equal(questions.length, 1, 'what has gone is not asked for again')
    assert.equal(log.filter(({ message }) => message.startsWith('HeldBack: ')).length, 1)
    assert.equal(conditionOf(world, 'node-a', 'SafeToReboot')['reason'], 'HeldBack')

    // Its pod moves: now another node announces it as well.
    putEndpoints(world, 'alone', ['node-a', 'node-b'])
    await until('the other node has it', () => nextHops(alone).length === 2)
    await until('it goes from here', () => nextHops(alone).join() === '10.0.0.12')
    await until(
      'connections are told',
      () => conditionOf(world, 'node-a', 'SafeToReboot')['reason'] === 'ConnectionsRemain',
    )
    silent = 3
    await until('silent ones are no reason to wait', () => {
      const { status, reason } = conditionOf(world, 'node-a', 'SafeToReboot')
      return status === 'True' && reason === 'SilentConnectionsOnly'
    })
    assert.equal(fieldsOf(nodeStateOf(world, 'node-a')['drain'])['silentConnections'], 3)
    ;[connections, silent] = [0, 0]
    await until('safe', () => conditionOf(world, 'node-a', 'SafeToReboot')['reason'] === 'NoConnections')
    assert.equal(nodeStateOf(world, 'node-a')['routes'], 0)

    askToDrain(world, 'node-a', false)
    await until('all is back', () => nextHops(both).length === 2 && nextHops(alone).length === 2)
    await until('it is told', () => phaseOf(world, 'node-a') === undefined)
    await until('the routes are told', () => nodeStateOf(world, 'node-a')['routes'] === 2)
    assert.ok(!communities(alone).includes(gracefulShutdown))
  }))

test('of two nodes that drain at the same time one keeps what both announce', () =>
  inWorld(async (world) => {
    const { until, nextHops, pass, outages } = world
    await bothAnnounce(world)
    askToDrain(world, 'node-a')
    askToDrain(world, 'node-b')
    await until('one goes', () => nextHops(both).length === 1)
    await pass(120_000)
    assert.equal(nextHops(both).length, 1)
    assert.equal(outages(both), 0)
  }))

test('without an API server that says who else announces nothing is withdrawn', () =>
  inWorld(async (world) => {
    const { until, nextHops, pass, losses } = world
    const {
      own: { api, program },
    } = await bothAnnounce(world)
    askToDrain(world, 'node-a')
    await until('it begins', () => program.speaker.draining.state.phase === 'GracefulShutdown')
    api.setOutage('refused')
    await pass(120_000)
    assert.equal(losses(both), 0)
    const { state } = program.speaker.draining
    assert.ok(state.phase === 'HeldBack' && [...state.held.values()].every(({ reason }) => reason === 'othersUnknown'))
    api.setOutage(undefined)
    await until('it goes on', () => nextHops(both).join() === '10.0.0.12')
  }))

test('a node whose Node is not Ready, or whose sessions are down, does not count as one that announces', () =>
  inWorld(async (world) => {
    const { until, nextHops, pass } = world
    const {
      own: { program },
    } = await bothAnnounce(world)
    putNode(world, 'node-b', { conditions: [{ type: 'Ready', status: 'Unknown' }] })
    askToDrain(world, 'node-a')
    await until('it is held back', () => program.speaker.draining.state.phase === 'HeldBack')
    await pass(30_000)
    assert.ok(nextHops(both).includes('10.0.0.11'))
    putNode(world, 'node-b')
    await until('it goes', () => nextHops(both).join() === '10.0.0.12')
  }))

test('a speaker that is dead does not count, whatever it said last, and is named', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, pass } = world
    const {
      own: { api },
      other,
    } = await bothAnnounce(world)
    // Its Node stays Ready, and what it has written stays as it is.
    await other.stop('SIGUSR2')
    assert.equal(conditionOf(world, 'node-b', 'Announcing')['status'], 'True')
    api.forgetRequests()
    askToDrain(world, 'node-a')
    await until('it is held back', () => phaseOf(world, 'node-a') === 'HeldBack')
    assert.deepEqual(heldBackOf(world, 'node-a'), [
      { prefix: alone, reason: 'lastAnnouncer' },
      { prefix: both, reason: 'noAnswer', node: 'node-b' },
    ])
    assert.match(
      String(conditionOf(world, 'node-a', 'SafeToReboot')['message']),
      /the speaker of node-b does not answer: 192\.0\.2\.10/,
    )
    await pass(60_000)
    assert.ok(nextHops(both).includes('10.0.0.11'))
    assert.equal(
      api.requests().filter(({ verb }) => verb === 'merge').length,
      1,
      'a question stands until it is answered',
    )
    start('node-b')
    await until('the other one is back, and it goes', () => nextHops(both).join() === '10.0.0.12')
  }))

test('a question is answered once, and costs nothing afterwards', () =>
  inWorld(async (world) => {
    const { until, nextHops, pass } = world
    const { other } = await bothAnnounce(world)
    await pass(10_000)
    other.api.forgetRequests()
    await pass(60_000)
    assert.deepEqual(other.api.requests().filter(isWrite), [], 'nobody is asked while nobody leaves')
    putService(world, 'alone', { ip: '192.0.2.11', policy: 'Local', nodes: ['node-a', 'node-b'] })
    await until('both', () => nextHops(alone).length === 2)
    await pass(5000)
    other.api.forgetRequests()
    askToDrain(world, 'node-a')
    await until('it goes', () => phaseOf(world, 'node-a') === 'Withdrawn')
    await pass(600_000)
    assert.deepEqual(other.api.requests().filter(isWrite).length, 1)
    const question = fieldsOf(
      fieldsOf(world.api.read(resourceTypes.NodeState, { namespace, name: 'node-b' })?.['spec'])['question'],
    )
    assert.equal(question['askedBy'], 'node-a')
    assert.equal(nodeStateOf(world, 'node-b')['answer'], question['id'])
  }))

test('a session counts only for what is offered to its peer', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, pass, api } = world
    putSite(world)
    api.put(resourceTypes.BGPPeer, {
      metadata: { name: 'rack-b', namespace },
      spec: {
        myASN: 64_512,
        peerASN: 64_500,
        peerAddress: '10.0.0.99',
        nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }],
      },
    })
    api.put(resourceTypes.BGPAdvertisement, {
      metadata: { name: 'public', namespace },
      spec: { peers: ['router-node-a', 'rack-b'] },
    })
    putService(world, 'both', { ip: '192.0.2.10', nodes: ['node-a', 'node-b'] })
    start('node-a')
    start('node-b')
    const told = (): unknown[] =>
      api.readAll(resourceTypes.ServiceBGPStatus).map(({ status }) => fieldsOf(status)['peers'])
    await until('both offer it', () => JSON.stringify(told().sort()) === '[["rack-b"],["router-node-a"]]')
    await until('node-b has a session', () => nodeStateOf(world, 'node-b')['sessionsReady'] === '1/2')
    askToDrain(world, 'node-a')
    await until('it is held back', () => phaseOf(world, 'node-a') === 'HeldBack')
    await pass(30_000)
    assert.deepEqual(nextHops(both), ['10.0.0.11'])
    assert.deepEqual(heldBackOf(world, 'node-a'), [{ prefix: both, reason: 'lastAnnouncer' }])
  }))

test('a node whose speaker says that it does not announce does not count', () =>
  inWorld(async (world) => {
    const { until, nextHops, pass } = world
    const { other } = await bothAnnounce(world)
    // As at its start, when kube-proxy is not ready, while what an earlier life said of its Services stands.
    other.program.speaker.setGate({ isOpen: false, message: 'kube-proxy is not ready' })
    await until('it is told', () => conditionOf(world, 'node-b', 'Announcing')['status'] === 'False')
    askToDrain(world, 'node-a')
    await until('it is held back', () => phaseOf(world, 'node-a') === 'HeldBack')
    await pass(30_000)
    assert.ok(nextHops(both).includes('10.0.0.11'))
  }))

test('cordon is no drain, unless it is asked for', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, pass } = world
    const { own: plain } = await bothAnnounce(world)
    putNode(world, 'node-a', { spec: { unschedulable: true } })
    await pass(60_000)
    assert.equal(nextHops(both).length, 2)
    await plain.stop('SIGUSR2')
    start('node-a', { command: { drainOnCordon: true } })
    await until('it leaves', () => phaseOf(world, 'node-a') === 'HeldBack')
  }))

for (const key of [
  'ToBeDeletedByClusterAutoscaler',
  'node.kubernetes.io/out-of-service',
  'node.cloudprovider.kubernetes.io/shutdown',
]) {
  test(`the taint ${key} drains`, () =>
    inWorld(async (world) => {
      const { until, nextHops } = world
      await bothAnnounce(world)
      putNode(world, 'node-a', { spec: { taints: [{ key, effect: 'NoSchedule' }] } })
      await until('only the other node', () => nextHops(both).join() === '10.0.0.12')
      assert.deepEqual(nextHops(alone), ['10.0.0.11'])
    }))
}

test('the deletion of the Node drains, with the sessions as they were, and a Node that is made again announces', () =>
  inWorld(async (world) => {
    const { until, nextHops, api } = world
    const {
      own: { log },
    } = await bothAnnounce(world)
    api.drop(resourceTypes.Node, { namespace: '', name: 'node-a' })
    await until('only the other node', () => nextHops(both).join() === '10.0.0.12')
    assert.deepEqual(nextHops(alone), ['10.0.0.11'], 'the last announcer of a VIP does not go')
    assert.equal(log.filter((line) => line.event === 'session').length, 1, 'no session was closed')
    putNode(world, 'node-a')
    await until('both again', () => nextHops(both).length === 2)
  }))

test('the exclude label takes everything away as MetalLB does, but marks it first', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, communities, pass } = world
    await twoNodes(world)
    const { program } = start('node-a')
    await until('all', () => nextHops(both).length === 2 && nextHops(alone).length === 1)
    putNode(world, 'node-a', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' } })
    await until('the mark', () => communities(alone).includes(gracefulShutdown))
    await until('all is gone', () => nextHops(both).join() === '10.0.0.12' && nextHops(alone).length === 0)
    await until('the reason', () => {
      const decision = program.speaker.pass?.plan.decisions.get('default/alone')
      return decision?.kind === 'withheld' && decision.reason === 'nodeLabeledExcludeBalancers'
    })
    await pass(10_000)
    assert.deepEqual(nextHops(alone), [])
    putNode(world, 'node-a')
    await until('all is back', () => nextHops(both).length === 2 && nextHops(alone).length === 1)
  }))

test('with --ignore-exclude-lb the label says nothing', () =>
  inWorld(async (world) => {
    const { until, nextHops, start } = world
    await twoNodes(world)
    putNode(world, 'node-a', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } })
    start('node-a', { command: { ignoreExcludeLB: true } })
    await until('all', () => nextHops(both).length === 2 && nextHops(alone).length === 1)
  }))

test('a speaker that is started on a node that holds back more than its NodeState names loses none of it', () =>
  inWorld(async (world) => {
    const { until, start, router, pass } = world
    putSite(world)
    putPool(world, '10.10.0.0/16')
    const count = 1010
    for (let index = 0; index < count; index += 1) {
      putService(world, `web-${index}`, { ip: `10.10.${index >> 8}.${index & 255}` })
    }
    const first = start('node-a')
    await until('the routes', () => router.rib.size === count)
    await until('it is told', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
    askToDrain(world, 'node-a')
    await until('it is held back', () => phaseOf(world, 'node-a') === 'HeldBack')
    assert.equal((heldBackOf(world, 'node-a') as readonly unknown[]).length, 1000)
    await first.stop('SIGTERM')
    const second = start('node-a')
    second.api.setLatency(() => 100)
    let resumed: number | undefined
    await until('it goes on', () => {
      const { state } = second.program.speaker.draining
      if (state.phase === 'HeldBack') resumed ??= state.held.size
      return resumed !== undefined
    })
    assert.equal(resumed, count)
    await until('the routes', () => router.rib.size === count)
    await pass(30_000)
    assert.equal(router.rib.size, count)
  }))

test('a speaker that is started on a node that has left does not announce for a moment', () =>
  inWorld(async (world) => {
    const { until, nextHops, start, pass, communities } = world
    const { own: first } = await bothAnnounce(world)
    askToDrain(world, 'node-a')
    await until('it has left', () => phaseOf(world, 'node-a') === 'HeldBack')
    await first.stop('SIGTERM')
    const second = start('node-a')
    await until('what was held back is', () => nextHops(alone).length === 1)
    assert.ok(communities(alone).includes(gracefulShutdown))
    await pass(30_000)
    assert.deepEqual(nextHops(both), ['10.0.0.12'])
    assert.equal(second.program.speaker.draining.state.phase, 'HeldBack')
  }))
