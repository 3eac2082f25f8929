import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionReset } from './fault.ts'
import type { Framer } from './framer.ts'
import { createFramer } from './framer.ts'
import { exabgp, frr, gobgp } from './testing/captures.ts'
import { digits, hex, marker, message, toHex } from './testing/second-writer.ts'

const keepalive = message(4, '')
const stream = [frr.open, gobgp.keepalive, frr.announceIpv6, exabgp.endOfRibIpv4, frr.shutdown].map(hex)
const streamBytes = Uint8Array.from(stream.flatMap((bytes) => [...bytes]))

function drain(framer: Framer): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let frame = framer.next(); frame.kind !== 'needMore'; frame = framer.next()) {
    assert.equal(frame.kind, 'message')
    messages.push(frame.bytes.slice())
  }
  return messages
}

function framed(...chunks: readonly Uint8Array[]): Uint8Array[] {
  const framer = createFramer()
  return chunks.flatMap((chunk) => {
    framer.push(chunk)
    return drain(framer)
  })
}

/** The fault that the first `octets` of a header cause, given byte by byte and given at once. */
function faultOf(bytes: Uint8Array): SessionReset {
  const whole = createFramer()
  whole.push(bytes)
  const frame = whole.next()
  assert.equal(frame.kind, 'fault')
  const single = createFramer()
  for (const byte of bytes) {
    single.push(Uint8Array.of(byte))
    single.next()
  }
  assert.deepEqual(single.next(), frame)
  return frame.fault
}

const header = (length: number, type: number): Uint8Array => hex(marker + digits(length, 2) + digits(type, 1))

test('a stream is cut into its messages, wherever TCP cuts it in two', () => {
  for (let cut = 0; cut <= streamBytes.length; cut += 1) {
    const messages = framed(streamBytes.subarray(0, cut), streamBytes.subarray(cut))
    assert.deepEqual(messages.map(toHex), stream.map(toHex), `cut at ${cut}`)
  }
})

test('a stream is cut into its messages, in chunks of any one size', () => {
  for (let size = 1; size <= 64; size += 1) {
    const chunks: Uint8Array[] = []
    for (let start = 0; start < streamBytes.length; start += size) {
      chunks.push(streamBytes.subarray(start, start + size))
    }
    assert.deepEqual(framed(...chunks).map(toHex), stream.map(toHex), `chunks of ${size}`)
  }
})

test('H7: a thousand messages in one chunk come out one by one, without a copy', () => {
  const glued = new Uint8Array(keepalive.length * 1000)
  for (let index = 0; index < 1000; index += 1) glued.set(keepalive, index * keepalive.length)
  const framer = createFramer()
  framer.push(glued)
  let count = 0
  for (let frame = framer.next(); frame.kind === 'message'; frame = framer.next()) {
    assert.equal(frame.bytes.buffer, glued.buffer)
    count += 1
  }
  assert.equal(count, 1000)
})

test('a message of 4,096 octets is the longest', () => {
  const longest = message(2, '00'.repeat(4096 - 19))
  assert.deepEqual(framed(longest).map(toHex), [toHex(longest)])
})

for (const octet of [0, 7, 15]) {
  test(`H1: marker octet ${octet} is zero: 1/1 as soon as it is there`, () => {
    const bytes = keepalive.slice(0, octet + 1)
    bytes[octet] = 0
    const fault = faultOf(bytes)
    assert.deepEqual([fault.code, fault.subcode, toHex(fault.data)], [1, 1, ''])
  })
}

for (const length of [0, 1, 18, 4097, 65535]) {
  test(`H2, H3: length ${length}: 1/2 with the length as data, from 18 octets on`, () => {
    const fault = faultOf(header(length, 2).subarray(0, 18))
    assert.deepEqual([fault.code, fault.subcode, toHex(fault.data)], [1, 2, digits(length, 2)])
    assert.equal(fault.isSilent, false)
  })
}

for (const type of [0, 6, 255]) {
  test(`H4: message type ${type}: 1/3 with the type as data`, () => {
    const fault = faultOf(header(19, type))
    assert.deepEqual([fault.code, fault.subcode, toHex(fault.data)], [1, 3, digits(type, 1)])
  })
}

for (const [name, type, length] of [
  ['H5: KEEPALIVE of 20', 4, 20],
  ['H5: KEEPALIVE of 4,096', 4, 4096],
  ['H6: OPEN of 28', 1, 28],
  ['H6: UPDATE of 22', 2, 22],
  ['R1: ROUTE-REFRESH of 22', 5, 22],
] as const) {
  test(`${name} octets: 1/2, answered from the header alone [rfc4271-6.1-length-data]`, () => {
    const fault = faultOf(header(length, type))
    assert.deepEqual([fault.code, fault.subcode, toHex(fault.data)], [1, 2, digits(length, 2)])
    assert.equal(fault.isSilent, false)
  })
}

for (const [type, length] of [
  [1, 29],
  [2, 23],
  [3, 21],
  [4, 19],
  [5, 23],
] as const) {
  test(`the shortest message of type ${type} has ${length} octets`, () => {
    const bytes = message(type, '00'.repeat(length - 19))
    assert.deepEqual(framed(bytes).map(toHex), [toHex(bytes)])
  })
}

test('H6, N1: a NOTIFICATION of 20 octets closes without a NOTIFICATION in reply', () => {
  const fault = faultOf(header(20, 3))
  assert.deepEqual([fault.code, fault.subcode, fault.isSilent], [1, 2, true])
})

test('what is not BGP at all is known by its first octet', () => {
  const fault = faultOf(Uint8Array.from('GET / HTTP/1.1', (character) => character.charCodeAt(0)))
  assert.deepEqual([fault.code, fault.subcode], [1, 1])
})

test('messages in front of a fault are still given, and the fault is final', () => {
  const framer = createFramer()
  framer.push(Uint8Array.from([...keepalive, ...header(18, 4)]))
  assert.equal(framer.next().kind, 'message')
  const fault = framer.next()
  assert.equal(fault.kind, 'fault')
  framer.push(keepalive)
  assert.deepEqual(framer.next(), fault)
})

test('a chunk on top of an unread one is a mistake of the caller', () => {
  const framer = createFramer()
  framer.push(keepalive)
  assert.throws(() => framer.push(keepalive), /needMore/)
})

test('H8: a thousand times one octet costs one message of memory, and its octets arrive in order', () => {
  const body = Array.from({ length: 4077 }, (_, index) => digits(index % 256, 1)).join('')
  const bytes = message(3, body)
  assert.deepEqual(framed(...Array.from(bytes, (byte) => Uint8Array.of(byte))).map(toHex), [toHex(bytes)])
})
