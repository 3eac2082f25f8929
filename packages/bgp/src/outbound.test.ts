import type { Address, Prefix } from '@holdfast/ip'
import { formatAddress, formatPrefix, hostPrefix, ipv4, ipv6, maskAddress, parsePrefix, prefixKey } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeMessage } from './encode.ts'
import type { UpdateMessage } from './messages.ts'
import { contextOf } from './negotiate.ts'
import type { AdjRibOut } from './outbound.ts'
import { advertise, emptyAdjRibOut, readvertise } from './outbound.ts'
import type { Negotiated } from './peer.ts'
import type { Route, RouteAttributes } from './routes.ts'
import { attributesOf, negotiatedOf } from './testing/peers.ts'

const local4 = ipv4(0xc0000201)
const local6 = ipv6(0x20010db8_00000000_00000000_00000001n)

const sessionOf = (changes: Partial<Negotiated> = {}): Negotiated =>
  negotiatedOf({ localAddress: local4, remoteAddress: ipv4(0xc0000202), ...changes })
const internal = sessionOf({ isInternal: true, remoteAsn: 65010 })

const prefixOf = (text: string): Prefix => {
  const parsed = parsePrefix(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}
const routeTo = (text: string, changes: Partial<RouteAttributes> = {}): Route => ({
  prefix: prefixOf(text),
  attributes: attributesOf(changes),
})
const hosts = (count: number, attributes = attributesOf()): Route[] =>
  Array.from({ length: count }, (_, index) => ({ prefix: hostPrefix(ipv4(0x0a000000 + index)), attributes }))

/** What a router has after these UPDATEs: text for each prefix, written out here and nowhere shared with the code. */
type Rib = Map<number | string, string>

function apply(rib: Rib, { withdrawn, announced, endOfRib }: UpdateMessage): void {
  const lists = [withdrawn.length > 0, announced !== undefined, endOfRib !== undefined]
  assert.equal(lists.filter(Boolean).length, 1, 'RFC 7606 section 5.1: one thing per UPDATE')
  for (const prefix of withdrawn) assert.ok(rib.delete(prefixKey(prefix)), `${formatPrefix(prefix)} was not there`)
  for (const { nextHop, prefixes } of announced?.reach ?? []) {
    const { others, ...told } = { ...announced!.attributes, via: formatAddress(nextHop) }
    assert.deepEqual(others, [])
    for (const prefix of prefixes) rib.set(prefixKey(prefix), JSON.stringify([formatPrefix(prefix), told]))
  }
}

function wanted(routes: readonly Route[], session: Negotiated): Rib {
  const rib: Rib = new Map()
  for (const { prefix, attributes } of routes) {
    const via: Address = attributes.nextHop ?? session.localAddress
    const { family } = prefix.address
    const isOverIpv6 = family === 'ipv4' && session.extendedNextHop.includes('ipv4')
    if (!session.families.includes(family) || (via.family !== family && !isOverIpv6)) continue
    const told = { ...wantedAttributes(attributes, session), via: formatAddress(via) }
    rib.set(prefixKey(prefix), JSON.stringify([formatPrefix(prefix), told]))
  }
  return rib
}

function wantedAttributes(attributes: RouteAttributes, { isInternal, globalAsn, role }: Negotiated): object {
  const { origin, med, communities, largeCommunities, extendedCommunities, prepend } = attributes
  const asns = [...Array.from({ length: prepend + 1 }, () => 65010), ...(globalAsn === undefined ? [] : [64512])]
  return {
    origin,
    asPath: isInternal ? [] : [{ kind: 'sequence', asns }],
    localPref: isInternal ? (attributes.localPref ?? 100) : undefined,
    med,
    communities,
    largeCommunities,
    extendedCommunities: isInternal
      ? extendedCommunities
      : extendedCommunities.filter(({ high }) => ![0x4004, 0x4304].includes(high >>> 16)),
    onlyToCustomer: role?.local === 'peer' ? 65010 : undefined,
  }
}

const sizeOf = (message: UpdateMessage, session: Negotiated): number =>
  encodeMessage(message, contextOf(session)).length

test('the attributes of a route to another AS: AS_PATH is ours, no LOCAL_PREF, next hop is our address [rfc4271-5.1.3-own-address] [rfc4271-5-mandatory-sent]', () => {
  const { messages } = advertise(emptyAdjRibOut, sessionOf(), [routeTo('198.51.100.1/32', { localPref: 200, med: 5 })])
  assert.deepEqual(messages[0]?.announced, {
    attributes: {
      origin: 'igp',
      asPath: [{ kind: 'sequence', asns: [65010] }],
      localPref: undefined,
      med: 5,
      communities: [],
      largeCommunities: [],
      extendedCommunities: [],
      onlyToCustomer: undefined,
      others: [],
    },
    reach: [{ nextHop: local4, prefixes: [prefixOf('198.51.100.1/32')] }],
  })
})

test('the attributes of a route within our AS: AS_PATH is empty, LOCAL_PREF is 100 unless set [rfc4271-5.1.5-internal]', () => {
  const preferences = [undefined, 0, 300].map((localPref) => {
    const { messages } = advertise(emptyAdjRibOut, internal, [routeTo('198.51.100.1/32', { localPref })])
    const { asPath, localPref: sent } = messages[0]!.announced!.attributes
    assert.deepEqual(asPath, [])
    return sent
  })
  assert.deepEqual(preferences, [100, 0, 300])
})

test('the bytes of a first full set: one UPDATE, then the End-of-RIB of each family [rfc4724-2-marker] [rfc4724-4-after-initial-update]', () => {
  const { messages } = advertise(emptyAdjRibOut, sessionOf(), [routeTo('198.51.100.1/32')])
  const hex = messages.map((message) => Buffer.from(encodeMessage(message, contextOf(sessionOf()))).toString('hex'))
  const marker = 'f'.repeat(32)
  assert.deepEqual(hex, [
    `${marker}003002000000144001010040020602010000fdf2400304c000020120c6336401`,
    `${marker}00170200000000`,
    `${marker}001d0200000006800f03000201`,
  ])
})

test('an empty first set is an End-of-RIB of each negotiated family and nothing else [rfc8212-3-export]', () => {
  const onlyIpv6 = sessionOf({ families: ['ipv6'], localAddress: local6 })
  assert.deepEqual(
    advertise(emptyAdjRibOut, onlyIpv6, []).messages.map(({ endOfRib }) => endOfRib),
    ['ipv6'],
  )
})

test('the End-of-RIB is sent once', () => {
  const first = advertise(emptyAdjRibOut, sessionOf(), [])
  const second = advertise(first.adjRibOut, sessionOf(), hosts(3))
  assert.deepEqual(
    second.messages.map(({ endOfRib }) => endOfRib),
    [undefined],
  )
})

test('the same array again is no work, an equal one sends nothing [rfc4271-9.2-no-repeats]', () => {
  const routes = hosts(100)
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), routes)
  assert.equal(advertise(adjRibOut, sessionOf(), routes).adjRibOut, adjRibOut)
  const copies = routes.map(({ prefix }) => ({ prefix, attributes: attributesOf() }))
  assert.deepEqual(advertise(adjRibOut, sessionOf(), copies).messages, [])
  assert.deepEqual(advertise(adjRibOut, sessionOf(), copies.toReversed()).messages, [])
})

test('only what differs goes out: announcements before withdrawals, a changed route is announced alone [rfc4271-3.1-implicit-withdrawal] [rfc7606-5.1-one-list]', () => {
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), hosts(100))
  const changed = hosts(101).slice(1)
  changed[49] = { prefix: changed[49]!.prefix, attributes: attributesOf({ med: 7 }) }
  const { messages } = advertise(adjRibOut, sessionOf(), changed)
  const summary = messages.map(({ announced, withdrawn }) => [
    ...(announced?.reach.flatMap(({ prefixes }) => prefixes.map((prefix) => `+${formatPrefix(prefix)}`)) ?? []),
    ...withdrawn.map((prefix) => `-${formatPrefix(prefix)}`),
  ])
  assert.deepEqual(summary, [['+10.0.0.50/32'], ['+10.0.0.100/32'], ['-10.0.0.0/32']])
})

test('a change in the middle sends its own route and no neighbour of it', () => {
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), hosts(100))
  const [removed, added] = [hosts(100).toSpliced(50, 1), hosts(100).toSpliced(50, 1, routeTo('198.51.100.1/32'))]
  const sent = [removed, added].map((routes) =>
    advertise(adjRibOut, sessionOf(), routes).messages.flatMap(({ announced, withdrawn }) =>
      [...(announced?.reach ?? []).flatMap(({ prefixes }) => prefixes), ...withdrawn].map(formatPrefix),
    ),
  )
  assert.deepEqual(sent, [['10.0.0.50/32'], ['198.51.100.1/32', '10.0.0.50/32']])
})

test('a LOCAL_PREF that does not go out does not make a difference', () => {
  const session = sessionOf()
  const { adjRibOut, messages } = advertise(emptyAdjRibOut, session, [
    routeTo('198.51.100.1/32', { localPref: 100 }),
    routeTo('198.51.100.2/32', { nextHop: local4 }),
  ])
  assert.equal(messages.length, 3, 'one UPDATE and two End-of-RIB')
  const later = [routeTo('198.51.100.1/32', { localPref: 200 }), routeTo('198.51.100.2/32')]
  assert.deepEqual(advertise(adjRibOut, session, later).messages, [])
})

test('100,000 routes with equal attributes go out in 124 UPDATEs, each full', () => {
  const session = sessionOf()
  const routes = hosts(100_000).map(({ prefix }) => ({ prefix, attributes: attributesOf() }))
  const messages = advertise(emptyAdjRibOut, session, routes).messages.filter(({ announced }) => announced)
  // 4,096 less 23 octets of header and lengths, less ORIGIN 4, AS_PATH 9, NEXT_HOP 7; a /32 has 5.
  assert.equal(messages.length, Math.ceil(100_000 / Math.floor((4096 - 23 - 20) / 5)))
  for (const message of messages.slice(0, -1)) assert.ok(sizeOf(message, session) > 4096 - 5)
})

test('withdrawals of 100,000 routes go out in as few UPDATEs as can be', () => {
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), hosts(100_000))
  const { messages } = advertise(adjRibOut, sessionOf(), [])
  assert.equal(messages.length, Math.ceil(100_000 / Math.floor((4096 - 23) / 5)))
})

test('routes with equal attributes share an UPDATE though others stand between them [rfc4271-4.3-shared-attributes]', () => {
  const routes = hosts(1000).map(({ prefix }, index) => ({ prefix, attributes: attributesOf({ med: index % 2 }) }))
  const { messages } = advertise(emptyAdjRibOut, sessionOf({ families: ['ipv4'] }), routes)
  assert.equal(messages.length, 3, 'one per MED and the End-of-RIB')
})

test('a route that the session cannot carry is not sent, and told once per change [rfc4760-8-only-negotiated]', () => {
  const session = sessionOf({ families: ['ipv4'] })
  const dual = sessionOf()
  const [v4, v6] = [routeTo('198.51.100.1/32'), routeTo('2001:db8::1/128')]
  const first = advertise(emptyAdjRibOut, session, [v4, v6])
  assert.deepEqual(first.adjRibOut.unsent, [{ route: v6, cause: 'familyNotNegotiated' }])
  assert.equal(first.hasUnsentChanged, true)
  assert.equal(advertise(first.adjRibOut, session, [v4, { ...v6 }]).hasUnsentChanged, false)
  assert.equal(advertise(first.adjRibOut, session, [v4]).hasUnsentChanged, true)
  assert.deepEqual(advertise(emptyAdjRibOut, dual, [v4, v6]).adjRibOut.unsent, [{ route: v6, cause: 'noNextHop' }])
  const own = routeTo('2001:db8::1/128', { nextHop: local6 })
  const sent = advertise(emptyAdjRibOut, dual, [v4, own])
  assert.deepEqual(sent.adjRibOut.unsent, [])
  assert.deepEqual(sent.messages[1]?.announced?.reach[0]?.nextHop, local6)
})

test('a route whose communities leave no room in a message is not sent', () => {
  const many = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)
  const causes = [900, 1000, 1100].map((count) => {
    const routes = [routeTo('198.51.100.1/32', { communities: many(count) })]
    const { adjRibOut, messages } = advertise(emptyAdjRibOut, sessionOf(), routes)
    for (const message of messages) assert.ok(sizeOf(message, sessionOf()) <= 4096)
    return adjRibOut.unsent[0]?.cause
  })
  assert.deepEqual(causes, [undefined, undefined, 'attributesTooLarge'])
})

test('a route that stops being sendable is withdrawn [rfc4271-9.2-withdraw]', () => {
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), [routeTo('198.51.100.1/32')])
  const { messages } = advertise(adjRibOut, sessionOf(), [routeTo('198.51.100.1/32', { nextHop: local6 })])
  assert.deepEqual(
    messages.map(({ withdrawn }) => withdrawn.map(formatPrefix)),
    [['198.51.100.1/32']],
  )
})

test('a refresh repeats the routes of one family', () => {
  const routes = [...hosts(3), routeTo('2001:db8::1/128', { nextHop: local6 })]
  const { adjRibOut } = advertise(emptyAdjRibOut, sessionOf(), routes)
  const rib: Rib = new Map()
  for (const message of readvertise(adjRibOut, sessionOf(), 'ipv4')) apply(rib, message)
  assert.deepEqual(rib, wanted(hosts(3), sessionOf()))
})

const attributesArbitrary: fc.Arbitrary<RouteAttributes> = fc.record({
  origin: fc.constantFrom('igp', 'incomplete'),
  localPref: fc.constantFrom(undefined, 100, 200),
  med: fc.constantFrom(undefined, 0, 5),
  communities: fc.constantFrom([], [1], [1, 2]),
  largeCommunities: fc.constantFrom([], [{ globalAdmin: 1, data1: 2, data2: 3 }]),
  extendedCommunities: fc.constantFrom(
    [],
    [{ high: 0x0002fde8, low: 100 }],
    [
      { high: 0x0002fde8, low: 100 },
      { high: 0x4004fde8, low: 1 },
    ],
    [{ high: 0x43040000, low: 7 }],
  ),
  prepend: fc.constantFrom(0, 0, 2),
  nextHop: fc.constantFrom(undefined, local4, ipv4(0xc0000203), local6),
})

/** Few addresses, so that sets overlap; every length, so that messages fill unevenly. */
const prefixArbitrary: fc.Arbitrary<Prefix> = fc.oneof(
  fc
    .tuple(fc.nat(400), fc.integer({ min: 0, max: 32 }))
    .map(([n, length]) => maskAddress(ipv4(0x0a000000 + n), length)),
  fc
    .tuple(fc.nat(400), fc.integer({ min: 0, max: 128 }))
    .map(([n, length]) => maskAddress(ipv6(0x20010db8n * 2n ** 96n + BigInt(n)), length)),
)

const setArbitrary: fc.Arbitrary<Route[]> = fc.uniqueArray(
  fc.record({ prefix: prefixArbitrary, attributes: attributesArbitrary }),
  { selector: ({ prefix }) => prefixKey(prefix), maxLength: 60 },
)

const sessionArbitrary: fc.Arbitrary<Negotiated> = fc
  .record({
    isInternal: fc.boolean(),
    families: fc.constantFrom(['ipv4'] as const, ['ipv6'] as const, ['ipv4', 'ipv6'] as const),
    localAddress: fc.constantFrom(local4, local6),
    globalAsn: fc.constantFrom(undefined, 64512),
    addPath: fc.constantFrom([], ['ipv4'] as const, ['ipv4', 'ipv6'] as const),
    extendedNextHop: fc.constantFrom([], ['ipv4'] as const),
    maxSentLength: fc.constantFrom(4096, 65535),
    role: fc.constantFrom(undefined, { local: 'peer' as const, peer: undefined }),
  })
  .map((changes) => sessionOf({ ...changes, role: changes.isInternal ? undefined : changes.role }))

test('after any sequence of sets the peer has exactly the last one [rfc4271-3.2-adj-rib-out]', () => {
  fc.assert(
    fc.property(sessionArbitrary, fc.array(setArbitrary, { minLength: 1, maxLength: 5 }), (session, sets) => {
      const rib: Rib = new Map()
      let adjRibOut: AdjRibOut = emptyAdjRibOut
      for (const routes of sets) {
        const next = advertise(adjRibOut, session, routes)
        for (const message of next.messages) {
          assert.ok(sizeOf(message, session) <= session.maxSentLength)
          apply(rib, message)
        }
        assert.deepEqual(rib, wanted(routes, session))
        assert.equal(next.adjRibOut.sent.length + next.adjRibOut.unsent.length, routes.length)
        adjRibOut = next.adjRibOut
      }
    }),
    { numRuns: 300 },
  )
})

/** A set in which some routes of the one before are gone and some have come, and all others are the same objects. */
const editsArbitrary = fc.array(fc.record({ from: fc.nat(12), dropped: fc.nat(3), added: setArbitrary }), {
  minLength: 1,
  maxLength: 6,
})

test('what of a set can be sent is found from what changed as it is from the whole set', () => {
  fc.assert(
    fc.property(sessionArbitrary, setArbitrary, editsArbitrary, (session, first, edits) => {
      let routes = first
      let { adjRibOut } = advertise(emptyAdjRibOut, session, routes)
      for (const { from, dropped, added } of edits) {
        const rest = routes.toSpliced(from, dropped)
        const taken = new Set(rest.map(({ prefix }) => prefixKey(prefix)))
        routes = rest.toSpliced(from, 0, ...added.filter(({ prefix }) => !taken.has(prefixKey(prefix))))
        adjRibOut = advertise(adjRibOut, session, routes).adjRibOut
        assert.deepEqual(adjRibOut, advertise(emptyAdjRibOut, session, routes).adjRibOut)
      }
    }),
    { numRuns: 300 },
  )
})

test('no UPDATE would have had room for the first route of the next one with the same attributes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.boolean(), fc.nat(2 ** 31), (count, isIpv6, seed) => {
      const session = sessionOf({ localAddress: isIpv6 ? local6 : local4 })
      const attributes = attributesOf({ communities: [seed] })
      const routes = Array.from({ length: count }, (_, index) => {
        const length = isIpv6 ? 64 + ((index * 7 + seed) % 65) : 16 + ((index * 5 + seed) % 17)
        const address = isIpv6 ? ipv6(2n ** 125n + (BigInt(index) << 64n)) : ipv4(0x0a000000 + index * 65536)
        return { prefix: { address, length }, attributes }
      })
      const messages = advertise(emptyAdjRibOut, session, routes).messages.filter(({ announced }) => announced)
      for (const [index, message] of messages.slice(1).entries()) {
        const { prefixes } = message.announced!.reach[0]!
        const previous = messages[index]!
        const first = prefixes[0]!
        const octets = 1 + Math.ceil(first.length / 8)
        assert.ok(sizeOf(previous, session) + octets > 4096)
      }
    }),
    { numRuns: 30 },
  )
})
