import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeControlPacket, encodeControlPacket } from './codec.ts'
import { diagnosticName, stateNumbers } from './iana.ts'
import type { ControlPacket, DropCause } from './packet.ts'
import { packetOf } from './testing/harness.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** Captured on a veth from bfdd of FRR 8.4.4 and BIRD 2.0.12. */
const captures: readonly { readonly name: string; readonly bytes: string; readonly packet: ControlPacket }[] = []

for (const { name, bytes, packet } of captures) {
  test(`${name} reads as it was meant, and writes as it was`, () => {
    assert.deepEqual(decodeControlPacket(hex(bytes)), { kind: 'packet', packet })
    assert.deepEqual(encodeControlPacket(packet), hex(bytes))
  })
}

/** By hand from the picture of RFC 5880 section 4.1. */
const vector = '20c8 0318 00000001 00000002 0000c350 0000c350 00000000'

test('each field stands where the picture of RFC 5880 has it, and version is 1 [rfc5880-6.8.7-version] [rfc5880-6.8.7-length]', () => {
  const packet = packetOf({
    state: 'up',
    isControlPlaneIndependent: true,
    myDiscriminator: 1,
    yourDiscriminator: 2,
    desiredMinTxUs: 50_000,
    requiredMinRxUs: 50_000,
  })
  assert.deepEqual(encodeControlPacket(packet), hex(vector))
  assert.deepEqual(decodeControlPacket(hex(vector)), { kind: 'packet', packet })
})

test('all 32 diagnostics and all four states are read and written [rfc5880-4.1-diagnostic]', () => {
  for (let diagnostic = 0; diagnostic < 32; diagnostic += 1) {
    for (const state of stateNumbers) {
      const packet = packetOf({ diagnostic, state })
      const bytes = encodeControlPacket(packet)
      assert.equal((bytes[0] ?? 0) & 0x1f, diagnostic)
      assert.equal((bytes[1] ?? 0) >> 6, stateNumbers.indexOf(state))
      assert.deepEqual(decodeControlPacket(bytes), { kind: 'packet', packet })
    }
  }
  assert.equal(diagnosticName(1), 'Control Detection Time Expired')
  assert.equal(diagnosticName(31), 'unassigned diagnostic 31')
})

test('each flag is a bit of its own, and M is never written [rfc5880-4.1-multipoint-zero]', () => {
  const flags = [
    ['isPoll', 0x20],
    ['isFinal', 0x10],
    ['isControlPlaneIndependent', 0x08],
    ['isDemand', 0x02],
  ] as const
  for (const [flag, bit] of flags) {
    const bytes = encodeControlPacket(packetOf({ state: 'adminDown', [flag]: true }))
    assert.equal(bytes[1], bit)
  }
})

test('the largest numbers of every field survive', () => {
  const most = 2 ** 32 - 1
  const packet = packetOf({
    detectMultiplier: 255,
    myDiscriminator: most,
    yourDiscriminator: most,
    desiredMinTxUs: most,
    requiredMinRxUs: most,
    requiredMinEchoRxUs: most,
  })
  assert.deepEqual(decodeControlPacket(encodeControlPacket(packet)), { kind: 'packet', packet })
})

const refused: readonly (readonly [claim: string, bytes: string, cause: DropCause])[] = [
  ['version 0 [rfc5880-6.8.6-version]', '00c8 0318 00000001 00000002 0000c350 0000c350 00000000', 'version'],
  ['version 2 [rfc5880-6.8.6-version]', '40c8 0318 00000001 00000002 0000c350 0000c350 00000000', 'version'],
  [
    'a Length of 23 [rfc5880-6.8.6-length-minimum]',
    '20c8 0317 00000001 00000002 0000c350 0000c350 00000000',
    'lengthTooSmall',
  ],
  [
    'a Length of 0 [rfc5880-6.8.6-length-minimum]',
    '20c8 0300 00000001 00000002 0000c350 0000c350 00000000',
    'lengthTooSmall',
  ],
  [
    'an A bit with a Length of 25 [rfc5880-6.8.6-length-minimum]',
    '20cc 0319 00000001 00000002 0000c350 0000c350 00000000 01',
    'lengthTooSmall',
  ],
  [
    'a Length beyond the payload [rfc5880-6.8.6-length-payload]',
    '20c8 0319 00000001 00000002 0000c350 0000c350 00000000',
    'lengthBeyondPayload',
  ],
  [
    'a Length of 255 [rfc5880-6.8.6-length-payload]',
    '20c8 03ff 00000001 00000002 0000c350 0000c350 00000000',
    'lengthBeyondPayload',
  ],
  [
    'a Detect Mult of 0 [rfc5880-6.8.6-detect-mult]',
    '20c8 0018 00000001 00000002 0000c350 0000c350 00000000',
    'detectMultiplierZero',
  ],
  [
    'the M bit [rfc5880-6.8.6-multipoint] [rfc5880-4.1-multipoint-zero]',
    '20c9 0318 00000001 00000002 0000c350 0000c350 00000000',
    'multipoint',
  ],
  [
    'My Discriminator 0 [rfc5880-6.8.6-my-discriminator]',
    '20c8 0318 00000000 00000002 0000c350 0000c350 00000000',
    'myDiscriminatorZero',
  ],
]

for (const [claim, bytes, cause] of refused) {
  test(`refused by its own name: ${claim}`, () => {
    assert.deepEqual(decodeControlPacket(hex(bytes)), { kind: 'refused', cause })
  })
}

test('every payload shorter than a packet is refused, whatever its Length says [rfc5880-6.8.6-length-payload]', () => {
  for (let length = 0; length < 24; length += 1) {
    assert.deepEqual(decodeControlPacket(hex(vector).subarray(0, length)), { kind: 'refused', cause: 'tooShort' })
  }
})

test('the rules are asked in the order of RFC 5880: the first one names the cause [rfc5880-6.8.6-order]', () => {
  const bytes = new Uint8Array(24)
  const next = (at: number, value: number): unknown => {
    bytes[at] = value
    return decodeControlPacket(bytes)
  }
  bytes[1] = 0x01
  assert.deepEqual(next(0, 0x00), { kind: 'refused', cause: 'version' })
  assert.deepEqual(next(0, 0x20), { kind: 'refused', cause: 'lengthTooSmall' })
  assert.deepEqual(next(3, 25), { kind: 'refused', cause: 'lengthBeyondPayload' })
  assert.deepEqual(next(3, 24), { kind: 'refused', cause: 'detectMultiplierZero' })
  assert.deepEqual(next(2, 3), { kind: 'refused', cause: 'multipoint' })
  assert.deepEqual(next(1, 0), { kind: 'refused', cause: 'myDiscriminatorZero' })
})

test('an authentication section is known by its bit, and bytes behind the Length are nobody’s', () => {
  const simplePassword = '20cc 031c 00000001 00000002 0000c350 0000c350 00000000 01040061'
  const decoded = decodeControlPacket(hex(simplePassword))
  assert.ok(decoded.kind === 'packet' && decoded.packet.isAuthenticated)
  const padded = decodeControlPacket(hex(`${vector} ffffffff`))
  assert.ok(padded.kind === 'packet' && !padded.packet.isAuthenticated)
})
