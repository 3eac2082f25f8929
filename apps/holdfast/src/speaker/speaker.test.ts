import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import type { SpeakerWorld } from './testing/speaker-world.ts'
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

const vip = '192.0.2.10/32'

interface Row {
  readonly reason: string
  /** Makes the reason hold. */
  readonly withdraw: (world: SpeakerWorld) => void
  /** Makes it hold no more. */
  readonly restore: (world: SpeakerWorld) => void
}

const advertise = ({ api }: SpeakerWorld, ...specs: readonly Readonly<Record<string, unknown>>[]): void => {
  for (const { metadata } of api.readAll(resourceTypes.BGPAdvertisement)) {
    api.drop(resourceTypes.BGPAdvertisement, { namespace, name: metadata.name })
  }
  for (const [index, spec] of specs.entries()) {
    api.put(resourceTypes.BGPAdvertisement, { metadata: { name: `public-${index}`, namespace }, spec })
  }
}
const web = (world: SpeakerWorld, more: Parameters<typeof putService>[2] = {}): void =>
  putService(world, 'web', { ip: '192.0.2.10', ...more })
const notReady = { ready: false, serving: false }

/** The rows of COMPAT section 3.1 that a speaker can meet, each made and unmade. */
const rows: readonly Row[] = [
  {
    reason: 'noIPAllocated',
    withdraw: (world) => putService(world, 'web'),
    restore: (world) => web(world),
  },
  {
    reason: 'ipNotAllowed',
    withdraw: (world) => putPool(world, '198.51.100.0/24'),
    restore: (world) => putPool(world, '192.0.2.0/24'),
  },
  {
    reason: 'noAdvertisement',
    withdraw: (world) => advertise(world),
    restore: (world) => advertise(world, {}),
  },
  {
    reason: 'notOwner',
    withdraw: (world) => advertise(world, { nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }] }),
    restore: (world) => advertise(world, {}),
  },
  {
    reason: 'noMatchingAdvertisement',
    withdraw: (world) => advertise(world, { serviceSelectors: [{ matchLabels: { app: 'other' } }] }),
    restore: (world) => web(world, { labels: { app: 'other' } }),
  },
  {
    reason: 'conflictingAdvertisements',
    withdraw: (world) =>
      advertise(
        world,
        { localPref: 100, serviceSelectors: [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }] },
        { localPref: 200, serviceSelectors: [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }] },
      ),
    restore: (world) => advertise(world, {}),
  },
  {
    reason: 'nodeNetworkUnavailable',
    withdraw: (world) => putNode(world, 'node-a', { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] }),
    restore: (world) => putNode(world, 'node-a'),
  },
  {
    reason: 'nodeLabeledExcludeBalancers',
    withdraw: (world) =>
      putNode(world, 'node-a', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
    restore: (world) => putNode(world, 'node-a'),
  },
  {
    reason: 'noLocalEndpoints',
    withdraw: (world) => web(world, { policy: 'Local', nodes: ['node-b'] }),
    restore: (world) => putEndpoints(world, 'web', ['node-b', 'node-a']),
  },
  {
    reason: 'noEndpoints',
    withdraw: (world) => putEndpoints(world, 'web', ['node-a'], notReady),
    restore: (world) => putEndpoints(world, 'web', ['node-b'], { ready: false, serving: true }),
  },
]

for (const { reason, withdraw, restore } of rows) {
  test(`${reason}: the route goes, the reason is told, and the route comes back`, () =>
    inWorld(async (world) => {
      const { start, until, nextHops } = world
      putSite(world)
      web(world)
      const { program, log } = start('node-a')
      await until('the route', () => nextHops(vip).length === 1)
      withdraw(world)
      await until('no route', () => nextHops(vip).length === 0)
      await until('the reason', () => log.some((line) => line.event === 'withheld' && line['reason'] === reason))
      const decision = program.speaker.pass?.plan.decisions.get('default/web')
      assert.equal(decision?.kind === 'withheld' && decision.reason, reason)
      restore(world)
      await until('the route again', () => nextHops(vip).length === 1)
      const resets = log.filter((line) => line.event === 'session' && line['state'] !== 'established')
      assert.deepEqual(resets, [], 'no session was reset')
    }))
}

test('a Service of another class, of another type or deleted is not announced', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, api, pass } = world
    putSite(world)
    web(world)
    putService(world, 'other', { ip: '192.0.2.11', loadBalancerClass: 'example.com/other' })
    start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    await pass(2000)
    assert.deepEqual(nextHops('192.0.2.11/32'), [])
    api.drop(resourceTypes.Service, { namespace: 'default', name: 'web' })
    await until('no route', () => nextHops(vip).length === 0)
  }))

test('with --lb-class exactly the Services of that class are announced', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, pass } = world
    putSite(world)
    web(world)
    putService(world, 'other', { ip: '192.0.2.11', loadBalancerClass: 'example.com/other' })
    start('node-a', { command: { loadBalancerClass: 'example.com/other' } })
    await until('the route', () => nextHops('192.0.2.11/32').length === 1)
    await pass(2000)
    assert.deepEqual(nextHops(vip), [])
  }))

test('peers of other nodes may contradict each other: only the own node is looked at', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, api, log } = { ...world, log: [] }
    putSite(world)
    web(world)
    for (const name of ['twin-1', 'twin-2']) {
      api.put(resourceTypes.BGPPeer, {
        metadata: { name, namespace },
        spec: {
          myASN: 64_512,
          peerASN: 64_500,
          peerAddress: '10.0.0.9',
          nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }],
        },
      })
    }
    const { program } = start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    assert.deepEqual(program.speaker.pass?.evaluation.faults, [], JSON.stringify(log))
  }))

test('an object that breaks later stays in force as it was', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, pass, losses } = world
    putSite(world)
    web(world)
    const { program } = start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    putPool(world, 'not an address')
    await until('the fault', () => (program.speaker.pass?.evaluation.faults.length ?? 0) > 0)
    await until('it is told', () => conditionOf(world, 'node-a', 'ConfigurationValid')['status'] === 'False')
    await pass(5000)
    assert.equal(losses(vip), 0)
  }))

test('a changed Secret gives the session its new key, and no other session is touched', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, api, pass } = world
    putSite(world)
    web(world)
    const secret = (password: string): void =>
      void api.put(resourceTypes.Secret, {
        metadata: { name: 'key', namespace },
        type: 'kubernetes.io/basic-auth',
        data: { password: Buffer.from(password).toString('base64') },
      })
    secret('one')
    api.put(resourceTypes.BGPPeer, {
      metadata: { name: 'other-router', namespace },
      spec: { myASN: 64_512, peerASN: 64_500, peerAddress: '10.0.0.2', passwordSecret: { name: 'key', namespace } },
    })
    const { program, log } = start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    const keyOf = (): unknown =>
      program.speaker.announcements.sessions().find(({ wanted }) => wanted.peer === 'other-router')?.settings.socket
        ?.md5Password
    assert.equal(keyOf(), 'one')
    secret('two')
    await until('the new key', () => keyOf() === 'two')
    await pass(3000)
    assert.equal(log.filter((line) => line.event === 'session' && line['state'] === 'established').length, 1)
    assert.deepEqual(
      log.filter(({ event }) => event === 'rekeyed').map(({ message }) => message),
      [`password of peer other-router changed (Secret ${namespace}/key), session is re-keyed`],
    )
    const errorOf = (peer: string): string =>
      textAt(
        listAt(nodeStateOf(world, 'node-a'), 'sessions').find((one) => textAt(one, 'peer') === peer),
        'lastError',
      )
    await until('what stands in the way', () => errorOf('other-router') !== '')
    assert.match(errorOf('other-router'), /; TCP MD5: check that the key \(password\) is the same on both sides/)
    assert.equal(errorOf('router-node-a'), '')
    assert.doesNotMatch(JSON.stringify([log, api.readAll(resourceTypes.NodeState)]), /one"|two"|b25l|dHdv/)
  }))

test('lists that take most prefixes away are read once more: wrong lists cost nothing', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, losses, api: server } = world
    putSite(world)
    for (let index = 0; index < 8; index += 1) putService(world, `web-${index}`, { ip: `192.0.2.${index + 10}` })
    const { program, api, log } = start('node-a')
    await until('the routes', () => nextHops('192.0.2.17/32').length === 1)
    // The watch is cut with 410, and the two lists that follow are empty by a fault of the server's.
    const empty = { items: [], resourceVersion: server.resourceVersion(), continue: undefined }
    for (let times = 0; times < 2; times += 1) api.answerNext({ verbs: ['list'], type: resourceTypes.Service }, empty)
    api.endWatches(apiFault('gone', 'too old resource version'), resourceTypes.Service)
    await until('the doubt', () => log.some(({ event }) => event === 'doubted'))
    await until('it is dismissed', () => log.some(({ event }) => event === 'doubtDismissed'))
    assert.equal(losses('192.0.2.17/32'), 0)
    assert.deepEqual(program.speaker.doubtCounts, { doubted: 1, obeyed: 0, dismissed: 1 })
  }))

test('a list that says the same a second time is obeyed', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, api: server } = world
    putSite(world)
    for (let index = 0; index < 8; index += 1) putService(world, `web-${index}`, { ip: `192.0.2.${index + 10}` })
    const { program, api, log } = start('node-a')
    await until('the routes', () => nextHops('192.0.2.17/32').length === 1)
    api.setOutage('refused')
    await until('the fault', () => log.some(({ event }) => event === 'apiFault'))
    for (let index = 0; index < 7; index += 1)
      server.drop(resourceTypes.Service, { namespace: 'default', name: `web-${index}` })
    server.compact()
    api.setOutage(undefined)
    await until('the doubt', () => log.some(({ event }) => event === 'doubted'))
    await until('it is obeyed', () => nextHops('192.0.2.10/32').length === 0)
    assert.equal(nextHops('192.0.2.17/32').length, 1)
    assert.deepEqual(program.speaker.doubtCounts, { doubted: 1, obeyed: 1, dismissed: 0 })
  }))

test('an own Node that lists miss is no reason to leave before another one says so', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, losses, pass, api: server } = world
    putSite(world)
    web(world)
    const { api, log, program } = start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    const empty = { items: [], resourceVersion: server.resourceVersion(), continue: undefined }
    for (let times = 0; times < 2; times += 1) api.answerNext({ verbs: ['list'], type: resourceTypes.Node }, empty)
    api.endWatches(apiFault('gone', 'too old resource version'), resourceTypes.Node)
    await until('the doubt', () => log.some(({ event }) => event === 'doubted'))
    await until('it is dismissed', () => log.some(({ event }) => event === 'doubtDismissed'))
    await pass(5000)
    assert.equal(program.speaker.draining.state.phase, 'Active')
    assert.equal(losses(vip), 0)
  }))

test('announcing waits for kube-proxy at the start, and not for ever', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, pass, clock } = world
    putSite(world)
    web(world)
    let status = 503
    start('node-a', { probe: () => Promise.resolve({ kind: 'answered', status }) })
    await until('the reason', () => conditionOf(world, 'node-a', 'Announcing')['reason'] === 'KubeProxyNotReady')
    await until('the session', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
    await pass(5000)
    assert.deepEqual(nextHops(vip), [])
    status = 200
    await until('the route', () => nextHops(vip).length === 1)
    status = 503
    await pass(60_000)
    assert.equal(nextHops(vip).length, 1, 'never withdrawn because kube-proxy restarts')

    const beganMs = clock.now()
    start('node-b', { probe: () => Promise.resolve({ kind: 'answered', status: 503 }) })
    await until('announced although it never was ready', () => nextHops(vip).length === 2)
    assert.ok(clock.now() - beganMs > 29_000 && clock.now() - beganMs < 40_000)
  }))

test('without an API server and without a last known state the speaker waits, and says which permission is missing', () =>
  inWorld(async (world) => {
    const { start, until, nextHops } = world
    putSite(world)
    web(world)
    const { api, log } = start('node-a')
    api.failNext({ type: resourceTypes.Service, verbs: ['list'] }, apiFault('forbidden', 'services is forbidden'), {
      times: 6,
    })
    await until('it is told', () => log.some(({ event }) => event === 'permissionMissing'))
    const told = log.find(({ event }) => event === 'permissionMissing')
    assert.equal(told?.['needed'], 'list services and watch services')
    await until('the route, once it is given', () => nextHops(vip).length === 1)
  }))

test('an API server that is lost later changes nothing', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, losses, pass } = world
    putSite(world)
    web(world)
    const { api, log } = start('node-a')
    await until('the route', () => nextHops(vip).length === 1)
    api.setOutage('refused')
    await pass(600_000)
    assert.equal(losses(vip), 0)
    const faults = log.filter(({ event, level }) => event === 'apiFault' && level === 'warn')
    assert.equal(faults.length, 1, 'one line, not one for each kind')
    api.setOutage(undefined)
    putEndpoints(world, 'web', ['node-a'], notReady)
    await until('what changed meanwhile is obeyed', () => nextHops(vip).length === 0)
  }))
