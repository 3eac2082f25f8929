import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenMessage } from './messages.ts'
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
  ['O1: version 3', open({ version: 3 }), '2/1', '0004'],
  ['O1: version 5', open({ version: 5 }), '2/1', '0004'],
  ['version 0 with a body that is no OPEN', open({ version: 0, parametersLength: 99 }), '2/1', '0004'],
  ['O2: AS 0', open({ asn: 0 }), '2/2'],
  ['O2: AS 0 in the capability', open({ parameters: tlv(2, fourOctet(0)) }), '2/2'],
  ['O2: AS_TRANS without the capability', open({ asn: 23456 }), '2/2'],
  ['O3: BGP Identifier 0.0.0.0', open({ routerId: '00000000' }), '2/3'],
  ['O4: hold time 1', open({ holdTime: 1 }), '2/6', '0001'],
  ['O4: hold time 2', open({ holdTime: 2 }), '2/6', '0002'],
  ['O5: parameters longer than the message', open({ parameters: tlv(2, ''), parametersLength: 3 }), '2/0'],
  ['O5: parameters shorter than the message', open({ parameters: tlv(2, ''), parametersLength: 1 }), '2/0'],
  ['O5: parameters behind a length of 0', open({ parameters: tlv(2, ''), parametersLength: 0 }), '2/0'],
  ['O6: CVE-2022-40302', open({ parameters: 'ff 0002 0001', parametersLength: 255 }), '2/0'],
  ['O6: the same without its last octet', open({ parameters: 'ff 0002 00', parametersLength: 255 }), '2/0'],
  ['O6: the same without its last two', open({ parameters: 'ff 0002', parametersLength: 255 }), '2/0'],
  ['O6: the same without its last three', open({ parameters: 'ff 00', parametersLength: 255 }), '2/0'],
  ['O6: the type of RFC 9072 alone', open({ parameters: 'ff', parametersLength: 255 }), '2/0'],
  ['O7: CVE-2022-43681', open({ parametersLength: 255 }), '2/0'],
  ['O8: parameter type 1', open({ parameters: tlv(1, '00') }), '2/4'],
  ['O8: parameter type 7', open({ parameters: tlv(7, '') }), '2/4'],
  ['a parameter cut behind its type', open({ parameters: '02' }), '2/0'],
  ['a parameter longer than the rest', open({ parameters: tlv(2, '0200', 3) }), '2/0'],
  ['O9: a capability longer than its parameter', open({ parameters: tlv(2, tlv(2, '', 1)) }), '2/0'],
  ['O9: a capability of one octet', open({ parameters: tlv(2, '02') }), '2/0'],
  ['O9: a capability cut by the next parameter', open({ parameters: tlv(2, tlv(65, '00', 4)) + tlv(2, '00') }), '2/0'],
  ['O11: multiprotocol of 3 octets', open({ parameters: tlv(2, tlv(1, '000100')) }), '2/0'],
  ['O11: multiprotocol of 5 octets', open({ parameters: tlv(2, tlv(1, '0001000100')) }), '2/0'],
  ['O11: four-octet AS of 2 octets', open({ parameters: tlv(2, tlv(65, 'fc00')) }), '2/0'],
  ['O11: four-octet AS of 5 octets', open({ parameters: tlv(2, tlv(65, '0000fc0000')) }), '2/0'],
  ['O11: two different AS numbers', open({ parameters: tlv(2, fourOctet(64512) + fourOctet(64513)) }), '2/0'],
]

for (const [name, bytes, code, data = ''] of refusals) {
  test(`${name}: ${code}`, () => {
    const fault = decodedFault(bytes, initialContext)
    assert.deepEqual([`${fault.code}/${fault.subcode}`, toHex(fault.data), fault.isSilent], [code, data, false])
  })
}

test('O4: hold time 0 is accepted', () => {
  assert.equal(decodedOpen(open({ holdTime: 0 })).holdTimeSeconds, 0)
})

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

test('the same AS number twice is no contradiction', () => {
  const parameter = tlv(2, fourOctet(64512))
  assert.equal(decodedOpen(open({ parameters: parameter + parameter })).capabilities.length, 2)
})

test('O10: unknown capabilities of 0 and of 253 octets are kept and do no harm', () => {
  const { capabilities } = decodedOpen(open({ parameters: tlv(2, tlv(200, '')) }))
  assert.deepEqual(capabilities, [{ kind: 'unknown', code: 200, value: hex('') }])
  const long = decodedOpen(open({ parameters: tlv(2, tlv(201, 'ab'.repeat(251))) }))
  assert.deepEqual(long.capabilities, [{ kind: 'unknown', code: 201, value: new Uint8Array(251).fill(0xab) }])
})

test('O10: 120 unknown capabilities, and 200 in the longer form of RFC 9072', () => {
  assert.equal(decodedOpen(open({ parameters: tlv(2, tlv(222, '').repeat(120)) })).capabilities.length, 120)
  const parameters = `ff ${digits(3 + 400, 2)} 02 ${digits(400, 2)}${tlv(222, '').repeat(200)}`
  assert.equal(decodedOpen(open({ parameters, parametersLength: 255 })).capabilities.length, 200)
})

const passedOver: readonly [name: string, code: number, value: string][] = [
  ['O12: graceful restart of 1 octet', 64, '00'],
  ['O12: graceful restart of 3 octets', 64, '007800'],
  ['O12: long-lived graceful restart of 5 octets', 71, '0001018000'],
  ['O13: add-path of 3 octets', 69, '000101'],
  ['O13: add-path with send/receive 0', 69, '00010100'],
  ['O13: extended next hop of 5 octets', 5, '0001000100'],
  ['O14: a host name longer than its capability', 73, 'ff6e6f6465'],
  ['O14: 255 - 2 control characters', 73, '1b'.repeat(251)],
  ['route refresh with a value', 2, '00'],
]

for (const [name, code, value] of passedOver) {
  test(`${name} is passed over and kept as bytes`, () => {
    const { capabilities } = decodedOpen(open({ parameters: tlv(2, tlv(code, value)) }))
    assert.deepEqual(capabilities, [{ kind: 'unknown', code, value: hex(value) }])
  })
}

test('RFC 9072: the one-octet length is ignored once the first parameter type is 255', () => {
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

test('an OPEN with an AS of four octets, both families and route refresh', () => {
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

test('capabilities of more than 253 octets go out in the longer form of RFC 9072', () => {
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
