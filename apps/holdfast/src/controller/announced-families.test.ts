import type { Family } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Heard } from './announced-claim.ts'
import { offeredClaim } from './announced-claim.ts'
import type { NodeWord, Offer } from './announced-heard.ts'
import { keepNodeWord, wordIn } from './announced-heard.ts'

const dual = ['192.0.2.1', '2001:db8::1']

/** What follows from sessions: by node, each by the name of its BGPPeer. `configured`: what a BGPPeer carries; else both. */
function claimOf(
  addresses: readonly string[],
  words: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>> | undefined>>,
  configured: Readonly<Record<string, Family>> = {},
): string {
  const offers = new Map<string, Offer>()
  const said = new Map<string, NodeWord | undefined>()
  for (const [node, sessions = { router: ['IPv4', 'IPv6'] }] of Object.entries(words)) {
    offers.set(node, { service: 'shop/web', node, peers: Object.keys(sessions), pod: '' })
    said.set(node, words[node] === undefined ? undefined : wordOf(sessions))
  }
  const heard: Heard = {
    wordOf: (node) => said.get(node),
    isHeard: () => true,
    stoppedBehind: () => undefined,
    stoppedOn: () => undefined,
    carries: (peer, family) => (configured[peer] ?? family) === family,
  }
  const claim = offeredClaim({ addresses, offers }, heard)
  return `${claim?.status} ${claim?.reason}: ${claim?.message}`
}

/** As a NodeState says it: of a session that is Established its families, of another one its last error. */
function wordOf(sessions: Readonly<Record<string, string | readonly string[]>>): NodeWord {
  const status = {
    sessions: Object.entries(sessions).map(([peer, one]) =>
      typeof one === 'string'
        ? { peer, state: 'Active', lastError: one }
        : { peer, state: 'Established', negotiated: { families: one } },
    ),
  }
  return wordIn(keepNodeWord({ metadata: { name: 'node' }, status }))
}

test('both families have a route, also by different nodes and peers: announced', () => {
  const announced = 'True Announced: announced by 1 node to 1 peer'
  assert.equal(claimOf(dual, { a: { router: ['IPv4', 'IPv6'] } }), announced)
  assert.equal(
    claimOf(dual, { a: { four: ['IPv4'] }, b: { six: ['IPv6'] } }, { four: 'ipv4', six: 'ipv6' }),
    'True Announced: announced by 2 nodes to 2 peers',
  )
})

test('a family that no peer is configured to carry is not announced, and the address is named', () => {
  assert.equal(
    claimOf(dual, { a: { router: ['IPv4'] }, b: { router: ['IPv4'] } }, { router: 'ipv4' }),
    'False FamilyNotAnnounced: no router has a route of 2001:db8::1: no BGPPeer that it is offered to carries IPv6 (router)',
  )
})

test('a family that the router did not agree on, or whose session is down, is not announced', () => {
  assert.equal(
    claimOf(dual, { a: { router: ['IPv4'] } }),
    'False FamilyNotAnnounced: no router has a route of 2001:db8::1: a: router (Established without IPv6)',
  )
  assert.equal(
    claimOf(dual, { a: { four: ['IPv4'], six: 'connection refused' } }, { four: 'ipv4', six: 'ipv6' }),
    'False FamilyNotAnnounced: no router has a route of 2001:db8::1: a: six (Active: connection refused)',
  )
  assert.equal(
    claimOf(['2001:db8::1'], { a: { router: ['IPv4'] } }),
    'False FamilyNotAnnounced: no router has a route of 2001:db8::1: a: router (Established without IPv6)',
  )
})

test('a Service of one family does not ask for the other one', () => {
  assert.match(claimOf(['192.0.2.1'], { a: { router: ['IPv4'] } }), /^True Announced/)
  assert.match(claimOf(['192.0.2.1'], { a: { router: 'refused' } }), /^False NoSession: .*router \(Active: refused\)$/)
})

test("MetalLB's speakers tell no families: the BGPPeers decide", () => {
  assert.match(claimOf(dual, { a: undefined }), /^True Announced/)
  assert.match(claimOf(dual, { a: undefined }, { router: 'ipv6' }), /^False FamilyNotAnnounced: .* 192\.0\.2\.1: /)
})
