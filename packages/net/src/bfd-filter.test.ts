import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closedFilter, filterProgram, type FilterRule } from './bfd-filter.ts'
import { address } from './testing/bfd-sockets.ts'

/** Runs a program as the kernel does, on an IP header and a UDP datagram: the three loads and two comparisons that we use. */
function run(
  program: Uint8Array,
  packet: { readonly ip: Uint8Array; readonly udp: Uint8Array; readonly device: number },
): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let accumulator = 0
  for (let at = 0; ; at += 1) {
    const value = view.getUint32(8 * at + 4, true)
    const jump = (holds: boolean): number => view.getUint8(8 * at + (holds ? 2 : 3))
    const code = view.getUint16(8 * at, true)
    if (code === 0x06) return value !== 0
    if (code === 0x15) at += jump(accumulator === value)
    else if (code === 0x35) at += jump(accumulator >= value)
    else {
      const loaded = load(code === 0x20 ? 4 : 1, value, packet)
      if (loaded === undefined) return false
      accumulator = loaded
    }
  }
}

function load(
  width: number,
  offset: number,
  packet: { readonly ip: Uint8Array; readonly udp: Uint8Array; readonly device: number },
): number | undefined {
  if (offset === 0xfffff008) return packet.device
  const isNetwork = offset >= 0xfff00000
  const bytes = isNetwork ? packet.ip : packet.udp
  const start = isNetwork ? offset - 0xfff00000 : offset
  if (start + width > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return width === 4 ? view.getUint32(start) : view.getUint8(start)
}

interface Sample {
  readonly from: string
  readonly ttl?: number
  readonly yourDiscriminator?: number
  readonly device?: number
  readonly payload?: number
}

function sample({
  from,
  ttl = 255,
  yourDiscriminator = 0,
  device = 2,
  payload = 24,
}: Sample): Parameters<typeof run>[1] {
  const source = address(from)
  const ip = new Uint8Array(source.family === 'ipv4' ? 20 : 40)
  const view = new DataView(ip.buffer)
  if (source.family === 'ipv4') {
    view.setUint8(8, ttl)
    view.setUint32(12, source.value)
  } else {
    view.setUint8(7, ttl)
    view.setBigUint64(8, source.value >> 64n)
    view.setBigUint64(16, source.value & 0xffffffffffffffffn)
  }
  const udp = new Uint8Array(32)
  new DataView(udp.buffer).setUint32(16, yourDiscriminator)
  return { ip, udp: udp.subarray(0, 8 + payload), device }
}

const rule = (remote: string, change: Partial<FilterRule> = {}): FilterRule => ({
  remote: address(remote),
  discriminator: 77,
  minimumTtl: 255,
  deviceIndex: undefined,
  ...change,
})

for (const [family, peer, stranger] of [
  ['ipv4', '192.0.2.1', '192.0.2.2'],
  ['ipv6', '2001:db8::1', '2001:db8::1:0:1'],
] as const) {
  const program = filterProgram(
    family,
    [rule('203.0.113.1', { discriminator: 3 }), rule(peer)].filter(({ remote }) => remote.family === family),
    false,
  )
  const strict = filterProgram(family, [rule(peer)], true)
  assert.ok(program !== undefined && strict !== undefined)
  const passes = (one: Sample): boolean => run(program, sample(one))

  test(`${family}: only TTL 255 comes in from a peer, by address and by discriminator alike [rfc5881-5-receive-255]`, () => {
    for (let ttl = 0; ttl <= 255; ttl += 1) {
      assert.equal(passes({ from: peer, ttl }), ttl === 255)
      assert.equal(passes({ from: stranger, ttl, yourDiscriminator: 77 }), ttl === 255)
    }
  })

  test(`${family}: a stranger needs the discriminator, and what is too short to have one is dropped`, () => {
    assert.equal(passes({ from: stranger }), false)
    assert.equal(passes({ from: stranger, yourDiscriminator: 78 }), false)
    assert.equal(passes({ from: stranger, payload: 11 }), false)
    assert.equal(passes({ from: peer, payload: 0 }), true)
  })

  test(`${family}: in a flood the peer needs the discriminator too`, () => {
    assert.equal(run(strict, sample({ from: peer })), false)
    assert.equal(run(strict, sample({ from: peer, yourDiscriminator: 77 })), true)
    assert.equal(run(strict, sample({ from: peer, yourDiscriminator: 77, ttl: 254 })), false)
  })

  test(`${family}: a session of a device takes nothing from another one`, () => {
    const bound = filterProgram(family, [rule(peer, { deviceIndex: 2 })], false)
    assert.ok(bound !== undefined)
    for (const yourDiscriminator of [0, 77]) {
      assert.equal(run(bound, sample({ from: peer, yourDiscriminator, device: 2 })), true)
      assert.equal(run(bound, sample({ from: peer, yourDiscriminator, device: 3 })), false)
    }
  })

  test(`${family}: multihop sessions each have their own least TTL [rfc5883-5-ttl-floor]`, () => {
    const multihop = filterProgram(
      family,
      [rule(peer, { minimumTtl: 250 }), rule(stranger, { minimumTtl: 60, discriminator: 78 })],
      false,
    )
    assert.ok(multihop !== undefined)
    assert.deepEqual(
      [249, 250, 255].map((ttl) => run(multihop, sample({ from: peer, ttl }))),
      [false, true, true],
    )
    assert.deepEqual(
      [59, 60].map((ttl) => run(multihop, sample({ from: stranger, ttl }))),
      [false, true],
    )
  })
}

test('nothing passes a closed filter, nor one without rules', () => {
  const empty = filterProgram('ipv4', [], false)
  assert.ok(empty !== undefined)
  for (const program of [closedFilter(), empty])
    assert.equal(run(program, sample({ from: '192.0.2.1', yourDiscriminator: 77 })), false)
})

test('more rules than the kernel takes make no program', () => {
  const rules = Array.from({ length: 1000 }, (_, index) =>
    rule('2001:db8::1', { discriminator: index + 1, deviceIndex: 2 }),
  )
  assert.equal(filterProgram('ipv6', rules, false), undefined)
  assert.ok(filterProgram('ipv6', rules.slice(0, 150), false) !== undefined)
})
