import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createWorld, service, site } from '../testing/world.ts'
import { peersAnswer } from './answer.ts'
import { detailLines } from './detail.ts'
import { listLines } from './list.ts'

const moment = (nowMs: number) => ({ nowMs, nowIso: new Date(Date.UTC(2026, 0, 1) + nowMs).toISOString() })

test('a session is shown with what was offered, negotiated and counted, and one that is held with its reason', async (t) => {
  const manifests = site.replace(
    'myASN: 64512',
    'myASN: 64512\n  passwordSecret: { name: gone, namespace: metallb-system }',
  )
  const world = await createWorld({ manifests: manifests + service('web', 'abc') })
  t.after(() => world.stop())
  await world.until('two sessions', () => world.nextHops('192.0.2.10/32').length === 2)
  world.clock.advance(65_000)
  const answer = peersAnswer(world.standalone.announcements, moment(world.clock.now()))
  assert.deepEqual(
    answer.peers.map(({ node, state }) => [node, state]),
    [
      ['node-a', 'not opened'],
      ['node-b', 'Established'],
      ['node-c', 'Established'],
    ],
  )
  const [held, up] = answer.peers
  assert.match(held?.reason ?? '', /Secret/)
  assert.equal(up?.neighbor?.asn, 64_500)
  assert.equal(up.local.address, '10.0.0.12')
  assert.equal(up.routes.sent, 1)
  assert.equal(up.negotiated?.holdTime, 90)
  assert.equal(up.messages.sent['open'], 1)
  assert.ok((up.messages.received['keepalive'] ?? 0) >= 2)
  assert.ok(up.offered.local.includes('multiprotocol IPv4 unicast'), up.offered.local.join())
  assert.ok((up.timers.running['hold'] ?? 0) > 0)
  assert.doesNotThrow(() => JSON.stringify(answer))

  const list = listLines(answer, 160).map(stripVTControlCharacters)
  assert.match(list[1] ?? '', /node-a +router-a .* ○ not opened .*Secret/)
  assert.match(
    list.find((line) => line.includes('node-b')) ?? '',
    /node-b +router-b +10\.0\.0\.1:179 +64500 +● Established +1m\d\ds +90s +1 +-/,
  )
  const detail = detailLines(up, answer, 100).map(stripVTControlCharacters)
  const text = detail.join('\n')
  assert.match(text, /Neighbour +AS 64500, identifier 10\.0\.0\.1, address 10\.0\.0\.1/)
  assert.match(text, /By the peer .*multiprotocol IPv4 unicast/)
  assert.match(text, /Routes sent +1\n/)
  assert.ok(
    detail.every((line) => line.length <= 100),
    text,
  )
})

test('a session that ended says why, by whom, and what to do', async (t) => {
  const world = await createWorld({ manifests: site.replaceAll('peerASN: 64500', 'peerASN: 64999') })
  t.after(() => world.stop())
  await world.until('all are refused', () => world.events.filter((event) => event.event === 'session').length >= 3)
  const [view] = peersAnswer(world.standalone.announcements, moment(world.clock.now())).peers
  assert.equal(view?.lastError?.code, 'badPeerAs')
  assert.equal(view.lastError.by, 'peer')
  assert.match(view.lastError.message, /64500.*64999/)
  assert.equal(view.lastNotification?.direction, 'sent')
  assert.deepEqual([view.lastNotification.code, view.lastNotification.subcode], [2, 2])
})
