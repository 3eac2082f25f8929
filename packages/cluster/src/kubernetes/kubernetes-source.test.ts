import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import type { Snapshot } from '../source.ts'
import { createRandom, pass, passUntil, settle } from '../testing/virtual-time.ts'
import type { ApiFault, KubeObject } from './api.ts'
import { createKubernetesSource } from './kubernetes-source.ts'
import type { Followed, FollowedState, KubernetesSource } from './kubernetes-source-types.ts'
import { apiFault, createMemoryApi, type MemoryApi, type MemoryClient } from './memory-api.ts'
import { timing } from './reflector-types.ts'
import { resourceTypes } from './resource-types.ts'

const { Service, EndpointSlice, PeerPolicy } = resourceTypes

const service = (name: string, extra: Readonly<Record<string, unknown>> = {}): KubeObject => ({
  metadata: { name, namespace: 'default' },
  spec: { type: 'LoadBalancer', ...extra },
})

const slice = (name: string): KubeObject => ({
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  endpoints: [{ addresses: ['10.0.0.1'] }],
})

const key = (name: string) => ({ namespace: 'default', name })

const followed: readonly Followed[] = [
  {
    type: Service,
    selection: { fieldSelector: 'spec.type=LoadBalancer' },
    keep: (object) => object,
    isOptional: false,
  },
  { type: EndpointSlice, selection: {}, keep: (object) => object, isOptional: false },
  { type: PeerPolicy, selection: { namespace: 'holdfast' }, keep: (object) => object, isOptional: true },
]

interface World {
  readonly clock: VirtualClock
  readonly api: MemoryApi
  readonly client: MemoryClient
  readonly source: KubernetesSource
  readonly snapshots: Snapshot[]
  readonly told: FollowedState[]
  readonly last: () => Snapshot
  readonly names: (snapshot?: Snapshot) => readonly string[]
  /** The names of the Services that there are. */
  readonly truth: () => readonly string[]
  readonly start: () => Promise<void>
}

function createWorld(test: TestContext, kinds: readonly Followed[] = followed): World {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock })
  const client = api.connect()
  const snapshots: Snapshot[] = []
  const told: FollowedState[] = []
  const source = createKubernetesSource({
    api: client,
    clock,
    followed: kinds,
    random: createRandom(1),
    observe: (state) => told.push(state),
  })
  for (const name of ['a', 'b', 'c']) {
    api.put(Service, service(name))
    api.put(EndpointSlice, slice(name))
  }
  const last = (): Snapshot => snapshots.at(-1) ?? { objects: [], faults: [] }
  test.after(async () => await source.stop())
  return {
    clock,
    api,
    client,
    source,
    snapshots,
    told,
    last,
    names: (snapshot = last()) =>
      valuesOf(snapshot)
        .filter(({ kind }) => kind === 'Service')
        .map(({ metadata }) => metadata.name)
        .sort(),
    truth: () => api.readAll(Service).map(({ metadata }) => metadata.name),
    start: async () => {
      const started = source.start((snapshot) => snapshots.push(snapshot))
      await pass(clock, 10)
      await started
    },
  }
}

const valuesOf = ({ objects }: Snapshot): readonly KubeObject[] => objects.map(({ value }) => value as KubeObject)
const entryOf = ({ objects }: Snapshot, name: string, kind = 'Service') =>
  objects.find(({ value }) => (value as KubeObject).kind === kind && (value as KubeObject).metadata.name === name)

describe('The first snapshot', () => {
  it('comes when every kind has been listed, and start resolves after it', async (test) => {
    const { clock, api, client, source, snapshots, names } = createWorld(test)
    const hold = client.holdNext({ verbs: ['list'], type: EndpointSlice }, 'before')
    let isStarted = false
    const started = source.start((snapshot) => snapshots.push(snapshot)).then(() => (isStarted = true))
    await pass(clock, 1000)
    assert.deepEqual([snapshots.length, isStarted], [0, false])
    api.put(Service, service('d'))
    await pass(clock, 1000)
    hold.release()
    await pass(clock, 10)
    await started
    assert.equal(snapshots.length, 1)
    assert.deepEqual(names(), ['a', 'b', 'c', 'd'])
    assert.deepEqual(snapshots[0]?.relisted, new Set(['Service', 'PeerPolicy', 'EndpointSlice']))
  })

  it('says of every object what it is and where it comes from', async (test) => {
    const { start, last, source } = createWorld(test)
    await start()
    const entry = entryOf(last(), 'a')
    assert.deepEqual([entry?.origin.file, entry?.origin.lineOf([])], ['Service default/a', undefined])
    const value = entry?.value as KubeObject
    assert.deepEqual([value.apiVersion, value.kind], ['v1', 'Service'])
    assert.equal(source.object(Service, key('a')), value)
    assert.equal([...source.objects(EndpointSlice)].length, 3)
  })

  it('does not wait for an optional kind that the server does not know, and has its objects when it does', async (test) => {
    const { start, clock, api, last, source, snapshots } = createWorld(test)
    api.setServed(PeerPolicy, false)
    await start()
    assert.equal(snapshots.length, 1)
    assert.deepEqual(
      source.states().map(({ isSynced, fault }) => [isSynced, fault]),
      [
        [true, undefined],
        [true, undefined],
        [true, undefined],
      ],
    )
    api.setServed(PeerPolicy, true)
    api.put(PeerPolicy, { metadata: { name: 'p', namespace: 'holdfast' }, spec: {} })
    const tookMs = await passUntil(clock, () => entryOf(last(), 'p', 'PeerPolicy') !== undefined, 31_000)
    assert.ok(tookMs !== undefined && tookMs <= 30_000)
  })

  it('waits for a kind that may not be missing, and tells what is wrong', async (test) => {
    const { client, clock, source, snapshots, told } = createWorld(test)
    client.failNext({ verbs: ['list'], type: Service }, apiFault('forbidden', 'no'), { times: 3 })
    const started = source.start((snapshot) => snapshots.push(snapshot))
    await pass(clock, 10)
    assert.equal(snapshots.length, 0)
    assert.ok(told.some(({ type, fault }) => type === Service && fault?.code === 'forbidden'))
    await pass(clock, 30_000)
    await started
    assert.equal(snapshots.length, 1)
    assert.equal(source.states()[0]?.fault, undefined)
  })

  it('may be given up', async (test) => {
    const { clock, client, source, snapshots } = createWorld(test)
    client.setOutage('refused')
    const started = source.start((snapshot) => snapshots.push(snapshot))
    await pass(clock, 5000)
    await source.stop()
    await started
    assert.deepEqual([snapshots.length, clock.pending()], [0, 0])
  })
})

describe('A change', () => {
  it('makes a snapshot without any time passing, in which all else keeps its identity', async (test) => {
    const { start, api, clock, last, snapshots, names } = createWorld(test)
    await start()
    const before = last()
    const nowMs = clock.now()
    api.put(Service, service('b', { loadBalancerIP: '192.0.2.1' }))
    await settle()
    assert.deepEqual([snapshots.length, clock.now()], [2, nowMs])
    assert.equal(entryOf(last(), 'a'), entryOf(before, 'a'))
    assert.notEqual(entryOf(last(), 'b'), entryOf(before, 'b'))
    assert.equal(last().relisted, undefined)
    assert.equal(before.objects.length, last().objects.length)
    await pass(clock, 10)
    api.drop(Service, key('a'))
    await settle()
    assert.deepEqual(names(), ['b', 'c'])
    assert.deepEqual(names(before), ['a', 'b', 'c'])
  })

  it('shares its snapshot with all others of its turn, also of other kinds', async (test) => {
    const { start, api, snapshots } = createWorld(test)
    await start()
    for (let index = 0; index < 100; index += 1) api.put(Service, service(`s${index}`))
    api.put(EndpointSlice, slice('x'))
    await settle()
    assert.equal(snapshots.length, 2)
    assert.equal(snapshots[1]?.objects.length, 107)
  })

  it('makes at most one snapshot a millisecond in a burst, and the last one is complete', async (test) => {
    const { start, api, clock, snapshots, last } = createWorld(test)
    await start()
    for (let index = 0; index < 200; index += 1) {
      api.put(Service, service(`s${index}`))
      await pass(clock, 0.1)
    }
    await pass(clock, 5)
    assert.ok(snapshots.length - 1 <= 22, `${snapshots.length}`)
    assert.equal(last().objects.length, 206)
  })

  it('that says nothing new makes no snapshot, but its version is known', async (test) => {
    const trimmed = followed.map((one) => ({
      ...one,
      keep: ({ metadata, spec }: KubeObject): KubeObject => ({
        metadata: {
          name: metadata.name,
          namespace: metadata.namespace ?? '',
          uid: metadata.uid ?? '',
          resourceVersion: metadata.resourceVersion ?? '',
        },
        spec,
      }),
    }))
    const { start, api, clock, last, snapshots, source } = createWorld(test, trimmed)
    await start()
    const before = entryOf(last(), 'a')
    const { metadata } = api.put(Service, { ...service('a'), status: { conditions: [{ type: 'x', status: 'True' }] } })
    await pass(clock, 10)
    assert.equal(snapshots.length, 1)
    assert.equal(source.object(Service, key('a'))?.metadata.resourceVersion, metadata.resourceVersion)
    await source.relist()
    assert.equal(entryOf(last(), 'a'), before)
  })

  it('is in the snapshot, whatever came and went before it', async (test) => {
    const { start, api, clock, last } = createWorld(test)
    await start()
    const random = createRandom(3)
    for (let turn = 0; turn < 300; turn += 1) {
      const name = `s${Math.floor(random() * 12)}`
      if (random() < 0.4) api.drop(Service, key(name))
      else api.put(Service, service(name, { loadBalancerIP: `192.0.2.${turn % 250}` }))
      await pass(clock, random() * 2)
      const versionsOf = (objects: readonly KubeObject[]): readonly string[] =>
        objects
          .filter(({ kind }) => kind === 'Service')
          .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion ?? ''}`)
          .sort()
      await pass(clock, 2)
      assert.deepEqual(versionsOf(valuesOf(last())), versionsOf(api.readAll(Service)), `turn ${turn}`)
    }
  })

  it('that goes and comes back under another uid is another object', async (test) => {
    const { start, api, clock, last } = createWorld(test)
    await start()
    const before = entryOf(last(), 'a')
    api.drop(Service, key('a'))
    api.put(Service, service('a'))
    await pass(clock, 10)
    assert.notEqual(entryOf(last(), 'a'), before)
    assert.equal((entryOf(last(), 'a')?.value as KubeObject).metadata.uid, api.read(Service, key('a'))?.metadata.uid)
  })

  it('of an object that left the selection takes it away', async (test) => {
    const { start, api, clock, names } = createWorld(test)
    await start()
    api.put(Service, service('a', { type: 'ClusterIP' }))
    await pass(clock, 10)
    assert.deepEqual(names(), ['b', 'c'])
  })
})

/** What goes wrong, and how it comes right again; undefined: by itself. */
interface Trouble {
  readonly claim: string
  readonly begin: (world: World) => void
  readonly end?: (world: World) => void
  /** How long after its end all must be known again; default: 30 s. */
  readonly withinMs?: number
}

const watchesFail = (fault: ApiFault): Trouble['begin'] => {
  return ({ client }) => {
    client.failNext({ verbs: ['watch'] }, fault, { times: 4 })
    client.endWatches(fault)
  }
}

const listsFail = (fault: ApiFault): Trouble['begin'] => {
  return ({ client }) => {
    client.failNext({ verbs: ['list'] }, fault, { times: 4 })
    client.endWatches(apiFault('gone', 'too old resource version'))
  }
}

const listsAre = (items: readonly unknown[], resourceVersion = '1'): Trouble['begin'] => {
  return ({ client }) => {
    const page = { items: items as readonly KubeObject[], resourceVersion, continue: undefined }
    client.answerNext({ verbs: ['list'], type: Service }, page)
    client.endWatches(apiFault('gone', 'too old resource version'), Service)
  }
}

const eventIs = (event: unknown): Trouble['begin'] => {
  return ({ client }) => client.sendToWatches(Service, event as Parameters<MemoryClient['sendToWatches']>[1])
}

const faults: readonly ApiFault[] = [
  apiFault('unreachable', 'connection reset'),
  apiFault('timeout', 'no answer'),
  apiFault('unauthorized', 'token expired'),
  apiFault('forbidden', 'no permission'),
  apiFault('notFound', 'no such kind'),
  apiFault('tooManyRequests', 'slow down', 2000),
  apiFault('serverError', 'internal error'),
  apiFault('badAnswer', 'a line that is cut in its middle'),
  apiFault('invalid', 'what version is that?'),
  apiFault('gone', 'too old resource version'),
]

const troubles: readonly Trouble[] = [
  ...faults.map((fault) => ({ claim: `watches that fail with ${fault.code}`, begin: watchesFail(fault) })),
  ...faults.map((fault) => ({ claim: `lists that fail with ${fault.code}`, begin: listsFail(fault) })),
  { claim: 'watches that end in good order', begin: ({ client }) => client.endWatches({ kind: 'ended' }) },
  {
    claim: 'an API server that refuses connections for ten minutes',
    begin: ({ client }) => client.setOutage('refused'),
    end: ({ client }) => client.setOutage(undefined),
  },
  {
    claim: 'an API server that refuses connections and has forgotten our versions meanwhile',
    begin: ({ client }) => client.setOutage('refused'),
    end: ({ client, api }) => {
      api.compact()
      client.setOutage(undefined)
    },
  },
  {
    claim: 'watches that say nothing any more, without bookmarks',
    begin: ({ client }) => client.silenceWatches(),
    withinMs: timing.silenceMs + 1000,
  },
  {
    claim: 'a backup of etcd that is restored as its manual says',
    begin: ({ api }) => {
      const before = api.resourceVersion()
      api.put(Service, service('after-the-backup'))
      api.restore(before, 'bumped')
    },
  },
  {
    claim: 'a backup of etcd that is restored with its old versions',
    begin: ({ api }) => {
      const before = api.resourceVersion()
      for (let index = 0; index < 20; index += 1) api.put(Service, service('after-the-backup', { index }))
      api.restore(before, 'reused')
    },
  },
  {
    claim: 'such a backup, of which the first that we hear is a bookmark',
    begin: ({ api, client }) => {
      const before = api.resourceVersion()
      for (let index = 0; index < 20; index += 1) api.put(Service, service('after-the-backup', { index }))
      // Before it goes, the server ends its watches as agreed.
      client.endWatches({ kind: 'ended' })
      api.restore(before, 'reused')
    },
    withinMs: 90_000,
  },
  {
    claim: 'a list of another kind',
    begin: listsAre([{ kind: 'Pod', metadata: { name: 'x', namespace: 'default', uid: '1', resourceVersion: '1' } }]),
  },
  { claim: 'a list of things without names', begin: listsAre([{ metadata: { namespace: 'default' } }, null]) },
  { claim: 'a list of garbage', begin: listsAre(['garbage', 7]) },
  { claim: 'a list that is none', begin: listsAre(null as unknown as readonly unknown[]) },
  { claim: 'a list without a resourceVersion', begin: listsAre([], '') },
  { claim: 'an event of garbage', begin: eventIs({ type: 'MODIFIED', object: { garbage: true } }) },
  {
    claim: 'an event of another kind',
    begin: eventIs({
      type: 'ADDED',
      object: { kind: 'Pod', metadata: { name: 'p', namespace: 'default', uid: 'x', resourceVersion: '9' } },
    }),
  },
  { claim: 'an event of an unknown type', begin: eventIs({ type: 'SURPRISE', object: { metadata: { name: 'a' } } }) },
  {
    claim: 'an event that says again what is known',
    begin: (world) => eventIs({ type: 'MODIFIED', object: world.api.read(Service, key('a')) })(world),
  },
  {
    claim: 'a deletion of an object that went before, of the same name',
    begin: (world) =>
      eventIs({
        type: 'DELETED',
        object: {
          ...world.api.read(Service, key('a')),
          metadata: { name: 'a', namespace: 'default', uid: 'earlier', resourceVersion: world.api.resourceVersion() },
        },
      })(world),
  },
  {
    claim: 'a server that stands still, then goes on',
    begin: ({ client }) => client.standStill(),
    end: ({ client }) => client.catchUp(),
  },
  {
    claim: 'a server that stands still and is asked anew',
    begin: ({ client }) => {
      client.standStill()
      client.endWatches(apiFault('gone', 'too old resource version'))
    },
    end: ({ client }) => client.catchUp(),
  },
]

describe('Nothing is lost, and all is known again, after', () => {
  for (const { claim, begin, end, withinMs = 30_000 } of troubles) {
    it(claim, async (test) => {
      const world = createWorld(test)
      const { start, api, clock, names, truth, snapshots, source, client } = world
      await start()
      const beginMs = clock.now()
      begin(world)
      await settle()
      api.put(Service, service('d'))
      api.drop(Service, key('c'))
      api.drop(Service, key('b'))
      api.put(Service, service('b'))
      if (end !== undefined) {
        client.forgetRequests()
        await pass(clock, 600_000)
        assert.ok(client.requests().length <= 3 * 70, `${client.requests().length} requests in ten minutes`)
        end(world)
      }
      const isRight = (): boolean => JSON.stringify(names()) === JSON.stringify(truth())
      const tookMs = await passUntil(clock, isRight, withinMs)
      assert.ok(tookMs !== undefined, `not after ${clock.now() - beginMs} ms: ${names().join()}, not ${truth().join()}`)
      const uid = api.read(Service, key('b'))?.metadata.uid
      assert.equal(source.object(Service, key('b'))?.metadata.uid, uid)
      for (const snapshot of snapshots) assert.ok(names(snapshot).includes('a'), 'a was taken away')
      for (const snapshot of snapshots)
        assert.equal(snapshot.objects.filter(({ origin }) => origin.file.startsWith('EndpointSlice')).length, 3)
      await pass(clock, 60_000)
      assert.deepEqual(
        source.states().map(({ fault }) => fault),
        [undefined, undefined, undefined],
      )
      await source.stop()
      assert.equal(clock.pending(), 0)
    })
  }
})

describe('A list that', () => {
  for (const wrong of [0, 1]) {
    it(`has ${wrong} of 3 objects and is followed by a whole one takes nothing away`, async (test) => {
      const { start, client, clock, names, snapshots, source, told } = createWorld(test)
      await start()
      const items = [...source.objects(Service)].slice(0, wrong)
      client.answerNext({ verbs: ['list'], type: Service }, { items, resourceVersion: '1', continue: undefined })
      client.endWatches(apiFault('gone', 'too old'), Service)
      await pass(clock, 1000)
      assert.deepEqual(names(), ['a', 'b', 'c'])
      assert.equal(snapshots.length, 1)
      assert.ok(told.every(({ fault }) => fault?.code !== 'badAnswer'))
    })
  }

  it('is empty like the one before it is obeyed, and the snapshot says that a list said so', async (test) => {
    const { start, client, clock, names, last } = createWorld(test)
    await start()
    const empty = { items: [], resourceVersion: '1', continue: undefined }
    for (let times = 0; times < 2; times += 1) client.answerNext({ verbs: ['list'], type: Service }, empty)
    client.endWatches(apiFault('gone', 'too old'), Service)
    await pass(clock, 0)
    assert.deepEqual(names(), [])
    assert.deepEqual(last().relisted, new Set(['Service']))
  })

  it('brings no difference keeps every identity and makes no snapshot', async (test) => {
    const { start, api, client, clock, snapshots, last } = createWorld(test)
    await start()
    const before = last()
    client.setLatency(() => 5)
    client.endWatches(apiFault('gone', 'too old'))
    await pass(clock, 1000)
    assert.equal(snapshots.length, 1)
    api.put(Service, service('d'))
    await pass(clock, 1000)
    assert.equal(entryOf(last(), 'a'), entryOf(before, 'a'))
    assert.equal(last().relisted, undefined)
  })

  it('comes in pages is whole, and one whose pages are forgotten half way starts over', async (test) => {
    const { start, api, client, clock, names, snapshots } = createWorld(test)
    for (let index = 0; index < 1200; index += 1) api.put(Service, service(`s${String(index).padStart(4, '0')}`))
    const hold = client.holdNext({ verbs: ['list'], type: Service, isContinued: true }, 'before')
    const starting = start()
    await settle()
    assert.ok(hold.hasArrived())
    api.drop(Service, key('s0000'))
    api.compact()
    hold.release()
    await starting
    await pass(clock, 1000)
    assert.equal(names().length, 1202)
    for (const snapshot of snapshots) assert.ok(names(snapshot).length >= 1202)
  })

  it('has pages that go round in a circle is refused', async (test) => {
    const { start, client, clock, names, told } = createWorld(test)
    await start()
    const page = { items: [], resourceVersion: '1', continue: 'again' }
    for (let times = 0; times < 2; times += 1) client.answerNext({ verbs: ['list'], type: Service }, page)
    client.endWatches(apiFault('gone', 'too old'), Service)
    await pass(clock, 0)
    assert.deepEqual(names(), ['a', 'b', 'c'])
    assert.equal(told.at(-1)?.fault?.code, 'badAnswer')
  })

  it('never comes leaves what is known', async (test) => {
    const { start, client, clock, names, source } = createWorld(test)
    await start()
    client.holdNext({ verbs: ['list'], type: Service }, 'before')
    client.endWatches(apiFault('gone', 'too old'), Service)
    await pass(clock, 3_600_000)
    assert.deepEqual(names(), ['a', 'b', 'c'])
    await source.stop()
    assert.equal(clock.pending(), 0)
  })

  it('was asked for is there, with its snapshot, when relist resolves', async (test) => {
    const { start, api, client, clock, names, source, last } = createWorld(test)
    await start()
    client.silenceWatches()
    api.drop(Service, key('a'))
    client.setLatency(() => 20)
    let isDone = false
    void source.relist(Service).then(() => {
      isDone = true
      assert.deepEqual(names(), ['b', 'c'])
      assert.deepEqual(last().relisted, new Set(['Service']))
    })
    // What it takes away, a second list has to say too.
    await pass(clock, 70)
    assert.equal(isDone, false)
    await pass(clock, 20)
    assert.equal(isDone, true)
  })

  it('was asked for while one is under way is a newer one', async (test) => {
    const { start, api, client, clock, names, source } = createWorld(test)
    await start()
    client.silenceWatches()
    const hold = client.holdNext({ verbs: ['list'], type: Service }, 'after')
    const first = source.relist(Service)
    await settle()
    assert.ok(hold.hasArrived())
    api.drop(Service, key('a'))
    const second = source.relist(Service).then(() => names())
    hold.release()
    await first
    assert.deepEqual(names(), ['a', 'b', 'c'])
    await pass(clock, 10)
    assert.deepEqual(await second, ['b', 'c'])
  })

  it('is refused with Retry-After is not asked for again before', async (test) => {
    const { start, client, clock } = createWorld(test)
    await start()
    client.failNext({ verbs: ['list'], type: Service }, apiFault('tooManyRequests', 'slow down', 45_000))
    client.endWatches(apiFault('gone', 'too old'), Service)
    await pass(clock, 0)
    client.forgetRequests()
    await pass(clock, 44_900)
    assert.deepEqual(
      client.requests().filter(({ type }) => type === Service),
      [],
    )
    await pass(clock, 10_000)
    assert.ok(client.requests().some(({ type }) => type === Service))
  })
})

describe('A watch that', () => {
  const serviceOnly = followed.slice(0, 1)

  it('is over goes on from the last version, without a list, and lasts 300 to 600 s', async (test) => {
    const { start, client, clock } = createWorld(test, serviceOnly)
    await start()
    client.forgetRequests()
    await pass(clock, 3_600_000)
    const verbs = client.requests().map(({ verb }) => verb)
    assert.ok(verbs.length >= 6 && verbs.length <= 12, `${verbs.length}`)
    assert.ok(verbs.every((verb) => verb === 'watch'))
  })

  it('is ended by the server at once, again and again, is not asked for without pause', async (test) => {
    const { start, client, clock } = createWorld(test, serviceOnly)
    await start()
    const refuse = (): void => client.endWatches({ kind: 'ended' })
    client.forgetRequests()
    for (let ms = 0; ms < 60_000; ms += 10) {
      refuse()
      await pass(clock, 10)
    }
    assert.ok(client.requests().length < 20, `${client.requests().length}`)
  })

  it('fails is asked for again after 0.8 s, then ever less often, up to 14 s', async (test) => {
    const { start, client, clock } = createWorld(test, serviceOnly)
    await start()
    client.setOutage('refused')
    const times: number[] = []
    let seen = client.requests().length
    for (let ms = 0; ms < 300_000; ms += 100) {
      await pass(clock, 100)
      if (client.requests().length > seen) times.push(ms)
      seen = client.requests().length
    }
    const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? 0))
    assert.ok((times[0] ?? 0) <= 900)
    assert.ok(
      gaps.every((gap) => gap <= 14_200),
      gaps.join(),
    )
    assert.ok(
      gaps.slice(6).every((gap) => gap >= 6_900),
      gaps.join(),
    )
  })

  it('says nothing is suspected less and less where nothing was missed', async (test) => {
    const { start, client, clock } = createWorld(test, serviceOnly)
    await start()
    let watches = 0
    client.forgetRequests()
    const silence = (): void => {
      const { length } = client.requests()
      if (length === watches) return
      watches = length
      client.silenceWatches()
    }
    client.silenceWatches()
    for (let ms = 0; ms < 3_600_000; ms += 1000) {
      await pass(clock, 1000)
      silence()
    }
    assert.ok(watches >= 6 && watches <= 14, `${watches}`)
  })

  it('brings bookmarks shows life in every window', async (test) => {
    const { start, clock, source } = createWorld(test, serviceOnly)
    await start()
    for (let ms = 0; ms < 1_800_000; ms += 10_000) {
      await pass(clock, 10_000)
      const { lastContactMs = 0 } = source.states()[0] ?? {}
      assert.ok(clock.now() - lastContactMs <= 60_000 + 10_000, `${clock.now() - lastContactMs}`)
    }
  })
})

describe('After a backup of etcd was restored with its old versions', () => {
  const serviceOnly = followed.slice(0, 1)

  it('a version that is given a second time is read anew', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, api, client, clock, source } = world
    await start()
    const backup = api.resourceVersion()
    const address = (): unknown =>
      (source.object(Service, key('a'))?.['spec'] as { loadBalancerIP?: string }).loadBalancerIP
    const first = api.put(Service, service('a', { loadBalancerIP: '192.0.2.1' }))
    api.put(Service, service('b', { loadBalancerIP: '192.0.2.2' }))
    await settle()
    assert.equal(address(), '192.0.2.1')
    api.restore(backup, 'reused')
    const second = api.put(Service, service('a', { loadBalancerIP: '192.0.2.9' }))
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
    await passUntil(clock, () => address() === '192.0.2.9', 5000)
    assert.equal(address(), '192.0.2.9')
    assert.ok(client.requests().length < 10)
  })

  it('what it does not have is gone when two whole lists say so, and the snapshot says that a list did', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, clock, client, names, last, told } = world
    await start()
    const backup = world.api.resourceVersion()
    world.api.put(Service, service('later'))
    await settle()
    assert.deepEqual(names(), ['a', 'b', 'c', 'later'])
    client.forgetRequests()
    world.api.restore(backup, 'reused')
    await pass(clock, 2000)
    assert.deepEqual(names(), ['a', 'b', 'c'])
    assert.deepEqual(last().relisted, new Set(['Service']))
    // The question, the list and the one that confirms it.
    assert.deepEqual(
      client.requests().map(({ verb }) => verb),
      ['list', 'list', 'list', 'watch'],
    )
    assert.ok(told.some(({ fault }) => fault?.message.includes('etcd is restored from a backup') === true))
  })

  it('an event with an older version is not taken: all is listed', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, api, client, clock, names } = world
    await start()
    client.forgetRequests()
    const event = { type: 'DELETED', object: api.read(Service, key('a')) } as const
    client.sendToWatches(Service, event as Parameters<MemoryClient['sendToWatches']>[1])
    await pass(clock, 100)
    assert.deepEqual(names(), ['a', 'b', 'c'])
    assert.deepEqual(
      client.requests().map(({ verb }) => verb),
      ['list', 'watch'],
    )
  })

  it('a server that goes back again and again is not asked without pause', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, client, clock } = world
    await start()
    client.forgetRequests()
    for (let ms = 0; ms < 60_000; ms += 10) {
      client.sendToWatches(Service, { type: 'BOOKMARK', resourceVersion: '1' })
      await pass(clock, 10)
    }
    assert.ok(client.requests().length < 30, `${client.requests().length}`)
  })

  it('an outage costs one request more than the watches, and an end in good order none', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, client, clock } = world
    await start()
    client.forgetRequests()
    client.setOutage('refused')
    await pass(clock, 60_000)
    const tries = client.requests().length
    client.setOutage(undefined)
    await pass(clock, 60_000)
    const since = client.requests().slice(tries)
    assert.deepEqual(
      since.map(({ verb }) => verb),
      ['list', 'watch'],
    )
    client.forgetRequests()
    client.endWatches({ kind: 'ended' })
    await pass(clock, 100)
    assert.deepEqual(
      client.requests().map(({ verb }) => verb),
      ['watch'],
    )
  })

  it('lists that succeed while watches fail are not asked for at each retry', async (test) => {
    const world = createWorld(test, serviceOnly)
    const { start, client, clock } = world
    await start()
    client.forgetRequests()
    const fault = apiFault('tooManyRequests', 'storage is (re)initializing')
    client.failNext({ verbs: ['watch'] }, fault, { times: 6 })
    client.endWatches({ kind: 'ended' })
    await pass(clock, 120_000)
    assert.deepEqual(client.requests().filter(({ verb }) => verb === 'list').length, 1)
  })
})

describe('Optional kinds', () => {
  it('keep their objects when the server does not know the kind any more', async (test) => {
    const { start, api, client, clock, last, source } = createWorld(test)
    api.put(PeerPolicy, { metadata: { name: 'p', namespace: 'holdfast' }, spec: {} })
    await start()
    api.setServed(PeerPolicy, false)
    client.endWatches(apiFault('gone', 'too old'), PeerPolicy)
    await pass(clock, 300_000)
    assert.ok(entryOf(last(), 'p', 'PeerPolicy') !== undefined)
    assert.equal(source.states()[2]?.fault?.code, 'notFound')
  })
})

describe('After stop', () => {
  it('nothing is told and no timer is left, wherever it was', async (test) => {
    for (const outage of [undefined, 'refused', 'silent'] as const) {
      const { start, api, client, clock, snapshots, source } = createWorld(test)
      await start()
      client.setOutage(outage)
      await pass(clock, 12_345)
      api.put(Service, service('d'))
      await source.stop()
      await source.stop()
      const told = snapshots.length
      await pass(clock, 100_000)
      assert.deepEqual([snapshots.length, client.openWatches()], [told, 0])
      assert.equal(clock.pending(), 0)
    }
  })

  it('a source is not started again', async (test) => {
    const { start, source } = createWorld(test)
    await start()
    await assert.rejects(
      source.start(() => undefined),
      /started once/,
    )
  })
})
