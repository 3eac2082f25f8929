import { apiFault, resourceTypes } from '@holdfast/cluster'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { LastKnownFile } from './last-known.ts'
import type { ProgramOptions } from './program.ts'
import type { SpeakerWorld } from './testing/speaker-world.ts'
import { inWorld, putEndpoints, putService, putSite } from './testing/speaker-world.ts'

const prefixes = Array.from({ length: 8 }, (_, index) => `192.0.2.${index + 10}/32`)

/** A world with eight Services, and a directory for the last known state. */
async function withState(
  run: (world: SpeakerWorld, openState: () => Promise<NonNullable<ProgramOptions['lastKnown']>>) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-speaker-'))
  const openState = async (): Promise<NonNullable<ProgramOptions['lastKnown']>> => {
    const file = new LastKnownFile({ directory, node: 'node-a', bootId: 'boot-1', now: () => '2026-01-01T00:00:00Z' })
    return { file, read: await file.read() }
  }
  try {
    await inWorld(async (world) => {
      putSite(world)
      for (const [index] of prefixes.entries()) putService(world, `web-${index}`, { ip: `192.0.2.${index + 10}` })
      await run(world, openState)
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const allAnnounced = ({ nextHops }: SpeakerWorld): boolean => prefixes.every((prefix) => nextHops(prefix).length === 1)

test('restarted without an API server the speaker announces the same, and follows the server when it is back', () =>
  withState(async (world, openState) => {
    const { start, until, losses, pass, api: server, nextHops } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGUSR2')
    const lossesBefore = losses(prefixes[0] ?? '')

    const lastKnown = await openState()
    assert.equal(lastKnown.read.kind, 'found')
    const second = start('node-a', { lastKnown, probe: () => Promise.resolve({ kind: 'refused' }) })
    second.api.setOutage('refused')
    await until('all routes again', () => allAnnounced(world))
    const told = second.log.find(({ event }) => event === 'lastKnownState')
    assert.match(told?.message ?? '', /announcing what was known at 2026-01-01/)
    assert.deepEqual(second.program.speaker.knowledge, {
      kind: 'lastKnown',
      writtenAt: '2026-01-01T00:00:00Z',
      isObeyed: true,
    })
    await pass(600_000)
    assert.ok(allAnnounced(world))
    // One was withdrawn meanwhile, seven were not.
    putEndpoints(world, 'web-0', ['node-a'], { ready: false, serving: false })
    second.api.setOutage(undefined)
    await until('the server is heard', () => second.log.some(({ event }) => event === 'apiServerHeard'))
    await until('what changed is obeyed', () => nextHops(prefixes[0] ?? '').length === 0)
    await pass(5000)
    for (const prefix of prefixes.slice(1)) assert.equal(losses(prefix), lossesBefore, `${prefix} was never lost since`)
    const events = server.readAll(resourceTypes.Event).filter((event) => event['reason'] === 'nodeAssigned')
    assert.equal(events.length, prefixes.length, 'nothing is told twice')
  }))

test('an API server that is there is heard before anything is announced from an old file', () =>
  withState(async (world, openState) => {
    const { start, until, pass, api: server, nextHops } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGTERM')
    await pass(180_000)
    server.drop(resourceTypes.Service, { namespace: 'default', name: 'web-0' })
    const second = start('node-a', { lastKnown: await openState() })
    second.api.setLatency(() => 100)
    await until('the other routes', () => prefixes.slice(1).every((prefix) => nextHops(prefix).length === 1))
    assert.equal(nextHops(prefixes[0] ?? '').length, 0)
    assert.ok(!second.log.some(({ event }) => event === 'lastKnownState'))
  }))

test('what was in force a moment ago is announced at once, and what has gone since goes when the API server says so', () =>
  withState(async (world, openState) => {
    const { start, until, pass, api: server, nextHops, clock } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(180_000)
    await first.stop('SIGTERM')
    server.drop(resourceTypes.Service, { namespace: 'default', name: 'web-0' })
    const beganMs = clock.now()
    const second = start('node-a', { lastKnown: await openState() })
    second.api.setLatency(() => 2000)
    await until('the routes', () => allAnnounced(world))
    assert.ok(clock.now() - beganMs < 1000, `${clock.now() - beganMs} ms`)
    assert.deepEqual(
      second.log.filter(({ event }) => event === 'lastKnownState').map(({ level, message }) => [level, message]),
      [['info', 'announcing what was known at 2026-01-01T00:00:00Z: it was in force a moment ago']],
    )
    await until('the one that is gone goes', () => nextHops(prefixes[0] ?? '').length === 0)
    assert.ok(prefixes.slice(1).every((prefix) => nextHops(prefix).length === 1))
  }))

test('a speaker that had left announces nothing when it is back before the API server is heard', () =>
  withState(async (world, openState) => {
    const { start, until, pass, nextHops } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGINT')
    const second = start('node-a', { lastKnown: await openState() })
    second.api.setLatency(() => 2000)
    await pass(1500)
    assert.ok(prefixes.every((prefix) => nextHops(prefix).length === 0))
    await until('the routes', () => allAnnounced(world))
  }))

test('a drained node that restarts announces nothing, whether or not the API server is heard', () =>
  withState(async (world, openState) => {
    const { start, until, pass, nextHops } = world
    const other = start('node-b')
    const first = start('node-a', { lastKnown: await openState() })
    const hops = (count: number) => (): boolean => prefixes.every((prefix) => nextHops(prefix).length === count)
    await until('the routes of both', hops(2))
    await pass(3000)
    const drain = { requestedAt: '2026-01-01T00:00:00Z' }
    const own = { namespace: 'metallb-system', name: 'node-a' }
    void world.api.merge(resourceTypes.NodeState, own, { spec: { drain } }, { fieldManager: 'kubectl' })
    await until('the routes of the other one only', hops(1))
    await pass(5000)
    await first.stop('SIGUSR2')
    const second = start('node-a', { lastKnown: await openState() })
    second.api.setLatency(() => 2000)
    await pass(1500)
    assert.ok(hops(1)())
    await pass(10_000)
    assert.ok(hops(1)())
    await other.stop('SIGUSR2')
  }))

test('an API server whose first list is empty withdraws nothing before it has said so twice', () =>
  withState(async (world, openState) => {
    const { start, until, pass, api: server, losses } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGTERM')
    const before = losses(prefixes[3] ?? '')
    const second = start('node-a', { lastKnown: await openState() })
    second.api.answerNext(
      { verbs: ['list'], type: resourceTypes.Service },
      { items: [], resourceVersion: server.resourceVersion(), continue: undefined },
    )
    await until('the doubt', () => second.log.some(({ event }) => event === 'doubted'))
    await until('it is dismissed', () => second.log.some(({ event }) => event === 'doubtDismissed'))
    await until('the routes', () => allAnnounced(world))
    assert.equal(losses(prefixes[3] ?? ''), before)
  }))

test('a damaged file is told and not used, and the speaker starts', () =>
  withState(async (world) => {
    const { start, until, pass } = world
    const file = new LastKnownFile({ directory: '/nonexistent', node: 'node-a', bootId: '', now: () => '' })
    const { log } = start('node-a', { lastKnown: { file, read: { kind: 'damaged', reason: 'its end is missing' } } })
    await until('the routes', () => allAnnounced(world))
    assert.match(log.find(({ event }) => event === 'lastKnownState')?.message ?? '', /its end is missing/)
    await pass(3000)
    // A disk answers in real time.
    for (let turn = 0; turn < 400 && !log.some(({ message }) => message.includes('is not kept')); turn += 1)
      await pause(5)
    assert.ok(log.some(({ message }) => message.includes('is not kept')))
  }))

test('a permission that is missing for one kind leaves what an earlier life knew in force', () =>
  withState(async (world, openState) => {
    const { start, until, pass } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGTERM')
    const second = start('node-a', { lastKnown: await openState() })
    second.api.failNext({ type: resourceTypes.EndpointSlice }, apiFault('forbidden', 'no'), { times: 1000 })
    await until('the routes', () => allAnnounced(world))
    await until('it is told', () => second.log.some(({ event }) => event === 'permissionMissing'))
    assert.equal(second.program.speaker.knowledge.kind, 'lastKnown')
  }))

test('after a restart of the process in the same boot kube-proxy is not waited for; after a boot it is', () =>
  withState(async (world, openState) => {
    const { start, until, pass, nextHops } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGTERM')
    const probe = () => Promise.resolve({ kind: 'answered', status: 503 } as const)
    const second = start('node-a', { lastKnown: await openState(), probe })
    await until('the routes', () => allAnnounced(world))
    await second.stop('SIGINT')
    await until('no route', () => nextHops(prefixes[0] ?? '').length === 0)
    start('node-a', { lastKnown: await openState(), probe, bootId: 'boot-2' })
    await pass(10_000)
    assert.equal(nextHops(prefixes[0] ?? '').length, 0)
  }))

test('an API server that takes connections and says nothing is waited for, but not for long', () =>
  withState(async (world, openState) => {
    const { start, until, pass, clock } = world
    const first = start('node-a', { lastKnown: await openState() })
    await until('the routes', () => allAnnounced(world))
    await pass(3000)
    await first.stop('SIGTERM')
    const beganMs = clock.now()
    const second = start('node-a', { lastKnown: await openState() })
    second.api.setOutage('silent')
    await until('the routes', () => allAnnounced(world))
    assert.ok(clock.now() - beganMs < 5000, `${clock.now() - beganMs} ms`)
  }))
