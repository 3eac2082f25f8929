import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTransitiveCommunity, linkBandwidth } from './extended-community.ts'
import { exabgp, frr } from './testing/captures.ts'
import { hex } from './testing/second-writer.ts'
import { decodedUpdate, external } from './testing/vectors.ts'

const context = {
  ...external,
  addPath: { send: [], receive: ['ipv4'] },
  extendedNextHop: ['ipv4'],
} as const
const communitiesOf = (digits: string): unknown =>
  decodedUpdate(hex(digits), context).announced?.attributes.extendedCommunities

test('link bandwidth is what FRR sends for 100 Mbit/s', () => {
  const sent = communitiesOf(frr.announceIpv4OverIpv6)
  assert.deepEqual(sent, [{ high: 0x0002fc00, low: 100 }, linkBandwidth(64512, 12_500_000, true)])
})

test('link bandwidth that stays in the AS has the bit that says so', () => {
  const community = linkBandwidth(65000, 390625, false)
  assert.deepEqual(community, { high: 0x4004fde8, low: 0x48bebc20 })
  assert.equal(isTransitiveCommunity(community), false)
  assert.equal(isTransitiveCommunity(linkBandwidth(65000, 390625, true)), true)
  assert.deepEqual(communitiesOf(exabgp.announceIpv4OverIpv6), [
    { high: 0x0002fc00, low: 100 },
    { high: 0x0003fc00, low: 1 },
    community,
  ])
})

test('link bandwidth of an AS of four octets names AS_TRANS', () => {
  assert.equal(linkBandwidth(4200000001, 1, true).high, 0x00045ba0)
  assert.equal(linkBandwidth(65535, 1, true).high, 0x0004ffff)
})

test('a bandwidth that 32 bits cannot say is rounded, and 0 is 0', () => {
  assert.equal(linkBandwidth(1, 16777217, true).low, 0x4b800000)
  assert.equal(linkBandwidth(1, 0, true).low, 0)
})
