import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpeakerWorld } from './testing/speaker-world.ts'
import { inWorld, nodeStateOf, putSite } from './testing/speaker-world.ts'

type Fields = Readonly<Record<string, unknown>>

const sessionIn = (world: SpeakerWorld): Fields => {
  const sessions = nodeStateOf(world, 'node-a')['sessions'] as readonly Fields[] | undefined
  return sessions?.[0] ?? {}
}

/** The router has no key: what comes with one is dropped without a word. */
const withKey = { peer: { password: 'canary' } }

test('a router that answers nothing is told of after a few seconds, not when the attempt is given up', () =>
  inWorld(async (world) => {
    putSite(world, withKey)
    world.start('node-a')
    await world.until('it is told', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '0/1')
    await world.pass(10_000)
    assert.equal(sessionIn(world)['lastError'], undefined)
    assert.match(
      String(sessionIn(world)['reason']),
      /No answer yet; TCP MD5: check that the key \(password\) is the same/,
    )
    await world.pass(150_000)
    assert.match(String(sessionIn(world)['lastError']), /did not answer the TCP connection in time; .*TCP MD5: check/)
    assert.equal(sessionIn(world)['reason'], undefined, 'it is said once')
  }))

test('why the session ended before does not hide that the router answers nothing now', () =>
  inWorld(async (world) => {
    putSite(world)
    world.start('node-a')
    await world.until('it is up', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '1/1')
    putSite(world, withKey)
    await world.until('it is down', () => nodeStateOf(world, 'node-a')['sessionsReady'] === '0/1')
    await world.until('an attempt stays without an answer', () => sessionIn(world)['reason'] !== undefined)
    assert.match(String(sessionIn(world)['reason']), /No answer yet; TCP MD5: check that the key/)
    assert.doesNotMatch(JSON.stringify(nodeStateOf(world, 'node-a')), /canary/)
  }))
