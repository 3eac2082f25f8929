import type { Address, Prefix } from '@holdfast/ip'
import { hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { CodecContext, UpdateMessage } from './messages.ts'
import { contextOf } from './negotiate.ts'
import { advertise, emptyAdjRibOut } from './outbound.ts'
import { attributesKey, equalAttributes, pathAttributes } from './outbound-attributes.ts'
import type { Negotiated, PeerRole } from './peer.ts'
import type { Route, RouteAttributes } from './routes.ts'
import { attributesOf, negotiatedOf } from './testing/peers.ts'
import { prefix } from './testing/vectors.ts'

const local6 = ipv6(0x20010db8_00000000_00000000_00000001n)
const linkLocal = ipv6(0xfe800000_00000000_00000000_00000001n)
const internal = negotiatedOf({ isInternal: true, remoteAsn: 65010 })

const announced = (session: Negotiated, changes: Partial<RouteAttributes> = {}) =>
  pathAttributes(attributesOf(changes), session)

/** The UPDATEs for these routes, without End-of-RIB, after a way over the wire to the peer. */
function arrived(session: Negotiated, routes: readonly Route[]): readonly UpdateMessage[] {
  const { messages } = advertise(emptyAdjRibOut, session, routes)
  const { send } = contextOf(session).addPath
  const theirs: CodecContext = {
    ...contextOf(session),
    maxReceivedLength: session.maxSentLength,
    localAddress: undefined,
    addPath: { send: [], receive: send },
  }
  return messages.flatMap((message) => {
    const bytes = encodeMessage(message, contextOf(session))
    assert.ok(bytes.length <= session.maxSentLength)
    const decoded = decodeMessage(bytes, theirs)
    assert.ok(decoded.ok && decoded.message.kind === 'update')
    assert.deepEqual(decoded.message.faults, [])
    return decoded.message.endOfRib === undefined ? [decoded.message] : []
  })
}

const routeTo = (text: string, changes: Partial<RouteAttributes> = {}): Route => ({
  prefix: prefix(text),
  attributes: attributesOf(changes),
})

const hosts = (count: number, of: (index: number) => Prefix, changes: Partial<RouteAttributes> = {}): Route[] => {
  const attributes = attributesOf(changes)
  return Array.from({ length: count }, (_, index) => ({ prefix: of(index), attributes }))
}
const host4 = (index: number): Prefix => hostPrefix(ipv4(0x0a000000 + index))
const host6 = (index: number): Prefix => hostPrefix(ipv6(2n ** 125n + BigInt(index)))

suite('AS_PATH', () => {
  const pathOf = (session: Negotiated, prepend = 0) => announced(session, { prepend }).asPath

  test('to another AS it begins with ours, as often as wanted [rfc4271-5.1.2-external-prepends]', () => {
    assert.deepEqual(pathOf(negotiatedOf()), [{ kind: 'sequence', asns: [65010] }])
    assert.deepEqual(pathOf(negotiatedOf(), 2), [{ kind: 'sequence', asns: [65010, 65010, 65010] }])
  })

  test('the AS behind the one of the session follows once', () => {
    const session = negotiatedOf({ globalAsn: 64512 })
    assert.deepEqual(pathOf(session), [{ kind: 'sequence', asns: [65010, 64512] }])
    assert.deepEqual(pathOf(session, 1), [{ kind: 'sequence', asns: [65010, 65010, 64512] }])
  })

  test('to our own AS it is empty, whatever is to be prepended [rfc4271-5.1.2-internal-empty]', () => {
    assert.deepEqual(pathOf(internal, 3), [])
    assert.deepEqual(pathOf({ ...internal, globalAsn: 64512 }), [])
  })
})

test('LOCAL_PREF goes to our own AS alone, and always there [rfc4271-5.1.5-internal] [rfc4271-5.1.5-not-external]', () => {
  assert.deepEqual([announced(internal).localPref, announced(internal, { localPref: 0 }).localPref], [100, 0])
  assert.equal(announced(negotiatedOf(), { localPref: 200 }).localPref, undefined)
})

test('extended communities that are not transitive stay in our AS [rfc4360-6-non-transitive]', () => {
  const target = { high: 0x0002fde8, low: 100 }
  const bandwidth = { high: 0x4004fde8, low: 0x4e9502f9 }
  const opaque = { high: 0x43000000, low: 1 }
  const extendedCommunities = [target, bandwidth, opaque]
  assert.deepEqual(announced(internal, { extendedCommunities }).extendedCommunities, extendedCommunities)
  assert.deepEqual(announced(negotiatedOf(), { extendedCommunities }).extendedCommunities, [target])
  const [update] = arrived(negotiatedOf(), [routeTo('198.51.100.1/32', { extendedCommunities })])
  assert.deepEqual(update?.announced?.attributes.extendedCommunities, [target])
})

suite('OTC (RFC 9234 section 5)', () => {
  const marked = (local: PeerRole, session = negotiatedOf()) =>
    announced({ ...session, role: { local, peer: undefined } })

  test('goes with our AS to customers, peers and clients of a route server [rfc9234-5-egress-adds]', () => {
    for (const role of ['provider', 'peer', 'routeServer'] as const) assert.equal(marked(role).onlyToCustomer, 65010)
  })

  test('does not go to providers and route servers, nor where we have no role [rfc9234-5-egress-own-as]', () => {
    for (const role of ['customer', 'routeServerClient'] as const) assert.equal(marked(role).onlyToCustomer, undefined)
    assert.equal(announced(negotiatedOf()).onlyToCustomer, undefined)
    const foreign = negotiatedOf({ localAsn: 65099, globalAsn: 65010 })
    assert.equal(marked('peer', foreign).onlyToCustomer, 65099, 'the AS that the peer knows us by')
  })

  test('arrives', () => {
    const session = negotiatedOf({ role: { local: 'peer', peer: 'peer' } })
    assert.equal(arrived(session, [routeTo('198.51.100.1/32')])[0]?.announced?.attributes.onlyToCustomer, 65010)
  })
})

suite('what a session can carry', () => {
  const causes = (session: Negotiated, ...routes: Route[]): readonly string[] =>
    advertise(emptyAdjRibOut, session, routes).adjRibOut.unsent.map(({ cause }) => cause)
  const viaIpv6 = negotiatedOf({ localAddress: local6, extendedNextHop: ['ipv4'] })

  const nextHops = (session: Negotiated, ...routes: Route[]): readonly Address[] =>
    arrived(session, routes).map((update) => update.announced!.reach[0]!.nextHop)

  test('IPv4 routes over an IPv6 session have its own address as next hop [rfc8950-5-next-hop-of-session]', () => {
    assert.deepEqual(nextHops(viaIpv6, routeTo('198.51.100.1/32')), [local6])
    assert.deepEqual(nextHops({ ...viaIpv6, localAddress: linkLocal }, routeTo('198.51.100.1/32')), [linkLocal])
    assert.deepEqual(nextHops(viaIpv6, routeTo('198.51.100.1/32', { nextHop: ipv4(0xc0000209) })), [ipv4(0xc0000209)])
  })

  test('only where that is negotiated, and never IPv6 routes over IPv4 [rfc8950-4-only-if-negotiated]', () => {
    assert.deepEqual(causes({ ...viaIpv6, extendedNextHop: [] }, routeTo('198.51.100.1/32')), ['noNextHop'])
    const viaIpv4 = negotiatedOf({ extendedNextHop: ['ipv4'] })
    assert.deepEqual(causes(viaIpv4, routeTo('2001:db8::1/128')), ['noNextHop'])
    assert.deepEqual(causes(viaIpv4, routeTo('198.51.100.1/32', { nextHop: local6 })), [])
  })

  test('attributes that leave no room in its messages are told; longer messages have more room [rfc8654-4-limit-payload]', () => {
    const communities = Array.from({ length: 1100 }, (_, index) => index)
    const extendedCommunities = Array.from({ length: 600 }, (_, low) => ({ high: 0x0002fde8, low }))
    const largeCommunities = Array.from({ length: 400 }, (_, data2) => ({ globalAdmin: 1, data1: 2, data2 }))
    for (const changes of [{ communities }, { extendedCommunities }, { largeCommunities }, { prepend: 1100 }]) {
      const route = routeTo('198.51.100.1/32', changes)
      assert.deepEqual(causes(negotiatedOf(), route), ['attributesTooLarge'], Object.keys(changes)[0])
      const long = negotiatedOf({ maxSentLength: 65535 })
      assert.deepEqual(causes(long, route), [])
      assert.equal(arrived(long, [route]).length, 1)
    }
  })

  test('whatever their size, no attributes are sent that do not fit, nor kept back that do', () => {
    const sessions = [
      negotiatedOf({ localAsn: 4200000000, isFourOctetAs: false, role: { local: 'peer', peer: undefined } }),
      negotiatedOf({ localAddress: local6, extendedNextHop: ['ipv4'], addPath: ['ipv4'] }),
    ]
    for (const session of sessions) {
      const unsent = Array.from({ length: 110 }, (_, index) => {
        const changes = { prepend: index * 5, communities: [1], med: 1 }
        const route = routeTo('198.51.100.1/32', changes)
        const cause = causes(session, route)[0]
        assert.equal(arrived(session, [route]).length, cause === undefined ? 1 : 0)
        return cause
      })
      const first = unsent.indexOf('attributesTooLarge')
      assert.ok(first < 0 || unsent.slice(first).every((cause) => cause === 'attributesTooLarge'))
    }
    const many = Array.from(
      { length: 40 },
      (_, index) => causes(sessions[0]!, routeTo('198.51.100.1/32', { prepend: 660 + index }))[0],
    )
    assert.deepEqual([many[0], many.at(-1)], [undefined, 'attributesTooLarge'])
    assert.ok(
      many.every(
        (cause, index) =>
          (cause === undefined) ===
          (arrived(sessions[0]!, [routeTo('198.51.100.1/32', { prepend: 660 + index })]).length === 1),
      ),
    )
  })

  test('what does not leave our AS takes no room elsewhere', () => {
    const extendedCommunities = Array.from({ length: 600 }, (_, low) => ({ high: 0x4004fde8, low }))
    const route = routeTo('198.51.100.1/32', { extendedCommunities })
    assert.deepEqual(causes(negotiatedOf(), route), [])
    assert.deepEqual(causes(internal, route), ['attributesTooLarge'])
  })
})

suite('the fewest UPDATEs', () => {
  /** Header, two lengths, ORIGIN, AS_PATH with one AS. */
  const fixed = 23 + 4 + 9
  const cases: readonly (readonly [string, Partial<Negotiated>, (index: number) => Prefix, number, number])[] = [
    ['IPv4', {}, host4, 5, fixed + 7],
    ['IPv4 with path identifiers', { addPath: ['ipv4'] }, host4, 9, fixed + 7],
    ['IPv6', { localAddress: local6 }, host6, 17, fixed + 25],
    ['IPv6 with path identifiers', { localAddress: local6, addPath: ['ipv6'] }, host6, 21, fixed + 25],
    ['IPv4 over IPv6', { localAddress: local6, extendedNextHop: ['ipv4'] }, host4, 5, fixed + 25],
  ]
  for (const [name, changes, of, octets, rest] of cases) {
    for (const maxSentLength of [4096, 65535]) {
      test(`${name}, messages of ${maxSentLength} octets: every one is full [rfc8654-4-up-to-65535]`, () => {
        const session = negotiatedOf({ ...changes, maxSentLength })
        const count = maxSentLength === 4096 ? 10_000 : 100_000
        const updates = arrived(session, hosts(count, of))
        assert.equal(updates.length, Math.ceil(count / Math.floor((maxSentLength - rest) / octets)))
        const prefixes = updates.flatMap((update) => update.announced?.reach[0]?.prefixes ?? [])
        assert.equal(prefixes.length, count)
      })
    }
  }

  test('withdrawals with path identifiers are full as well [rfc7911-3-withdraw]', () => {
    const session = negotiatedOf({ addPath: ['ipv4'] })
    const { adjRibOut } = advertise(emptyAdjRibOut, session, hosts(10_000, host4))
    const { messages } = advertise(adjRibOut, session, [])
    assert.equal(messages.length, Math.ceil(10_000 / Math.floor((4096 - 23) / 9)))
    for (const message of messages) assert.ok(encodeMessage(message, contextOf(session)).length <= 4096)
  })
})

suite('equal on the wire', () => {
  const base = attributesOf()
  const changes: readonly Partial<RouteAttributes>[] = [
    { origin: 'incomplete' },
    { localPref: 200 },
    { med: 0 },
    { communities: [1] },
    { communities: [1, 2] },
    { largeCommunities: [{ globalAdmin: 1, data1: 2, data2: 3 }] },
    { extendedCommunities: [{ high: 0x0002fde8, low: 1 }] },
    { extendedCommunities: [{ high: 0x4004fde8, low: 1 }] },
    { prepend: 1 },
    { nextHop: ipv4(0xc0000207) },
  ]

  test('is what differs in nothing that the session sends, and its key says the same', () => {
    for (const session of [negotiatedOf(), internal]) {
      const all = [base, ...changes.map((each) => attributesOf(each))]
      for (const a of all) {
        for (const b of all) {
          const isEqual = equalAttributes(a, { ...b }, session)
          assert.equal(attributesKey(a, session) === attributesKey(b, session), isEqual)
          const sent = JSON.stringify([pathAttributes(a, session), a.nextHop ?? session.localAddress])
          assert.equal(
            sent === JSON.stringify([pathAttributes(b, session), b.nextHop ?? session.localAddress]),
            isEqual,
          )
        }
      }
    }
  })

  test('a change that the peer cannot see sends nothing', () => {
    const hidden = { localPref: 300, extendedCommunities: [{ high: 0x4004fde8, low: 1 }] }
    const first = advertise(emptyAdjRibOut, negotiatedOf(), [routeTo('198.51.100.1/32')])
    const second = advertise(first.adjRibOut, negotiatedOf(), [routeTo('198.51.100.1/32', hidden)])
    assert.deepEqual(second.messages, [])
  })
})
