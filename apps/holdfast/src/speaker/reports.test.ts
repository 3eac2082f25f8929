import type { KubeObject } from '@holdfast/cluster'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpeakerWorld } from './testing/speaker-world.ts'
import {
  conditionOf,
  inWorld,
  namespace,
  nodeStateOf,
  putEndpoints,
  putPool,
  putService,
  putSite,
} from './testing/speaker-world.ts'

const podType = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true }

const statuses = ({ api }: SpeakerWorld): readonly KubeObject[] => api.readAll(resourceTypes.ServiceBGPStatus)
const isComplete = ({ status }: KubeObject): boolean => (status as { node?: string } | undefined)?.node !== undefined
const assigned = ({ api }: SpeakerWorld): readonly KubeObject[] =>
  api.readAll(resourceTypes.Event).filter((event) => event['reason'] === 'nodeAssigned')

test('a ServiceBGPStatus for each Service that is announced, as MetalLB writes it, and none for another', () =>
  inWorld(async (world) => {
    const { start, until, api } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    putService(world, 'idle', { ip: '192.0.2.11', nodes: [] })
    start('node-a')
    await until('it is there', () => statuses(world).some(isComplete))
    const [status, ...others] = statuses(world)
    assert.equal(others.length, 0)
    assert.deepEqual(status?.['status'], {
      node: 'node-a',
      serviceName: 'web',
      serviceNamespace: 'default',
      peers: ['router-node-a'],
    })
    assert.match(status.metadata.name, /^bgp-/)
    assert.deepEqual(status.metadata.labels, {
      'metallb.io/node': 'node-a',
      'metallb.io/service-name': 'web',
      'metallb.io/service-namespace': 'default',
    })
    putEndpoints(world, 'web', [])
    await until('it goes with the last peer', () => statuses(world).length === 0)
    putEndpoints(world, 'web', ['node-b'])
    await until('it comes back', () => statuses(world).some(isComplete))
    api.drop(resourceTypes.ServiceBGPStatus, { namespace, name: statuses(world)[0]?.metadata.name ?? '' })
    await until('it is made again where somebody removed it', () => statuses(world).some(isComplete))
  }))

test('nothing changes: nothing is written; a restart writes nothing again', () =>
  inWorld(async (world) => {
    const { start, until, pass, nextHops } = world
    putSite(world)
    for (let index = 0; index < 20; index += 1) putService(world, `web-${index}`, { ip: `192.0.2.${index + 10}` })
    const first = start('node-a')
    await until('all statuses', () => statuses(world).filter(isComplete).length === 20)
    await until('all events', () => assigned(world).length === 20)
    await pass(20_000)
    const isWrite = ({ verb }: { verb: string }): boolean =>
      ['create', 'apply', 'merge', 'replace', 'remove'].includes(verb)
    first.api.forgetRequests()
    await pass(600_000)
    assert.deepEqual(first.api.requests().filter(isWrite), [])
    await first.stop('SIGTERM')
    const second = start('node-a')
    await until('the routes', () => nextHops('192.0.2.10/32').length === 1)
    await pass(60_000)
    const writes = second.api.requests().filter(isWrite)
    assert.deepEqual([...new Set(writes.map(({ type }) => type.kind))].sort(), ['Event', 'NodeState'])
    assert.equal(assigned(world).length, 20, 'events that are there are not repeated')
    assert.equal(statuses(world).length, 20)
  }))

test('an object that MetalLB’s speaker has made for the same Service is used, and a second one is removed', () =>
  inWorld(async (world) => {
    const { start, until, api } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    const labels = {
      'metallb.io/node': 'node-a',
      'metallb.io/service-name': 'web',
      'metallb.io/service-namespace': 'default',
    }
    for (const name of ['bgp-x2b7k', 'bgp-zzzzz']) {
      api.put(resourceTypes.ServiceBGPStatus, {
        metadata: { name, namespace, labels },
        status: { node: 'node-a', serviceName: 'web', serviceNamespace: 'default', peers: ['router-node-a'] },
      })
    }
    start('node-a')
    await until('one is left', () => statuses(world).length === 1)
    assert.deepEqual(
      statuses(world).map(({ metadata }) => metadata.name),
      ['bgp-x2b7k'],
    )
  }))

test('what the speaker writes belongs to its pod, after a restart to the new one', () =>
  inWorld(async (world) => {
    const { start, until, api } = world
    // The API in memory serves the kinds that Holdfast names; pods are read once.
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    api.setServed(podType, true)
    const uids: string[] = []
    for (const pod of ['speaker-1', 'speaker-2']) {
      const made = api.put(podType, { metadata: { name: pod, namespace }, spec: { terminationGracePeriodSeconds: 2 } })
      uids.push(made.metadata.uid ?? '')
      const speaker = start('node-a', { command: { pod } })
      await until('it is owned', () => {
        const owned = [...statuses(world), ...api.readAll(resourceTypes.ConfigurationState)]
        return (
          owned.length === 2 &&
          owned.every(({ metadata }) => {
            const references = metadata['ownerReferences'] as readonly { uid: string }[] | undefined
            return references?.length === 1 && references[0]?.uid === uids.at(-1)
          })
        )
      })
      await speaker.stop('SIGTERM')
    }
    assert.notEqual(uids[0], uids[1])
  }))

test('the ConfigurationState says what is wrong, and is made again where somebody removed it', () =>
  inWorld(async (world) => {
    const { start, until, api } = world
    const key = { namespace, name: 'speaker-node-a' }
    const status = (): { result?: string; errorSummary?: string; conditions?: readonly object[] } =>
      api.read(resourceTypes.ConfigurationState, key)?.['status'] ?? {}
    putSite(world)
    start('node-a')
    await until('valid', () => status().result === 'Valid')
    putPool(world, 'nonsense')
    await until('invalid', () => status().result === 'Invalid')
    assert.match(status().errorSummary ?? '', /IPAddressPool metallb-system\/public: spec\.addresses\[0\]: /)
    assert.deepEqual(
      status().conditions?.map((one) => ({ ...one, lastTransitionTime: '', message: '' })),
      [
        {
          type: 'configReconcilerValid',
          status: 'False',
          reason: 'ConfigurationError',
          message: '',
          lastTransitionTime: '',
        },
      ],
    )
    api.drop(resourceTypes.ConfigurationState, key)
    await until('it is there again', () => status().result === 'Invalid')
    assert.deepEqual(api.read(resourceTypes.ConfigurationState, key)?.metadata.labels, {
      'metallb.io/component-type': 'speaker',
      'metallb.io/node-name': 'node-a',
    })
    putPool(world, '192.0.2.0/24')
    await until('valid again', () => status().result === 'Valid' && status().errorSummary === '')
  }))

test('nodeAssigned is told once for each Service and address, however often endpoints come and go', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, pass } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    const { api } = start('node-a')
    await until('it is told', () => assigned(world).length === 1)
    const [event] = assigned(world)
    assert.equal(event?.['message'], 'announcing from node "node-a" with protocol "bgp"')
    assert.equal((event['involvedObject'] as { name?: string }).name, 'web')
    for (let turn = 0; turn < 5; turn += 1) {
      putEndpoints(world, 'web', [])
      await until('no route', () => nextHops('192.0.2.10/32').length === 0)
      putEndpoints(world, 'web', ['node-a'])
      await until('the route', () => nextHops('192.0.2.10/32').length === 1)
      await pass(1000)
    }
    assert.equal(assigned(world).length, 1)
    const isEvent = ({ verb, type }: { verb: string; type: { kind: string } }): boolean =>
      verb === 'create' && type.kind === 'Event'
    assert.equal(api.requests().filter(isEvent).length, 1)
    putService(world, 'web', { ip: '192.0.2.20' })
    await until('another address is news', () => assigned(world).length === 2)
  }))

test('the NodeState has every session as it is, and a failing one does not write for ever', () =>
  inWorld(async (world) => {
    const { start, until, api, pass } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    api.put(resourceTypes.BGPPeer, {
      metadata: { name: 'gone', namespace },
      spec: { myASN: 64_512, peerASN: 64_500, peerAddress: '10.0.0.99', sourceAddress: '10.0.0.11' },
    })
    const { api: client } = start('node-a')
    const sessions = (): readonly Readonly<Record<string, unknown>>[] =>
      (nodeStateOf(world, 'node-a')['sessions'] as readonly Readonly<Record<string, unknown>>[] | undefined) ?? []
    await until('it is told', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/2')
    await until('the error', () => sessions()[0]?.['lastError'] !== undefined)
    assert.deepEqual(
      sessions().map(({ peer, state, routes }) => [peer, state, routes]),
      [
        ['gone', 'Active', 0],
        ['router-node-a', 'Established', 1],
      ],
    )
    assert.equal(nodeStateOf(world, 'node-a')['routes'], 1)
    assert.equal(conditionOf(world, 'node-a', 'Announcing')['status'], 'True')
    await pass(60_000)
    client.forgetRequests()
    await pass(600_000)
    const writes = client.requests().filter(({ verb, type }) => verb === 'apply' && type.kind === 'NodeState')
    assert.ok(writes.length <= 2, `${writes.length} writes in ten minutes`)
    api.drop(resourceTypes.NodeState, { namespace, name: 'node-a' })
    await until('it is made again', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/2')
  }))

test('what somebody else writes into the status of the NodeState is put right, at a bounded rate', () =>
  inWorld(async (world) => {
    const { start, until, api, pass } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    const { api: client } = start('node-a')
    await until('it is told', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
    await pass(20_000)
    const told = (): object => {
      const { conditions, ...rest } = nodeStateOf(world, 'node-a')
      return { ...rest, conditions: new Set(conditions as readonly object[]) }
    }
    const before = told()
    client.forgetRequests()
    const forge = (): void => {
      const condition = {
        type: 'SafeToReboot',
        status: 'True',
        reason: 'NoConnections',
        message: 'forged',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      }
      const status = {
        sessionsReady: '0/7',
        drain: { phase: 'Withdrawn', since: '2026-01-01T00:00:00Z' },
        conditions: [condition],
      }
      const write = { fieldManager: 'somebody', subresource: 'status' } as const
      void api.merge(resourceTypes.NodeState, { namespace, name: 'node-a' }, { status }, write)
    }
    forge()
    await pass(2000)
    assert.deepEqual(told(), before)
    for (let turn = 0; turn < 60; turn += 1) {
      forge()
      await pass(1000)
    }
    await until('the last one too', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
    const writes = client.requests().filter(({ verb }) => verb === 'apply' || verb === 'merge')
    assert.ok(writes.length <= 20, `${writes.length} writes`)
    client.forgetRequests()
    await pass(600_000)
    assert.deepEqual(
      client.requests().filter(({ verb }) => verb === 'apply' || verb === 'merge'),
      [],
    )
  }))

test('writes that fail are tried again, later and later, and announcing does not notice', () =>
  inWorld(async (world) => {
    const { start, until, nextHops, pass } = world
    putSite(world)
    putService(world, 'web', { ip: '192.0.2.10' })
    const { api, log } = start('node-a')
    api.failNext({ verbs: ['apply'] }, apiFault('forbidden', 'patch is forbidden'), { times: 12 })
    await until('the route', () => nextHops('192.0.2.10/32').length === 1)
    await pass(30_000)
    assert.ok(api.requests().filter(({ verb }) => verb === 'apply').length < 30)
    await until('it is told', () => log.some(({ event }) => event === 'permissionMissing'))
    assert.equal(
      log.filter((line) => line['needed'] === 'patch servicebgpstatuses.metallb.io').length,
      1,
      'a missing permission is told once',
    )
    await until('it is written in the end', () => statuses(world).some(isComplete))
  }))

test('thousands of Services are written at a bounded rate', () =>
  inWorld(async (world) => {
    const { start, until, pass } = world
    putSite(world)
    putPool(world, '10.10.0.0/16')
    for (let index = 0; index < 1000; index += 1) {
      putService(world, `web-${index}`, { ip: `10.10.${index >> 8}.${index & 255}` })
    }
    const { api, program } = start('node-a')
    await until('the routes', () => world.router.rib.size === 1000)
    assert.ok(statuses(world).length < 200, 'routes do not wait for statuses')
    await pass(5000)
    const writes = api.requests().filter(({ verb, type }) => verb === 'apply' && type.kind === 'ServiceBGPStatus')
    assert.ok(writes.length < 2 * (50 + 20 * 7), `${writes.length} writes`)
    assert.ok(program.speaker.pass?.plan.decisions.size === 1000)
  }))
