// 200,000 mutated packets, from a repeatable sequence: no exception, bounded answers, and no state is another one after a
// packet that must be dropped. An oracle of its own, written from the bytes, says which must.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeControlPacket } from './codec.ts'
import { stateNumbers } from './iana.ts'
import { drawJitter } from './jitter.ts'
import { Driven, ours, packetOf, theirs } from './testing/harness.ts'
import type { ControlPacket } from './packet.ts'
import type { Session } from './session.ts'

const packets = 200_000

function sequence(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    const draw = drawJitter(state, 3)
    state = draw.state
    return Math.min(below - 1, Math.floor((draw.factor - 0.75) * 4 * below))
  }
}

type Draw = (below: number) => number

const extremes = [0, 1, 23, 24, 25, 26, 27, 127, 128, 254, 255]

function validPacket(draw: Draw): Uint8Array {
  const of = <T>(values: readonly T[]): T => {
    const value = values[draw(values.length)]
    assert.ok(value !== undefined)
    return value
  }
  const packet: Partial<ControlPacket> = {
    diagnostic: draw(32),
    state: of(stateNumbers),
    isPoll: draw(4) === 0,
    isFinal: draw(4) === 0,
    isDemand: draw(8) === 0,
    detectMultiplier: of([1, 3, 255]),
    myDiscriminator: of([theirs, theirs, theirs, 1, 2 ** 32 - 1]),
    yourDiscriminator: of([ours, ours, ours, 0, 0, 7]),
    desiredMinTxUs: of([0, 1, 50_000, 300_000, 2 ** 32 - 1]),
    requiredMinRxUs: of([0, 1, 50_000, 300_000, 2 ** 32 - 1]),
    requiredMinEchoRxUs: of([0, 50_000]),
  }
  return encodeControlPacket(packetOf(packet))
}

function mutate(bytes: Uint8Array, draw: Draw): Uint8Array {
  switch (draw(5)) {
    case 0: {
      const at = draw(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8))
      return bytes
    }
    case 1:
      return bytes.subarray(0, draw(bytes.length + 1))
    case 2:
      bytes[draw(4)] = extremes[draw(extremes.length)] ?? 0
      return bytes
    case 3: {
      const longer = new Uint8Array(bytes.length + draw(40))
      longer.set(bytes)
      return longer
    }
    default:
      return bytes
  }
}

/** RFC 5880 section 6.8.6 from the bytes, without a line of ours: whether the packet may touch a session that is Up or not. */
function mustDrop(bytes: Uint8Array, isUp: boolean): boolean {
  const buffer = Buffer.from(bytes)
  return buffer.length < 24 || isMalformed(buffer) || isNotForUs(buffer, isUp)
}

function isMalformed(buffer: Buffer): boolean {
  const flags = buffer.readUInt8(1)
  const length = buffer.readUInt8(3)
  if (buffer.readUInt8(0) >>> 5 !== 1 || length < ((flags & 4) !== 0 ? 26 : 24) || length > buffer.length) return true
  return buffer.readUInt8(2) === 0 || (flags & 1) !== 0 || buffer.readUInt32BE(4) === 0
}

function isNotForUs(buffer: Buffer, isUp: boolean): boolean {
  const flags = buffer.readUInt8(1)
  if ((flags & 4) !== 0 || (flags & 0x30) === 0x30) return true
  const yours = buffer.readUInt32BE(8)
  if (yours !== 0) return yours !== ours
  if (flags >>> 6 > 1) return true
  return isUp && (buffer.readUInt32BE(4) !== theirs || (buffer.readUInt8(0) & 31) === 0)
}

/** Sessions are immutable, so what is the same value is the same object. */
function assertSame(one: Session, other: Session): void {
  for (const [name, value] of Object.entries(one)) {
    if (name !== 'counters') assert.equal(value, other[name as keyof Session], name)
  }
}

test(`${packets} mutated packets: what must be dropped changes nothing, and nothing throws or is answered twice`, () => {
  const draw = sequence(0x5eed)
  let up = Driven.up()
  let dropped = 0
  for (let count = 0; count < packets; count += 1) {
    const bytes = mutate(validPacket(draw), draw)
    const before = up.session
    // A peer that changed its discriminator is another one for the oracle, and a lost session says little: begin anew.
    if (before.remote?.discriminator !== theirs || draw(500) === 0) up = Driven.up()
    const start = up.session
    const outputs = up.receiveBytes(bytes)
    const isDropped = outputs.some(({ kind }) => kind === 'dropped')
    assert.equal(isDropped, mustDrop(bytes, start.state === 'up'), Buffer.from(bytes).toString('hex'))
    assert.ok(outputs.filter(({ kind }) => kind === 'send').length <= 1)
    if (isDropped) {
      dropped += 1
      assert.equal(outputs.length, 1)
      assertSame(up.session, start)
    }
    for (const output of outputs) {
      if (output.kind === 'arm') assert.ok(output.ms >= 0 && Number.isFinite(output.ms))
    }
  }
  assert.ok(dropped > packets / 4 && dropped < packets)
})
