import type { PeerSnapshot, SocketOptions } from '@holdfast/net'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import { Rekeying } from './rekeying.ts'

const plain: SocketOptions = {
  md5Password: undefined,
  tcpAo: undefined,
  ttl: undefined,
  minimumTtl: undefined,
  device: undefined,
}
const keyed = (md5Password: string | undefined): { socket: SocketOptions; passwordFrom: string } => ({
  socket: { ...plain, md5Password },
  passwordFrom: 'Secret metallb-system/key',
})

function createScene() {
  const clock = createVirtualClock()
  const events: Event[] = []
  const now: { state: PeerSnapshot['state']; lastReceivedMs: number } = { state: 'established', lastReceivedMs: 0 }
  const rekeying = new Rekeying({
    clock,
    report: (event) => events.push(event),
    wanted: {
      key: 'node-a/router',
      node: 'node-a',
      peer: 'router',
      remoteText: '10.0.0.1:179',
      terms: { obstacle: '' },
    },
    snapshot: () => now as PeerSnapshot,
  })
  const said = (): readonly string[] => events.map((event) => ('message' in event ? (event.message ?? '') : ''))
  return { clock, now, rekeying, said }
}

const changed = 'password of peer router changed (Secret metallb-system/key), session is re-keyed'

test('a changed password is told with its Secret and without itself, and so is that the router answers with it', () => {
  const { clock, now, rekeying, said } = createScene()
  rekeying.changed(keyed('first-canary'), keyed('second-canary'))
  assert.deepEqual(said(), [changed])
  now.lastReceivedMs = 900
  clock.advance(20_000)
  assert.deepEqual(said(), [changed], 'what was under way came with the old one')
  now.lastReceivedMs = 21_000
  clock.advance(10_000)
  assert.deepEqual(said(), [changed, 'peer router answers with the new password: the session goes on'])
  assert.equal(clock.pending(), 0)
  assert.doesNotMatch(said().join(), /canary/)
})

test('a session that ends after its password changed says so itself', () => {
  const { clock, now, rekeying, said } = createScene()
  rekeying.changed(keyed('one'), keyed('two'))
  now.state = 'connect'
  clock.advance(90_000)
  assert.deepEqual(said(), [changed])
  assert.equal(clock.pending(), 0)
})

test('a password that comes or goes and other keys are told apart; a changed TTL is none of them', () => {
  const { rekeying, said } = createScene()
  rekeying.changed({ socket: undefined }, keyed('one'))
  rekeying.changed(keyed('one'), { socket: undefined })
  rekeying.changed({ socket: plain }, { socket: { ...plain, tcpAo: { keys: [] } } })
  rekeying.changed({ socket: plain }, { socket: { ...plain, ttl: 5 } })
  assert.deepEqual(said(), [
    'password of peer router was set (Secret metallb-system/key), session is re-keyed',
    'password of peer router was taken away (Secret metallb-system/key), session is re-keyed',
    'TCP-AO keys of peer router changed, session is re-keyed',
  ])
  rekeying.stop()
})
