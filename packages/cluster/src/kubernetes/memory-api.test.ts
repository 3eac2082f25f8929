import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@holdfast/runtime'
import { pass, settle } from '../testing/virtual-time.ts'
import type { ApiResult, KubeObject, WatchEvent } from './api.ts'
import { apiFault, createMemoryApi } from './memory-api.ts'
import { resourceTypes } from './resource-types.ts'

const { AddressBlock, Lease, NodeState, Service } = resourceTypes
const write = { fieldManager: 'test' }

const block = (name: string, addresses: readonly unknown[] = []): KubeObject => ({
  metadata: { name, namespace: 'holdfast' },
  spec: { cidr: '192.0.2.0/26', addresses },
})

const key = (name: string) => ({ namespace: 'holdfast', name })

function valueOf<T>(result: ApiResult<T>): T {
  if (result.kind === 'fault') assert.fail(result.message)
  return result.value
}

const codeOf = (result: ApiResult<unknown>): string => (result.kind === 'fault' ? result.code : 'ok')

function createWorld() {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock })
  return { clock, api, one: api.connect(), two: api.connect() }
}

describe('The API in memory', () => {
  it('answers without any time passing, and after its latency where it has one', async () => {
    const { clock, api, one } = createWorld()
    assert.equal(codeOf(await api.create(AddressBlock, block('a'), write)), 'ok')
    one.setLatency(() => 25)
    let answer: string | undefined
    void one.get(AddressBlock, key('a')).then((result) => (answer = codeOf(result)))
    await pass(clock, 49)
    assert.equal(answer, undefined)
    await pass(clock, 1)
    assert.equal(answer, 'ok')
  })

  it('keeps what it was given, whatever the giver does with it later, and nothing that is undefined', async () => {
    const { api } = createWorld()
    const given = { ...block('a'), spec: { cidr: 'x', addresses: ['1'], nothing: undefined } }
    const made = valueOf(await api.create(AddressBlock, given, write))
    given.spec.addresses.push('2')
    assert.deepEqual(made['spec'], { cidr: 'x', addresses: ['1'] })
    assert.deepEqual(api.read(AddressBlock, key('a'))?.['spec'], { cidr: 'x', addresses: ['1'] })
  })

  it('refuses to replace a custom resource or a Lease without its version, but not a Service', async () => {
    const { api } = createWorld()
    for (const type of [AddressBlock, Lease, Service]) {
      api.put(type, { metadata: { name: 'a', namespace: 'holdfast' }, spec: {} })
    }
    const bare = { metadata: { name: 'a', namespace: 'holdfast' }, spec: { x: 1 } }
    assert.equal(codeOf(await api.replace(AddressBlock, bare, write)), 'invalid')
    assert.equal(codeOf(await api.replace(Lease, bare, write)), 'invalid')
    assert.equal(codeOf(await api.replace(Service, bare, write)), 'ok')
  })

  it('applies the ports of a Service by their number and protocol, beside those of others', async () => {
    const { api } = createWorld()
    const a = { port: 80, protocol: 'TCP', name: 'a' }
    const b = { port: 80, protocol: 'UDP', name: 'b' }
    const service = (ports: readonly unknown[]): KubeObject => ({ ...block('a'), spec: { ports } })
    valueOf(await api.apply(Service, service([a]), { fieldManager: 'one' }))
    valueOf(await api.apply(Service, service([b]), { fieldManager: 'two' }))
    const ports = () => (api.read(Service, key('a'))?.['spec'] as { ports: unknown }).ports
    assert.deepEqual(ports(), [a, b])
    const changed = { ...a, name: 'c' }
    valueOf(await api.apply(Service, service([changed]), { fieldManager: 'one' }))
    assert.deepEqual(ports(), [changed, b])
    valueOf(await api.apply(Service, service([]), { fieldManager: 'one' }))
    assert.deepEqual(ports(), [b])
  })

  it('has one count of versions for all kinds, and lists of an earlier one until they are compacted', async () => {
    const { api, one } = createWorld()
    api.put(AddressBlock, block('a'))
    const before = api.resourceVersion()
    api.put(NodeState, { metadata: { name: 'n', namespace: 'holdfast' } })
    api.drop(AddressBlock, key('a'))
    assert.equal(Number(api.resourceVersion()), Number(before) + 2)
    one.standStill(before)
    assert.equal(valueOf(await one.list(AddressBlock, {})).items.length, 1)
    assert.equal(codeOf(await one.get(AddressBlock, key('a'))), 'ok')
    api.compact()
    assert.equal(codeOf(await one.list(AddressBlock, {})), 'gone')
    one.catchUp()
    assert.equal(valueOf(await one.list(AddressBlock, {})).items.length, 0)
  })

  it('says gone to a page whose version was compacted', async () => {
    const { api } = createWorld()
    for (const name of ['a', 'b', 'c']) api.put(AddressBlock, block(name))
    const first = valueOf(await api.list(AddressBlock, { limit: 1 }))
    api.drop(AddressBlock, key('b'))
    assert.ok(first.continue !== undefined)
    const second = valueOf(await api.list(AddressBlock, { limit: 1, continue: first.continue }))
    assert.equal(second.items[0]?.metadata.name, 'b')
    api.compact()
    assert.equal(codeOf(await api.list(AddressBlock, { limit: 1, continue: first.continue })), 'gone')
  })

  it('sends bookmarks every minute and shortly before the end', async () => {
    const { api, clock } = createWorld()
    const times: number[] = []
    const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 150 }
    const watch = api.watch(AddressBlock, options, () => times.push(clock.now()))
    await pass(clock, 151_000)
    assert.deepEqual(times, [60_000, 120_000, 148_000])
    assert.deepEqual([await watch.ended, clock.pending()], [{ kind: 'ended' }, 0])
  })
})

describe('A watch of the API in memory', () => {
  it('begins when the request has come, and is known to be accepted when the answer has', async () => {
    const { api, one, clock } = createWorld()
    const latencies = [40, 25]
    one.setLatency(() => latencies.shift() ?? 0)
    const told: string[] = []
    const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 60 }
    const accepted = (): void => void told.push(`accepted ${clock.now()}`)
    one.watch(AddressBlock, { ...options, accepted }, (event) => told.push(`${event.type} ${clock.now()}`))
    api.put(AddressBlock, block('a'))
    await pass(clock, 1_000)
    assert.deepEqual(told, ['accepted 65', 'ADDED 65'])
  })

  it('is not accepted where it is refused, or nothing is answered, or it is stopped meanwhile', async () => {
    const { api, one, clock } = createWorld()
    const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 60 }
    const accepted = (): void => assert.fail('accepted')
    const watch = () => one.watch(AddressBlock, { ...options, accepted }, () => undefined)
    for (const outage of ['refused', 'silent'] as const) {
      one.setOutage(outage)
      watch()
      await pass(clock, 100)
      one.setOutage(undefined)
      await pass(clock, 100)
    }
    one.failNext({ verbs: ['watch'] }, apiFault('serverError', 'x'))
    watch()
    one.setLatency(() => 10)
    const stopped = watch()
    await pass(clock, 15)
    stopped.stop()
    await pass(clock, 1_000)
  })

  it('lives for timeoutSeconds from when it began: what is written later is not told, whenever it would arrive', async () => {
    for (const latencyMs of [0, 40, 5_000]) {
      const { api, one, clock } = createWorld()
      one.setLatency(() => latencyMs)
      const told: string[] = []
      const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 60 }
      const watch = one.watch(AddressBlock, options, (event) => {
        if (event.type !== 'BOOKMARK') told.push(event.object.metadata.name)
      })
      let endedMs: number | undefined
      void watch.ended.then(() => (endedMs = clock.now()))
      await pass(clock, latencyMs + 59_999)
      api.put(AddressBlock, block('in-time'))
      await pass(clock, 1)
      api.put(AddressBlock, block('late'))
      await pass(clock, 60_000)
      assert.deepEqual([told, endedMs], [['in-time'], 60_000 + 2 * latencyMs], `${latencyMs}`)
    }
  })
})

describe('Faults of the API in memory', () => {
  it('fail the next requests that match, of this client alone', async () => {
    const { api, one, two } = createWorld()
    api.put(AddressBlock, block('a'))
    one.failNext({ verbs: ['get'], type: AddressBlock, name: 'a' }, apiFault('serverError', 'x'), { times: 2 })
    assert.equal(codeOf(await two.get(AddressBlock, key('a'))), 'ok')
    assert.equal(codeOf(await one.list(AddressBlock, {})), 'ok')
    const codes = []
    for (let times = 0; times < 3; times += 1) codes.push(codeOf(await one.get(AddressBlock, key('a'))))
    assert.deepEqual(codes, ['serverError', 'serverError', 'ok'])
  })

  it('can carry a write out all the same', async () => {
    const { api, one } = createWorld()
    const fault = apiFault('timeout', 'x')
    one.failNext({ verbs: ['create'] }, fault, { isPerformed: true })
    assert.equal(codeOf(await one.create(AddressBlock, block('a'), write)), 'timeout')
    assert.ok(api.read(AddressBlock, key('a')) !== undefined)
    one.failNext({ verbs: ['create'] }, fault)
    assert.equal(codeOf(await one.create(AddressBlock, block('b'), write)), 'timeout')
    assert.equal(api.read(AddressBlock, key('b')), undefined)
  })

  for (const when of ['before', 'after'] as const) {
    it(`hold a write ${when} it is carried out, and release it with or without its answer`, async () => {
      const { api, one } = createWorld()
      for (const fault of [undefined, apiFault('timeout', 'x')]) {
        const name = fault === undefined ? 'a' : 'b'
        const hold = one.holdNext({ verbs: ['create'] }, when)
        let answer: string | undefined
        void one.create(AddressBlock, block(name), write).then((result) => (answer = codeOf(result)))
        await settle()
        assert.deepEqual([hold.hasArrived(), answer], [true, undefined])
        assert.equal(api.read(AddressBlock, key(name)) !== undefined, when === 'after')
        hold.release(fault)
        await settle()
        assert.equal(answer, fault?.code ?? 'ok')
        assert.equal(api.read(AddressBlock, key(name)) !== undefined, when === 'after' || fault === undefined)
      }
    })
  }

  it('hold watches back, and let them go on where they were', async () => {
    const { api, one, two, clock } = createWorld()
    const seen: string[] = []
    const nameOf = (event: WatchEvent): string => (event.type === 'BOOKMARK' ? '-' : event.object.metadata.name)
    const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 600 }
    one.watch(AddressBlock, options, (event) => seen.push(`one ${nameOf(event)}`))
    const other = two.watch(AddressBlock, options, (event) => seen.push(`two ${nameOf(event)}`))
    await settle()
    one.standStill()
    api.put(AddressBlock, block('a'))
    await settle()
    assert.deepEqual(seen, ['two a'])
    one.catchUp()
    await settle()
    assert.deepEqual(seen, ['two a', 'one a'])
    two.silenceWatches()
    api.put(AddressBlock, block('b'))
    await settle()
    assert.deepEqual(seen.slice(2), ['one b'])
    one.endWatches(apiFault('gone', 'x'))
    await settle()
    assert.deepEqual([one.openWatches(), two.openWatches()], [0, 1])
    other.stop()
    assert.deepEqual([two.openWatches(), clock.pending()], [0, 0])
  })

  it('deliver events in order, however long each takes', async () => {
    const { api, one, clock } = createWorld()
    const latencies = [100, 1, 50, 2, 1]
    one.setLatency(() => latencies.shift() ?? 0)
    const seen: string[] = []
    const options = { resourceVersion: api.resourceVersion(), timeoutSeconds: 600 }
    one.watch(AddressBlock, options, (event) => {
      if (event.type !== 'BOOKMARK') seen.push(event.object.metadata.name)
    })
    for (const name of ['a', 'b', 'c', 'd']) api.put(AddressBlock, block(name))
    await pass(clock, 1000)
    assert.deepEqual(seen, ['a', 'b', 'c', 'd'])
  })

  it('go back to a backup: versions are reused, or all earlier ones are gone', async () => {
    for (const versions of ['reused', 'bumped'] as const) {
      const { api } = createWorld()
      api.put(AddressBlock, block('a'))
      const backup = api.resourceVersion()
      api.put(AddressBlock, block('b'))
      api.drop(AddressBlock, key('a'))
      const later = api.resourceVersion()
      api.restore(backup, versions)
      assert.deepEqual(
        api.readAll(AddressBlock).map(({ metadata }) => metadata.name),
        ['a'],
      )
      assert.equal(Number(api.resourceVersion()) > Number(later), versions === 'bumped')
      const watch = api.watch(AddressBlock, { resourceVersion: later, timeoutSeconds: 60 }, () => undefined)
      await settle()
      if (versions === 'bumped') assert.equal((await watch.ended).kind, 'fault')
      watch.stop()
    }
  })

  it('are the same in every run of the same program', async () => {
    const run = async (): Promise<string> => {
      const { api, one, two, clock } = createWorld()
      const log: string[] = []
      for (const [index, client] of [one, two].entries()) {
        client.setLatency(() => 3 + index)
        client.watch(AddressBlock, { resourceVersion: api.resourceVersion(), timeoutSeconds: 60 }, (event) =>
          log.push(`${clock.now()} ${index} ${JSON.stringify(event)}`),
        )
      }
      for (let turn = 0; turn < 20; turn += 1) {
        void one.create(AddressBlock, block(`x${turn % 5}`), write).then((result) => log.push(JSON.stringify(result)))
        void two.remove(AddressBlock, key(`x${turn % 3}`)).then((result) => log.push(JSON.stringify(result)))
        await pass(clock, 5)
      }
      return log.join('\n')
    }
    assert.equal(await run(), await run())
  })
})
