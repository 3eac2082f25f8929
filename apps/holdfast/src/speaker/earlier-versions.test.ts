import { resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import { LastKnownFile } from './last-known.ts'
import type { RunningSpeaker, SpeakerWorld } from './testing/speaker-world.ts'
import { inWorld, namespace, putService, putSite } from './testing/speaker-world.ts'

const prefix = '192.0.2.10/32'
const peer = { namespace, name: 'router-node-a' }
const profile = { namespace, name: 'fast' }
const secret = { namespace, name: 'login' }
const community = { namespace, name: 'names' }
const advertisement = { namespace, name: 'public' }

interface StateWorld extends SpeakerWorld {
  readonly path: string
  /** Starts a speaker with what an earlier one has kept. */
  readonly restart: (isApiAway?: boolean) => Promise<RunningSpeaker>
  /** Waits until the file says, or does not say, that something else is in force than what the object says now. */
  readonly untilKept: (key: string, isKept?: boolean) => Promise<void>
  readonly isAnnounced: () => boolean
}

async function withState(run: (world: StateWorld) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-earlier-'))
  const path = join(directory, 'last-known.jsonl')
  try {
    await inWorld(async (world) => {
      putSite(world)
      putService(world, 'web', { ip: '192.0.2.10' })
      const restart = async (isApiAway = false): Promise<RunningSpeaker> => {
        const now = (): string => '2026-01-01T00:00:00Z'
        const file = new LastKnownFile({ directory, node: 'node-a', bootId: 'boot-1', now })
        const running = world.start('node-a', { lastKnown: { file, read: await file.read() } })
        if (isApiAway) running.api.setOutage('refused')
        return running
      }
      const isKept = async (key: string): Promise<boolean> => {
        const read = await new LastKnownFile({ directory, node: 'node-a', bootId: '', now: () => '' }).read()
        return read.kind === 'found' && read.entries.has(`earlier ${key}`)
      }
      const untilKept = async (key: string, wanted = true): Promise<void> => {
        for (let turn = 0; turn < 100 && (await isKept(key)) !== wanted; turn += 1) {
          await world.pass(500)
          // A disk answers in real time.
          await pause(5)
        }
        assert.equal(await isKept(key), wanted, `${key} kept`)
      }
      await run({ ...world, path, restart, untilKept, isAnnounced: () => world.nextHops(prefix).length === 1 })
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

type Spec = Readonly<Record<string, unknown>>

function edit({ api }: SpeakerWorld, change: Spec): void {
  const before = api.read(resourceTypes.BGPPeer, peer)
  assert.ok(before)
  api.put(resourceTypes.BGPPeer, { metadata: before.metadata, spec: { ...(before['spec'] as Spec), ...change } })
}

const codes = ({ program }: RunningSpeaker): readonly string[] =>
  (program.speaker.faults ?? []).map(({ object, code }) => `${object.kind} ${object.name}: ${code}`)

/** A speaker whose peer was edited into something refused while it ran. */
async function refusedWhileRunning(world: StateWorld): Promise<readonly string[]> {
  const first = await world.restart()
  await world.until('the route', world.isAnnounced)
  edit(world, { bfdProfile: 'missing' })
  await world.untilKept('BGPPeer metallb-system/router-node-a')
  assert.ok(world.isAnnounced(), 'what was valid stays in force')
  const told = codes(first)
  assert.equal(told.length, 1)
  await first.stop('SIGUSR2')
  return told
}

test('a peer that is refused when the speaker restarts keeps its last valid version, and its session', () =>
  withState(async (world) => {
    const { restart, until, pass, isAnnounced, losses, path } = world
    const told = await refusedWhileRunning(world)
    const before = losses(prefix)
    for (const life of ['second', 'third']) {
      const speaker = await restart()
      await until(`${life}: the API server`, () => speaker.program.speaker.knowledge.kind === 'api')
      await until(`${life}: the route`, isAnnounced)
      await pass(10_000)
      assert.deepEqual(codes(speaker), told, life)
      assert.equal(
        speaker.program.speaker.pass?.evaluation.model.peers.get('metallb-system/router-node-a')?.meta.isStale,
        true,
      )
      assert.equal(statSync(path).mode & 0o777, 0o600)
      await speaker.stop('SIGUSR2')
    }
    assert.equal(losses(prefix), before)
  }))

test('it does so with the API server away, and follows it when that is back', () =>
  withState(async (world) => {
    const { restart, until, pass, isAnnounced, losses } = world
    const told = await refusedWhileRunning(world)
    const before = losses(prefix)
    const second = await restart(true)
    await until('the last known state', () => second.log.some(({ event }) => event === 'lastKnownState'))
    await until('the route', isAnnounced)
    await pass(300_000)
    assert.ok(isAnnounced())
    assert.deepEqual(codes(second), told)
    second.api.setOutage(undefined)
    await until('the server is heard', () => second.log.some(({ event }) => event === 'apiServerHeard'))
    await pass(10_000)
    assert.deepEqual([isAnnounced(), losses(prefix)], [true, before])
  }))

test('a peer that was corrected or deleted meanwhile counts as it is now', () =>
  withState(async (world) => {
    const { restart, until, untilKept, api, isAnnounced } = world
    await refusedWhileRunning(world)
    edit(world, { bfdProfile: undefined, holdTime: '30s' })
    const second = await restart()
    await until('the route', isAnnounced)
    await until('no faults', () => second.program.speaker.knowledge.kind === 'api' && codes(second).length === 0)
    await untilKept('BGPPeer metallb-system/router-node-a', false)
    edit(world, { bfdProfile: 'missing' })
    await untilKept('BGPPeer metallb-system/router-node-a')
    await second.stop('SIGUSR2')
    api.drop(resourceTypes.BGPPeer, peer)
    const third = await restart()
    await until('the API server', () => third.program.speaker.knowledge.kind === 'api')
    await until('no route', () => !isAnnounced())
    assert.ok(third.program.speaker.pass?.evaluation.model.peers.has('metallb-system/router-node-a') === false)
    await untilKept('BGPPeer metallb-system/router-node-a', false)
  }))

test('an advertisement whose Community has gone is announced as it was, also after a restart', () =>
  withState(async (world) => {
    const { restart, until, untilKept, api, communities, pass } = world
    const [blue, red] = [
      { name: 'blue', value: '64512:7' },
      { name: 'red', value: '64512:8' },
    ]
    api.put(resourceTypes.Community, { metadata: community, spec: { communities: [blue] } })
    api.put(resourceTypes.BGPAdvertisement, { metadata: advertisement, spec: { communities: ['blue'] } })
    const first = await restart()
    await until('the route', () => communities(prefix).includes('64512:7'))
    api.put(resourceTypes.Community, { metadata: community, spec: { communities: [red] } })
    await untilKept('BGPAdvertisement metallb-system/public')
    await first.stop('SIGUSR2')
    const second = await restart()
    await until('the API server', () => second.program.speaker.knowledge.kind === 'api')
    await pass(5000)
    assert.deepEqual(codes(second), ['BGPAdvertisement public: unknown-community-alias'])
    assert.deepEqual(communities(prefix), ['64512:7'])
  }))

test('a peer whose profile and Secret have gone is wanted as it was, also after a restart', () =>
  withState(async (world) => {
    const { restart, untilKept, api, pass } = world
    api.put(resourceTypes.BFDProfile, { metadata: profile, spec: {} })
    api.put(resourceTypes.Secret, {
      metadata: secret,
      type: 'kubernetes.io/basic-auth',
      data: { password: 'czNjcmV0' },
    })
    edit(world, { bfdProfile: profile.name, passwordSecret: { name: secret.name } })
    const first = await restart()
    await pass(5000)
    assert.deepEqual(codes(first), [])
    api.drop(resourceTypes.BFDProfile, profile)
    api.drop(resourceTypes.Secret, secret)
    await untilKept('BGPPeer metallb-system/router-node-a')
    const told = codes(first)
    const before = first.program.speaker.pass?.evaluation.model.peers
    const passwordIn = (peers: typeof before): string | undefined =>
      peers?.get('metallb-system/router-node-a')?.password?.reveal()
    assert.equal(passwordIn(before), 's3cret')
    await first.stop('SIGUSR2')
    const second = await restart()
    await pass(10_000)
    assert.equal(second.program.speaker.knowledge.kind, 'api')
    assert.deepEqual(codes(second), told)
    const after = second.program.speaker.pass?.evaluation.model.peers
    assert.ok(isDeepStrictEqual(after, before), 'it is wanted as before')
    assert.equal(passwordIn(after), 's3cret')
    assert.doesNotMatch(JSON.stringify([first.log, second.log]), /s3cret|czNjcmV0/)
  }))

test('a newcomer that was refused beside what was in force does not take its place after a restart', () =>
  withState(async (world) => {
    const { restart, until, untilKept, api, isAnnounced, pass } = world
    const first = await restart()
    await until('the route', isAnnounced)
    api.put(resourceTypes.IPAddressPool, {
      metadata: { namespace, name: 'a-newcomer' },
      spec: { addresses: ['192.0.2.0/25'] },
    })
    await untilKept('IPAddressPool metallb-system/a-newcomer')
    await first.stop('SIGUSR2')
    const second = await restart()
    await until('the API server', () => second.program.speaker.knowledge.kind === 'api')
    await until('the route', isAnnounced)
    await pass(5000)
    assert.deepEqual([...(second.program.speaker.pass?.evaluation.model.pools.keys() ?? [])], ['metallb-system/public'])
  }))

/** Writes the file anew, with each entry changed. */
function rewrite(path: string, change: (entry: Spec) => Spec | undefined): void {
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  const kept = lines.flatMap((line) => change(JSON.parse(line.slice(9)) as Spec) ?? [])
  const all = [{ ...(JSON.parse(head.slice(9)) as Spec), entries: kept.length }, ...kept].map((entry) =>
    JSON.stringify(entry),
  )
  writeFileSync(path, all.map((json) => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`).join(''))
}

const isEarlier = ({ key }: Spec): boolean => String(key).startsWith('earlier ')

for (const [what, change] of [
  ['of the version before, without them,', (entry: Spec) => (isEarlier(entry) ? undefined : entry)],
  ['in which they are no objects', (entry: Spec) => (isEarlier(entry) ? { ...entry, value: 'text' } : entry)],
  [
    'in which they are of other objects',
    (entry: Spec) => (isEarlier(entry) ? { ...entry, value: { version: { kind: 'BGPPeer' }, beside: [] } } : entry),
  ],
] as const) {
  test(`a file ${what} costs the earlier versions and nothing else`, () =>
    withState(async (world) => {
      const { restart, until, path, isAnnounced } = world
      const told = await refusedWhileRunning(world)
      rewrite(path, change)
      const second = await restart()
      await until('the API server', () => second.program.speaker.knowledge.kind === 'api')
      assert.ok(!second.log.some(({ event }) => event === 'lastKnownState'))
      assert.deepEqual(codes(second), told)
      edit(world, { bfdProfile: undefined })
      await until('the route', isAnnounced)
    }))
}

test('a file with a flipped bit among them is refused as a whole, and the speaker starts', () =>
  withState(async (world) => {
    const { restart, until, path } = world
    await refusedWhileRunning(world)
    writeFileSync(path, readFileSync(path, 'utf8').replace('"key":"earlier ', '"key":"earliez '))
    const second = await restart()
    await until('the API server', () => second.program.speaker.knowledge.kind === 'api')
    assert.match(second.log.find(({ event }) => event === 'lastKnownState')?.message ?? '', /checksum/)
  }))
