import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock, type Clock } from '@holdfast/runtime'
import { createRandom, pass, passUntil, settle } from '../testing/virtual-time.ts'
import type { KubeApi, KubeObject } from './api.ts'
import { createKubernetesSource } from './kubernetes-source.ts'
import type { Followed, KubernetesSource } from './kubernetes-source-types.ts'
import { apiFault, createMemoryApi } from './memory-api.ts'
import { longestWatchMs } from './reflector-types.ts'
import { resourceTypes } from './resource-types.ts'

const { EndpointSlice, PeerPolicy, Service } = resourceTypes

const service = (name: string): KubeObject => ({
  metadata: { name, namespace: 'default' },
  spec: { type: 'LoadBalancer' },
})

const all = (type: Followed['type'], selection: Followed['selection'] = {}): Followed => ({
  ...{ type, selection },
  keep: (object) => object,
  isOptional: true,
})

interface WorldOptions {
  readonly followed?: readonly Followed[]
  readonly random?: () => number
  readonly apiOf?: (api: KubeApi) => KubeApi
}

/** An API server and a source that follows Services, unless told otherwise. */
function createWorld(test: TestContext, { followed = [all(Service)], random = () => 0.5, apiOf }: WorldOptions = {}) {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock })
  const client = api.connect()
  /** The process is stopped: time goes on, and no alarm of it rings. */
  let isStopped = false
  const ownClock: Clock = {
    now: () => clock.now(),
    after: (ms, run) => clock.after(ms, () => (isStopped ? undefined : run())),
  }
  const source = createKubernetesSource({
    api: apiOf?.(client) ?? client,
    clock: ownClock,
    followed,
    random,
    observe: () => undefined,
  })
  test.after(async () => await source.stop())
  return {
    ...{ clock, api, client, source },
    since: () => source.watchedSinceMs(Service),
    stopProcess: () => void (isStopped = true),
  }
}

const start = (source: KubernetesSource): void => void source.start(() => undefined)

describe('Since when a kind is watched', () => {
  it('is unknown before the list and the answer to the watch, then the moment of that answer', async (test) => {
    const { clock, client, source, since } = createWorld(test)
    client.setLatency(() => 30)
    assert.equal(since(), undefined)
    start(source)
    // There and back for the list, and for the watch.
    await pass(clock, 119)
    assert.equal(client.openWatches(), 1)
    assert.equal(since(), undefined)
    await pass(clock, 1)
    assert.equal(since(), 120)
    await pass(clock, 200_000)
    assert.equal(since(), 120)
    await source.stop()
    assert.equal(since(), undefined)
  })

  it('is told of the kind that is asked for, and of none that is not followed or not there', async (test) => {
    const { clock, api, client, source, since } = createWorld(test, { followed: [all(Service), all(PeerPolicy)] })
    api.setServed(PeerPolicy, false)
    const hold = client.holdNext({ verbs: ['list'], type: Service }, 'before')
    start(source)
    await pass(clock, 500)
    assert.equal(since(), undefined)
    hold.release()
    await pass(clock, 500)
    assert.deepEqual(
      [since(), source.watchedSinceMs(PeerPolicy), source.watchedSinceMs(EndpointSlice)],
      [500, undefined, undefined],
    )
  })

  it('is the latest, where a kind is followed by several watches, and unknown where one of them is not under way', async (test) => {
    const followed = [all(Service, { namespace: 'default' }), all(Service, { namespace: 'other' })]
    const { clock, client, source, since } = createWorld(test, { followed })
    start(source)
    await pass(clock, 100)
    assert.equal(since(), 0)
    // The first that is asked for again waits.
    client.failNext({ verbs: ['watch'] }, apiFault('serverError', 'x'))
    client.endWatches({ kind: 'ended' })
    await pass(clock, 9_000)
    assert.ok((since() ?? 0) > 100)
    const hold = client.holdNext({ verbs: ['list'] }, 'before')
    void source.relist(Service)
    await pass(clock, 100)
    assert.ok(hold.hasArrived())
    assert.equal(since(), undefined)
    hold.release()
    await pass(clock, 100)
    assert.equal(since(), 9_100 + 100)
  })

  it('is unknown at once when the watch is over, however it ended, and until the next is accepted', async (test) => {
    for (const fault of [undefined, apiFault('gone', 'too old'), apiFault('unreachable', 'cut')]) {
      const { clock, client, source, since } = createWorld(test)
      start(source)
      await pass(clock, 20_000)
      assert.equal(since(), 0)
      client.setLatency(() => 40)
      const arrivesMs = clock.now() + 40
      client.endWatches(fault ?? { kind: 'ended' })
      await pass(clock, 39)
      assert.equal(since(), 0)
      await pass(clock, 1)
      assert.equal(clock.now(), arrivesMs)
      assert.equal(since(), undefined)
      const tookMs = await passUntil(clock, () => since() !== undefined, 10_000)
      assert.ok(tookMs !== undefined && tookMs >= 80)
      assert.equal(since(), clock.now())
    }
  })

  it('is unknown from when a list is asked for, and where the watch says nothing or what cannot be', async (test) => {
    const { clock, client, source, since } = createWorld(test)
    start(source)
    await pass(clock, 20_000)
    const hold = client.holdNext({ verbs: ['list'] }, 'before')
    void source.relist()
    assert.equal(since(), undefined)
    await pass(clock, 100)
    hold.release()
    await pass(clock, 100)
    assert.equal(since(), clock.now() - 100)
    // Suspected after three minutes.
    client.silenceWatches()
    const question = client.holdNext({ verbs: ['list'] }, 'before')
    await passUntil(clock, () => question.hasArrived(), 200_000)
    assert.equal(since(), undefined)
    question.release()
    await pass(clock, 100)
    assert.ok(since() !== undefined)
    client.sendToWatches(Service, { type: 'ADDED', object: { metadata: { name: '' } } })
    await settle()
    assert.equal(since(), undefined)
  })

  it('is unknown of a watch that is older than it was asked to become', async (test) => {
    const { clock, client, source, since, stopProcess } = createWorld(test, { random: () => 0 })
    start(source)
    await pass(clock, 10)
    // Its server waits for it to read: neither events nor the end come.
    client.silenceWatches()
    stopProcess()
    await pass(clock, 299_990)
    assert.equal(since(), 0)
    await pass(clock, 1)
    assert.equal(since(), undefined)
  })
})

describe('What is known', () => {
  it('came by the watch that it is told of, or by lists and watches before it', async (test) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = createRandom(seed)
      /** When the latest watch was asked for, and when the latest list came. */
      let [askedMs, listedMs] = [0, 0]
      const { clock, api, client, source, since } = createWorld(test, {
        random,
        apiOf: (server) => ({
          ...server,
          list: async (type, options) => {
            const answer = await server.list(type, options)
            listedMs = clock.now()
            return answer
          },
          watch: (type, options, observe) => {
            const ownMs = clock.now()
            askedMs = ownMs
            return server.watch(type, options, (event) => {
              assert.equal(askedMs, ownMs)
              assert.ok((since() ?? Infinity) >= ownMs, `seed ${seed}: an event of a watch that is not the one told of`)
              observe(event)
            })
          },
        }),
      })
      client.setLatency(() => random() * 300)
      let isTold = 0
      start(source)
      for (let turn = 0; turn < 400; turn += 1) {
        if (random() < 0.5) api.put(Service, service(`s${Math.floor(random() * 8)}`))
        if (random() < 0.05) client.endWatches(random() < 0.5 ? { kind: 'ended' } : apiFault('gone', 'too old'))
        if (random() < 0.03) void source.relist()
        if (random() < 0.02) client.silenceWatches()
        await pass(clock, random() < 0.1 ? random() * 60_000 : random() * 100)
        const sinceMs = since()
        if (sinceMs === undefined) continue
        isTold += 1
        assert.ok(sinceMs >= askedMs, `seed ${seed}, turn ${turn}: before the watch was asked for`)
        assert.ok(sinceMs >= listedMs, `seed ${seed}, turn ${turn}: before the list had come`)
        assert.ok(clock.now() - sinceMs <= longestWatchMs, `seed ${seed}, turn ${turn}: longer than a watch lives`)
      }
      assert.ok(isTold > 100, `${isTold}`)
      await source.stop()
    }
  })
})

describe('A watch', () => {
  it('is never asked to live for longer than longestWatchMs, and for that long where chance has it so', async (test) => {
    assert.equal(longestWatchMs, 600_000)
    const lives: number[] = []
    for (const chance of [0, 0.25, 0.9999999999]) {
      const { clock, source } = createWorld(test, {
        random: () => chance,
        apiOf: (server) => ({
          ...server,
          watch: (type, options, observe) => {
            lives.push(options.timeoutSeconds)
            return server.watch(type, options, observe)
          },
        }),
      })
      start(source)
      await pass(clock, 100)
    }
    assert.deepEqual(lives, [300, 375, longestWatchMs / 1000])
  })
})
