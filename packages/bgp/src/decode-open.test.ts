import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeMessage } from './encode.ts'
import type { Capability, OpenMessage } from './messages.ts'
import { initialContext } from './messages.ts'
import { digits, hex, message, open, tlv, toHex } from './testing/second-writer.ts'
import { checkVector, decoded, decodedFault } from './testing/vectors.ts'

const fourOctet = (asn: number): string => tlv(65, digits(asn, 4))

function decodedOpen(bytes: Uint8Array): OpenMessage {
  const result = decoded(bytes, initialContext)
  assert.equal(result.kind, 'open')
  return result
}

const refusals: readonly [name: string, bytes: Uint8Array, code: string, data?: string][] = [
  ['version 0 with a body that is no OPEN', open({ version: 0, parametersLength: 99 }), '2/1', '0004'],
  ['parameters behind a length of 0', open({ parameters: tlv(2, ''), parametersLength: 0 }), '2/0'],
  ['the type of RFC 9072 alone', open({ parameters: 'ff', parametersLength: 255 }), '2/0'],
  ['a parameter cut behind its type', open({ parameters: '02' }), '2/0'],
  ['a parameter longer than the rest', open({ parameters: tlv(2, '0200', 3) }), '2/0'],
  ['a capability cut by the next parameter', open({ parameters: tlv(2, tlv(65, '00', 4)) + tlv(2, '00') }), '2/0'],
  ['four-octet AS of 5 octets', open({ parameters: tlv(2, tlv(65, '0000fc0000')) }), '2/0'],
]

for (const [name, bytes, code, data = ''] of refusals) {
  test(`${name}: ${code}`, () => {
    const fault = decodedFault(bytes, initialContext)
    assert.deepEqual([`${fault.code}/${fault.subcode}`, toHex(fault.data), fault.isSilent], [code, data, false])
  })
}

test('hold times 3 and 65,535 are accepted', () => {
  assert.equal(decodedOpen(open({ holdTime: 3 })).holdTimeSeconds, 3)
  assert.equal(decodedOpen(open({ holdTime: 65535 })).holdTimeSeconds, 65535)
})

test('a BGP Identifier with its highest bit set stays a positive number', () => {
  assert.equal(decodedOpen(open({ routerId: 'fffffffe' })).routerId, 0xfffffffe)
})

for (const asn of [65535, 65536, 65537, 4294967295]) {
  test(`AS ${asn} comes from the capability, whatever the two octets say`, () => {
    const { capabilities } = decodedOpen(open({ asn: 23456, parameters: tlv(2, fourOctet(asn)) }))
    assert.deepEqual(capabilities, [{ kind: 'fourOctetAs', asn }])
  })
}

test('the same AS number twice is no contradiction [rfc5492-4-same-twice] [rfc5492-4-several-parameters]', () => {
  const parameter = tlv(2, fourOctet(64512))
  assert.equal(decodedOpen(open({ parameters: parameter + parameter })).capabilities.length, 2)
})

test('RFC 9072: the one-octet length is ignored once the first parameter type is 255 [rfc9072-3-type-decides]', () => {
  for (const parametersLength of [1, 7, 254, 255]) {
    const parameters = 'ff 0009 02 0006 41040000fc00'
    const { capabilities } = decodedOpen(open({ parameters, parametersLength }))
    assert.deepEqual(capabilities, [{ kind: 'fourOctetAs', asn: 64512 }])
  }
})

test('RFC 9072: parameter type 255 is not one where the longer form does not begin', () => {
  const fault = decodedFault(open({ parameters: tlv(2, '') + tlv(255, '00') }), initialContext)
  assert.equal(`${fault.code}/${fault.subcode}`, '2/4')
})

test('an OPEN without capabilities is written with no parameter', () => {
  checkVector({
    name: '',
    bytes: message(1, '04 fc00 005a c0000201 00'),
    message: { kind: 'open', version: 4, asn: 64512, holdTimeSeconds: 90, routerId: 0xc0000201, capabilities: [] },
  })
})

test('an OPEN with an AS of four octets, both families and route refresh [rfc5492-4-one-parameter]', () => {
  checkVector({
    name: '',
    bytes: message(1, '04 5ba0 0003 ffffffff 16 02 14 010400010001 010400020001 0200 4104fa56ea01'),
    message: {
      kind: 'open',
      version: 4,
      asn: 23456,
      holdTimeSeconds: 3,
      routerId: 0xffffffff,
      capabilities: [
        { kind: 'multiprotocol', afi: 1, safi: 1 },
        { kind: 'multiprotocol', afi: 2, safi: 1 },
        { kind: 'routeRefresh' },
        { kind: 'fourOctetAs', asn: 4200000001 },
      ],
    },
  })
})

test('capabilities of more than 253 octets go out in the longer form of RFC 9072 [rfc9072-2-longer-form]', () => {
  const value = new Uint8Array(252).fill(1)
  checkVector({
    name: '',
    bytes: open({ parameters: `ff 0101 02 00fe c8fc ${'01'.repeat(252)}`, parametersLength: 255 }),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 90,
      routerId: 0x0a000001,
      capabilities: [{ kind: 'unknown', code: 200, value }],
    },
  })
})

test('capabilities of 253 octets still go out in the shorter form [rfc9072-2-shorter-form]', () => {
  const value = new Uint8Array(251).fill(1)
  checkVector({
    name: '',
    bytes: open({ parameters: tlv(2, tlv(200, '01'.repeat(251))) }),
    message: {
      kind: 'open',
      version: 4,
      asn: 64512,
      holdTimeSeconds: 90,
      routerId: 0x0a000001,
      capabilities: [{ kind: 'unknown', code: 200, value }],
    },
  })
})

test('the longer form is read also where the shorter would do, and in several parameters [rfc9072-2-any-length]', () => {
  const parameters = 'ff 000f 02 0006 41040000fc00 02 0000 02 0000'
  const { capabilities } = decodedOpen(open({ parameters, parametersLength: 255 }))
  assert.deepEqual(capabilities, [{ kind: 'fourOctetAs', asn: 64512 }])
})

test('of several graceful restart capabilities the last one counts, the others are kept as bytes [rfc4724-3-last-instance]', () => {
  const { capabilities } = decodedOpen(open({ parameters: tlv(2, '4002c078') + tlv(2, '0200 40060001 00010180') }))
  assert.deepEqual(capabilities, [
    { kind: 'unknown', code: 64, value: hex('c078') },
    { kind: 'routeRefresh' },
    {
      kind: 'gracefulRestart',
      isRestarting: false,
      hasNotification: false,
      restartTimeSeconds: 1,
      families: [{ afi: 1, safi: 1, isForwarding: true }],
    },
  ])
})

test('reserved bits of restart flags and of family flags are ignored [rfc4724-3-reserved-ignored] [rfc9494-3.1-reserved]', () => {
  const { capabilities } = decodedOpen(open({ parameters: tlv(2, '4006 3fff 0001 01 7f  4707 0002 01 7f ffffff') }))
  assert.deepEqual(capabilities, [
    {
      kind: 'gracefulRestart',
      isRestarting: false,
      hasNotification: false,
      restartTimeSeconds: 4095,
      families: [{ afi: 1, safi: 1, isForwarding: false }],
    },
    {
      kind: 'longLivedGracefulRestart',
      families: [{ afi: 2, safi: 1, isForwarding: false, staleTimeSeconds: 16777215 }],
    },
  ])
})

test('the reserved octet of the multiprotocol capability is ignored, and 0 in ours [rfc4760-8-reserved]', () => {
  const { capabilities } = decodedOpen(open({ parameters: tlv(2, '0104 0002 ff 01') }))
  assert.deepEqual(capabilities, [{ kind: 'multiprotocol', afi: 2, safi: 1 }])
  const bytes = encodeMessage(decodedOpen(open({ parameters: tlv(2, '0104 0002 ff 01') })), initialContext)
  assert.equal(toHex(bytes.subarray(29)), '0206010400020001')
})

/** Each as it stands in an OPEN, and what it means. */
const capabilityVectors: readonly [name: string, bytes: string, capability: Capability][] = [
  ['extended message', '0600', { kind: 'extendedMessage' }],
  ['enhanced route refresh', '4600', { kind: 'enhancedRouteRefresh' }],
  [
    'graceful restart: R bit, no reserved bits [rfc4724-3-reserved-sent]',
    '400a 8078 00010180 00020100',
    {
      kind: 'gracefulRestart',
      isRestarting: true,
      hasNotification: false,
      restartTimeSeconds: 120,
      families: [
        { afi: 1, safi: 1, isForwarding: true },
        { afi: 2, safi: 1, isForwarding: false },
      ],
    },
  ],
  [
    'graceful restart: N bit, no family, no time',
    '4002 4000',
    { kind: 'gracefulRestart', isRestarting: false, hasNotification: true, restartTimeSeconds: 0, families: [] },
  ],
  [
    'long-lived graceful restart: 24 bits of seconds',
    '470e 00010180ffffff 00020100000001',
    {
      kind: 'longLivedGracefulRestart',
      families: [
        { afi: 1, safi: 1, isForwarding: true, staleTimeSeconds: 16777215 },
        { afi: 2, safi: 1, isForwarding: false, staleTimeSeconds: 1 },
      ],
    },
  ],
  [
    'add-path in all directions',
    '450c 00010101 00020102 00010203',
    {
      kind: 'addPath',
      families: [
        { afi: 1, safi: 1, direction: 'receive' },
        { afi: 2, safi: 1, direction: 'send' },
        { afi: 1, safi: 2, direction: 'both' },
      ],
    },
  ],
  [
    'extended next hop: a SAFI of two octets',
    '050c 000100010002 000100800002',
    {
      kind: 'extendedNextHop',
      entries: [
        { afi: 1, safi: 1, nextHopAfi: 2 },
        { afi: 1, safi: 128, nextHopAfi: 2 },
      ],
    },
  ],
  ['role: customer', '090103', { kind: 'role', value: 3 }],
  ['role: a number that nobody knows', '0901ff', { kind: 'role', value: 255 }],
  ['FQDN', '490d 04 6e6f6465 07 6578616d706c65', { kind: 'fqdn', hostName: 'node', domainName: 'example' }],
  ['FQDN without names', '4902 00 00', { kind: 'fqdn', hostName: '', domainName: '' }],
  ['FQDN in UTF-8', '4907 05 6bc3b66c6e 00', { kind: 'fqdn', hostName: 'köln', domainName: '' }],
  ['FQDN that is no UTF-8', '4905 03 61ff62 00', { kind: 'fqdn', hostName: 'a\udcffb', domainName: '' }],
  ['software version', '4b08 07 4652522f392e31', { kind: 'softwareVersion', version: 'FRR/9.1' }],
]

for (const [name, bytes, capability] of capabilityVectors) {
  test(`capability both ways: ${name}`, () => {
    checkVector({
      name,
      bytes: open({ parameters: tlv(2, bytes) }),
      message: {
        kind: 'open',
        version: 4,
        asn: 64512,
        holdTimeSeconds: 90,
        routerId: 0x0a000001,
        capabilities: [capability],
      },
    })
  })
}

test('a capability of more than 255 octets is our own mistake', () => {
  const families = Array.from({ length: 37 }, () => ({ afi: 1, safi: 1, isForwarding: false, staleTimeSeconds: 1 }))
  const capabilities = [{ kind: 'longLivedGracefulRestart' as const, families }]
  assert.throws(() => encodeMessage({ ...decodedOpen(open()), capabilities }, initialContext), RangeError)
})

test('an OPEN has 4,096 octets at most, also towards a peer that takes more', () => {
  const capabilities = Array.from({ length: 16 }, () => ({
    kind: 'unknown' as const,
    code: 200,
    value: new Uint8Array(254),
  }))
  const context = { ...initialContext, maxReceivedLength: 65535, maxSentLength: 65535 }
  assert.throws(() => encodeMessage({ ...decodedOpen(open()), capabilities }, context), /4096/)
})

test('a thousand graceful restart capabilities cost no more than a thousand others', () => {
  const parametersOf = (capability: string): string => {
    const capabilities = capability.repeat(1000)
    const [inner, outer] = [capabilities.length / 2, capabilities.length / 2 + 3]
    return `ff ${digits(outer, 2)} 02 ${digits(inner, 2)} ${capabilities}`
  }
  const [restarts, others] = ['40020001', 'c8020001'].map((capability) =>
    open({ parameters: parametersOf(capability), parametersLength: 255 }),
  )
  assert.ok(restarts !== undefined && others !== undefined)
  const kinds = decodedOpen(restarts).capabilities.map(({ kind }) => kind)
  assert.deepEqual(
    [kinds.length, kinds.at(-1), new Set(kinds.slice(0, -1))],
    [1000, 'gracefulRestart', new Set(['unknown'])],
  )
  const microseconds = (bytes: Uint8Array): number => {
    const runs = Array.from({ length: 4 }, () => {
      const { user } = process.cpuUsage()
      for (let times = 0; times < 50; times += 1) decodedOpen(bytes)
      return process.cpuUsage().user - user
    })
    return Math.min(...runs)
  }
  const [one, other] = [microseconds(restarts), microseconds(others)]
  assert.ok(one < 4 * other + 20_000, `${one} and ${other} microseconds of the processor`)
})
