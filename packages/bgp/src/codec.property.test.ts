import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Prefix } from '@holdfast/ip'
import { bitsOf, ipv4, ipv6, maskAddress, prefixKey } from '@holdfast/ip'
import type { Decoded } from './decode.ts'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { Fault } from './fault.ts'
import { createFramer } from './framer.ts'
import type { AsPathSegment, Capability, CodecContext, Message, PathAttributes, UpdateMessage } from './messages.ts'
import { bird, exabgp, frr, gobgp } from './testing/captures.ts'
import {
  asPath,
  attribute,
  hex,
  host,
  nextHop,
  origin,
  reach,
  toHex,
  unreach,
  update,
} from './testing/second-writer.ts'
import { address, decoded, decodedUpdate, external, internal, twoOctet, updateMessage } from './testing/vectors.ts'

const contexts: readonly CodecContext[] = [
  external,
  internal,
  twoOctet,
  { ...internal, isFourOctetAs: false, localAddress: address('127.0.0.1') },
  { ...external, families: ['ipv4'] },
  { ...external, families: [] },
  { ...external, addPath: { send: ['ipv4', 'ipv6'], receive: ['ipv4', 'ipv6'] } },
  { ...external, maxReceivedLength: 65535, maxSentLength: 65535, extendedNextHop: ['ipv4'] },
]

/** Attributes of every kind that has a rule, so that mutation reaches all of them. */
const everyAttribute = update({
  withdrawn: '08 0a',
  attributes: [
    unreach,
    reach,
    origin,
    asPath,
    nextHop,
    attribute(0x80, 4, '00000032'),
    attribute(0x40, 5, '00000064'),
    attribute(0x40, 6, ''),
    attribute(0xc0, 7, '0000fc01c0000201'),
    attribute(0xc0, 8, 'fc000001'),
    attribute(0x80, 9, 'c0000201'),
    attribute(0x80, 10, 'c0000201'),
    attribute(0xc0, 16, '0002fc0000000001'),
    attribute(0xc0, 17, '02010000fc01'),
    attribute(0xc0, 18, '0000fc01c0000201'),
    attribute(0xc0, 25, '00'.repeat(20)),
    attribute(0xd0, 32, '0000fc000000000100000002'),
    attribute(0xc0, 35, '0000fc01'),
    attribute(0xc0, 99, 'abcd'),
  ].join(''),
  nlri: `${host} 18 c63364`,
})

const corpus: readonly Uint8Array[] = [
  ...[gobgp, frr, exabgp, bird].flatMap((captures) => Object.values(captures).map(hex)),
  everyAttribute,
  update({
    attributes: attribute(0xc0, 17, '02010000fc01') + origin + attribute(0x40, 2, '0201fc01') + nextHop,
    nlri: host,
  }),
]

/** Makes the header tell the truth, so that a mutation reaches the code behind it. */
function reframed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice(0, 4096)
  copy.fill(0xff, 0, 16)
  if (copy.length >= 18) new DataView(copy.buffer).setUint16(16, copy.length)
  return copy
}

const isPlain = (text: string): boolean => /^[\x20-\x7e]+$/.test(text)

function checkFault(fault: Fault): void {
  assert.ok(isPlain(fault.message), JSON.stringify(fault.message))
  if (fault.remedy !== 'familyIgnored') assert.ok(fault.data.length <= 65535 - 21)
}

function checkPrefix({ address: network, length }: Prefix): void {
  assert.ok(length >= 0 && length <= bitsOf(network.family))
  assert.deepEqual(maskAddress(network, length), { address: network, length })
}

/** What must hold of everything that comes out of the decoder. */
function checkDecoded(result: Decoded): void {
  if (!result.ok) {
    checkFault(result.fault)
  } else if (result.message.kind === 'update') {
    checkUpdate(result.message)
  }
}

function checkUpdate({ announced, withdrawn, faults }: UpdateMessage): void {
  faults.forEach(checkFault)
  withdrawn.forEach(checkPrefix)
  const prefixes = (announced?.reach ?? []).flatMap((one) => one.prefixes)
  prefixes.forEach(checkPrefix)
  assert.equal(announced !== undefined && faults.some(({ remedy }) => remedy === 'treatAsWithdraw'), false)
  assert.equal(announced !== undefined && prefixes.length === 0, false)
  const keys = new Set(withdrawn.map(prefixKey))
  assert.equal(
    prefixes.some((prefix) => keys.has(prefixKey(prefix))),
    false,
  )
}

/** What an UPDATE with one list of routes becomes when we send it on. */
function sendable(message: Message): Message {
  if (message.kind !== 'update') return message
  const { announced } = message
  const sent = announced && { ...announced, attributes: { ...announced.attributes, others: [] } }
  return { ...message, faults: [], announced: sent }
}

const lists = ({ withdrawn, announced, endOfRib }: UpdateMessage): number =>
  Number(withdrawn.some(({ address: { family } }) => family === 'ipv4')) +
  Number(withdrawn.some(({ address: { family } }) => family === 'ipv6')) +
  (announced?.reach.length ?? 0) +
  Number(endOfRib !== undefined)

function decodeEverywhere(bytes: Uint8Array): void {
  for (const context of contexts) checkDecoded(decodeMessage(bytes, context))
}

/** As well, and whatever can be sent on says the same afterwards. */
function roundTripEverywhere(bytes: Uint8Array): void {
  for (const context of contexts) {
    const result = decodeMessage(bytes, context)
    checkDecoded(result)
    if (!result.ok || (result.message.kind === 'update' && lists(result.message) !== 1)) continue
    const message = sendable(result.message)
    assert.deepEqual(decoded(encodeMessage(message, context), context), message)
  }
}

/** Ends a search after so many milliseconds, not as a failure. A failure prints its seed. */
const within = (ms: number): fc.Parameters<unknown> => ({
  numRuns: 100_000,
  plugins: [fc.interruptAfterTimeLimit(ms)],
})

test('every message cut short at every octet decodes or faults', () => {
  for (const bytes of corpus) {
    for (let length = 0; length < bytes.length; length += 1) {
      decodeEverywhere(bytes.subarray(0, length))
      roundTripEverywhere(reframed(bytes.subarray(0, length)))
    }
  }
})

test('every message with any one octet 0, 255, one more or one less decodes or faults', () => {
  for (const bytes of corpus) {
    for (let offset = 16; offset < bytes.length; offset += 1) {
      const old = bytes[offset] ?? 0
      for (const value of [0, 0xff, old + 1, old - 1, old ^ 0x80, old ^ 0x10]) {
        const mutant = bytes.slice()
        mutant[offset] = value
        decodeEverywhere(mutant)
      }
    }
  }
})

const mutation = fc.record({
  base: fc.constantFrom(...corpus),
  from: fc.nat(4095),
  length: fc.nat(40),
  to: fc.nat(4095),
  bytes: fc.uint8Array({ maxLength: 4 }),
  kind: fc.constantFrom('copy', 'move', 'remove', 'overwrite'),
})

test('messages with octets copied, moved, removed and overwritten decode or fault', () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const [first] = mutations
      let bytes = [...(first?.base ?? [])]
      for (const { from, length, to, bytes: inserted, kind } of mutations) {
        const start = 18 + (from % (bytes.length - 18))
        const target = 18 + (to % (bytes.length - 18))
        const slice = bytes.slice(start, start + length)
        if (kind === 'overwrite') bytes.splice(start, inserted.length, ...inserted)
        if (kind === 'copy') bytes.splice(target, 0, ...slice)
        if (kind === 'remove') bytes.splice(Math.max(start, 19), length)
        if (kind === 'move') bytes = [...bytes.toSpliced(start, length).toSpliced(target, 0, ...slice)]
        if (bytes.length <= 19) break
      }
      roundTripEverywhere(reframed(Uint8Array.from(bytes)))
    }),
    within(600),
  )
})

test('random octets behind a header of any type decode or fault', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 200 }), (type, body) => {
      roundTripEverywhere(reframed(Uint8Array.from([...new Uint8Array(18), type, ...body])))
    }),
    within(300),
  )
})

test('random octets decode or fault', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), decodeEverywhere), within(200))
})

test('the order of the attributes does not matter', () => {
  const each = [unreach, reach, origin, asPath, nextHop, attribute(0x80, 4, '00000032'), attribute(0xc0, 8, 'fc000001')]
  const expected = decodedUpdate(update({ attributes: each.join(''), nlri: host }))
  fc.assert(
    fc.property(fc.shuffledSubarray(each, { minLength: each.length }), (shuffled) => {
      assert.deepEqual(decodedUpdate(update({ attributes: shuffled.join(''), nlri: host })), expected)
    }),
    { numRuns: 200 },
  )
})

test('a repeated attribute changes nothing but the faults', () => {
  const each = [origin, asPath, nextHop, attribute(0x80, 4, '00000032'), attribute(0xc0, 8, 'fc000001')]
  const expected = decodedUpdate(update({ attributes: each.join(''), nlri: host }))
  for (const again of each) {
    const result = decodedUpdate(update({ attributes: [...each, again].join(''), nlri: host }))
    assert.deepEqual({ ...result, faults: [] }, expected)
    assert.deepEqual(
      result.faults.map(({ remedy }) => remedy),
      ['attributeDiscard'],
    )
  }
})

const plain = { noNullPrototype: true } as const
const uint32 = fc.nat(0xffffffff)
const asn = fc.oneof(fc.integer({ min: 1, max: 65537 }), fc.integer({ min: 1, max: 0xffffffff }))
const ipv4Prefix = fc.tuple(uint32, fc.nat(32)).map(([value, length]) => maskAddress(ipv4(value), length))
const ipv6Prefix = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.nat(128))
  .map(([value, length]) => maskAddress(ipv6(value), length))
const afiSafi = { afi: fc.nat(65535), safi: fc.nat(255) } as const
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const listOf = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 5 })
const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ kind: fc.constant('multiprotocol' as const), ...afiSafi }, plain),
  fc.constantFrom(
    { kind: 'routeRefresh' as const },
    { kind: 'extendedMessage' as const },
    { kind: 'enhancedRouteRefresh' as const },
  ),
  fc.record({ kind: fc.constant('role' as const), value: fc.nat(255) }, plain),
  fc.record(
    {
      kind: fc.constant('extendedNextHop' as const),
      entries: listOf(fc.record({ afi: fc.nat(65535), safi: fc.nat(65535), nextHopAfi: fc.nat(65535) }, plain)),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('addPath' as const),
      families: listOf(fc.record({ ...afiSafi, direction: fc.constantFrom('receive', 'send', 'both') }, plain)),
    },
    plain,
  ),
  fc.record({ kind: fc.constant('fqdn' as const), hostName: text, domainName: text }, plain),
  fc.record({ kind: fc.constant('softwareVersion' as const), version: text }, plain),
  fc.record(
    {
      kind: fc.constant('unknown' as const),
      code: fc.integer({ min: 76, max: 255 }),
      value: fc.uint8Array({ maxLength: 255 }),
    },
    plain,
  ),
)
/** These two occur once: of several only the last counts. */
const restartCapabilities: fc.Arbitrary<Capability[]> = fc
  .tuple(
    fc.record(
      {
        kind: fc.constant('gracefulRestart' as const),
        isRestarting: fc.boolean(),
        hasNotification: fc.boolean(),
        restartTimeSeconds: fc.nat(4095),
        families: listOf(fc.record({ ...afiSafi, isForwarding: fc.boolean() }, plain)),
      },
      plain,
    ),
    fc.record(
      {
        kind: fc.constant('longLivedGracefulRestart' as const),
        families: listOf(
          fc.record({ ...afiSafi, isForwarding: fc.boolean(), staleTimeSeconds: fc.nat(0xffffff) }, plain),
        ),
      },
      plain,
    ),
  )
  .chain(([restart, longLived]) => fc.subarray([restart, longLived]))
const capabilities = fc
  .tuple(fc.array(capability, { maxLength: 10 }), restartCapabilities)
  .map(([first, last]) => [...first, ...last])
const openMessage = fc.record(
  {
    kind: fc.constant('open' as const),
    version: fc.constant(4),
    asn: fc.integer({ min: 1, max: 23455 }),
    holdTimeSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 65535 })),
    routerId: fc.integer({ min: 1, max: 0xffffffff }),
    capabilities,
  },
  plain,
)
const sequence: fc.Arbitrary<AsPathSegment> = fc
  .array(asn, { minLength: 1, maxLength: 8 })
  .map((asns) => ({ kind: 'sequence', asns }))
const pathAttributes: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom('igp', 'egp', 'incomplete'),
    asPath: fc.array(sequence, { maxLength: 3 }),
    localPref: fc.option(uint32, { nil: undefined }),
    med: fc.option(uint32, { nil: undefined }),
    communities: fc.array(uint32, { maxLength: 70 }),
    largeCommunities: fc.uniqueArray(fc.record({ globalAdmin: uint32, data1: uint32, data2: uint32 }, plain), {
      maxLength: 25,
      selector: ({ globalAdmin, data1, data2 }) => `${globalAdmin}:${data1}:${data2}`,
    }),
    extendedCommunities: fc.array(fc.record({ high: uint32, low: uint32 }, plain), { maxLength: 35 }),
    onlyToCustomer: fc.option(uint32, { nil: undefined }),
    others: fc.constant([]),
  },
  plain,
)
const routes = (prefix: fc.Arbitrary<Prefix>): fc.Arbitrary<Prefix[]> =>
  fc.array(prefix, { minLength: 1, maxLength: 40 })
const announcement = fc
  .oneof(
    fc.record({ nextHop: fc.constant(address('192.0.2.9')), prefixes: routes(ipv4Prefix) }, plain),
    fc.record({ nextHop: fc.constant(address('2001:db8::9')), prefixes: routes(ipv6Prefix) }, plain),
  )
  .chain((one) => pathAttributes.map((attributes) => updateMessage({ announced: { attributes, reach: [one] } })))
const message: fc.Arbitrary<Message> = fc.oneof(
  openMessage,
  announcement,
  fc.oneof(routes(ipv4Prefix), routes(ipv6Prefix)).map((withdrawn) => updateMessage({ withdrawn })),
  fc.constantFrom('ipv4', 'ipv6').map((endOfRib) => updateMessage({ endOfRib })),
  fc.constant({ kind: 'keepalive' as const }),
  fc.record(
    {
      kind: fc.constant('notification' as const),
      code: fc.nat(255),
      subcode: fc.nat(255),
      data: fc.uint8Array({ maxLength: 300 }),
    },
    plain,
  ),
  fc.record(
    { kind: fc.constant('routeRefresh' as const), afi: fc.nat(65535), subtype: fc.nat(255), safi: fc.nat(255) },
    plain,
  ),
)

const addPathBoth = { send: ['ipv4', 'ipv6'], receive: ['ipv4', 'ipv6'] } as const
const everything: CodecContext = {
  ...internal,
  maxReceivedLength: 65535,
  maxSentLength: 65535,
  addPath: addPathBoth,
  extendedNextHop: ['ipv4'],
}
const sendingContexts = [
  internal,
  { ...internal, isFourOctetAs: false },
  { ...internal, addPath: addPathBoth },
  everything,
]

test('what is encoded decodes to the same message', () => {
  fc.assert(
    fc.property(message, fc.constantFrom(...sendingContexts), (sent, context) => {
      assert.deepEqual(decoded(encodeMessage(sent, context), context), sent)
    }),
    within(700),
  )
})

test('a stream of messages is cut the same however it is chunked', () => {
  const stream = fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1 }), (messages, sizes) => {
      const bytes = Uint8Array.from(messages.flatMap((one) => [...one]))
      const framer = createFramer()
      const cut: string[] = []
      for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
        const end = start + (sizes[turn % sizes.length] ?? 1)
        framer.push(bytes.subarray(start, end))
        for (let frame = framer.next(); frame.kind === 'message'; frame = framer.next()) cut.push(toHex(frame.bytes))
        start = end
      }
      assert.deepEqual(cut, messages.map(toHex))
    }),
    within(200),
  )
})
