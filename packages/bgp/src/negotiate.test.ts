import { ipv4, ipv6 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { Capability, OpenMessage } from './messages.ts'
import { initialContext } from './messages.ts'
import type { Agreement } from './negotiate.ts'
import { negotiate } from './negotiate.ts'
import type { Reduction } from './negotiate-offer.ts'
import { noReduction, openMessage } from './negotiate-offer.ts'
import type { Negotiated, PeerConfig } from './peer.ts'
import { configOf, fourOctet, openOf, unicast } from './testing/peers.ts'

const link = { local: ipv4(0xc0000201), remote: ipv4(0xc0000202) }

const openFor = (config: Partial<PeerConfig> = {}, reduction: Reduction = noReduction): OpenMessage =>
  openMessage(configOf(config), { isRestarting: false, reduction })

const agree = (config: Partial<PeerConfig>, open: Partial<OpenMessage>): Agreement =>
  negotiate(configOf(config), link, { ours: openFor(config), theirs: openOf(open) })

function agreed(config: Partial<PeerConfig>, open: Partial<OpenMessage> = {}): Negotiated {
  const agreement = agree(config, open)
  assert.ok(agreement.ok, agreement.ok ? '' : agreement.refusal.reason.message)
  return agreement.negotiated
}

/** Subcode, reason and sentence of a refusal. */
function refused(config: Partial<PeerConfig>, open: Partial<OpenMessage>): readonly [number, string, string] {
  const agreement = agree(config, open)
  assert.ok(!agreement.ok, 'the OPEN was accepted')
  const { subcode, reason } = agreement.refusal
  return [subcode, reason.code, reason.message]
}

test('our OPEN, byte by byte', () => {
  const bytes = encodeMessage(openFor({ localAsn: 4200000000 }), initialContext)
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    [
      `${'ff'.repeat(16)}003701`,
      '04 5ba0 005a 0a000001 1a'.replaceAll(' ', ''),
      '0218 010400010001 010400020001 0200 0600 4104fa56ea00 4600'.replaceAll(' ', ''),
    ].join(''),
  )
})

suite('hold and keepalive time', () => {
  const times = (config: Partial<PeerConfig>, holdTimeSeconds: number): readonly [number, number] => {
    const negotiated = agreed(config, { holdTimeSeconds })
    return [negotiated.holdTimeSeconds, negotiated.keepaliveSeconds]
  }

  test('hold time is the lower of the two [rfc4271-4.2-lower-hold-time]', () => {
    assert.deepEqual(times({ holdTimeSeconds: 90 }, 180), [90, 30])
    assert.deepEqual(times({ holdTimeSeconds: 180 }, 90), [90, 30])
  })

  test('0 from either side means neither timer [rfc4271-4.4-none-without-hold-time]', () => {
    assert.deepEqual(times({ holdTimeSeconds: 0 }, 180), [0, 0])
    assert.deepEqual(times({ holdTimeSeconds: 180 }, 0), [0, 0])
    assert.deepEqual(times({ holdTimeSeconds: 180, keepaliveSeconds: 10 }, 0), [0, 0])
  })

  test('a configured keepalive time holds where a third of the hold time is not less [rfc4271-4.4-keepalive-rate]', () => {
    assert.deepEqual(times({ keepaliveSeconds: 10 }, 90), [90, 10])
    assert.deepEqual(times({ keepaliveSeconds: 60 }, 90), [90, 30])
    assert.deepEqual(times({ keepaliveSeconds: 60 }, 3), [3, 1])
    assert.deepEqual(times({}, 4), [4, 1])
  })
})

suite("the peer's AS number", () => {
  // RFC 6793: 65535 fits two octets, 65536 is the first that does not, 65537 what a comparison off by one takes for it.
  for (const asn of [65535, 65536, 65537]) {
    test(`AS ${asn} with the four-octet capability [rfc6793-4.1-capability-tells]`, () => {
      const twoOctets = asn > 65535 ? 23456 : asn
      const open = { asn: twoOctets, capabilities: [fourOctet(asn)] }
      const negotiated = agreed({ remoteAsn: asn, families: ['ipv4'] }, open)
      assert.deepEqual([negotiated.remoteAsn, negotiated.isFourOctetAs], [asn, true])
    })

    test(`our AS ${asn} in our own OPEN`, () => {
      const { asn: field, capabilities } = openFor({ localAsn: asn })
      assert.equal(field, asn === 65535 ? 65535 : 23456)
      assert.deepEqual(
        capabilities.find(({ kind }) => kind === 'fourOctetAs'),
        { kind: 'fourOctetAs', asn },
      )
    })
  }

  test('AS 65535 without the capability', () => {
    const negotiated = agreed({ remoteAsn: 65535 }, { asn: 65535, capabilities: [] })
    assert.deepEqual([negotiated.remoteAsn, negotiated.isFourOctetAs], [65535, false])
  })

  for (const asn of [65536, 65537]) {
    test(`AS ${asn} without the capability cannot be told: 2/2`, () => {
      const open = openOf({ asn: 23456, capabilities: [] })
      const decoded = decodeMessage(encodeMessage(open, initialContext), initialContext)
      assert.ok(!decoded.ok)
      assert.deepEqual([decoded.fault.code, decoded.fault.subcode], [2, 2])
      assert.equal(refused({ remoteAsn: asn }, { asn: 23456, capabilities: [] })[0], 2)
    })
  }

  test('another one than expected is refused in words that name both [rfc4271-6.2-peer-as]', () => {
    const open = { asn: 65010, capabilities: [fourOctet(65010)] }
    assert.deepEqual(refused({ localAsn: 65000, remoteAsn: 65020 }, open), [
      2,
      'badPeerAs',
      'the peer says it is AS 65010, this BGPPeer expects AS 65020: correct spec.peerASN or the router',
    ])
  })

  test('internal is our own AS and no other, external any other', () => {
    const [ours, theirs] = [65010, 65020].map((asn) => ({ asn, capabilities: [fourOctet(asn), unicast(1)] }))
    assert.equal(agreed({ remoteAsn: 'internal' }, ours).isInternal, true)
    assert.equal(agreed({ remoteAsn: 'external' }, theirs).isInternal, false)
    assert.match(refused({ remoteAsn: 'internal' }, theirs!)[2], /AS 65020, this BGPPeer expects our own, AS 65010/)
    assert.match(refused({ remoteAsn: 'external' }, ours!)[2], /AS 65010, this BGPPeer expects any but our own/)
  })

  test('a collector takes any, ours included', () => {
    const numbers = [65010, 65020, 4200000000].map((asn) => {
      const capabilities = [fourOctet(asn), unicast(1)]
      const negotiated = agreed({ remoteAsn: 'any' }, { asn: asn > 65535 ? 23456 : asn, capabilities })
      return [negotiated.remoteAsn, negotiated.isInternal]
    })
    assert.deepEqual(numbers, [
      [65010, true],
      [65020, false],
      [4200000000, false],
    ])
  })

  test('an OPEN that tells two AS numbers is refused', () => {
    assert.equal(refused({}, { asn: 65021, capabilities: [fourOctet(65020)] })[0], 2)
  })

  test('AS_TRANS as the real AS number is refused [rfc6793-9-as-trans-reserved]', () => {
    assert.equal(refused({ remoteAsn: 'external' }, { asn: 23456, capabilities: [fourOctet(23456)] })[0], 2)
  })
})

suite("the peer's BGP Identifier", () => {
  test('ours is refused within one AS, and welcome from another (RFC 6286) [rfc6286-2.2-internal-identifier]', () => {
    const ours = { routerId: 0xfe000001 }
    const inside = { asn: 65010, capabilities: [fourOctet(65010), unicast(1)], ...ours }
    assert.deepEqual(refused({ ...ours, remoteAsn: 'internal' }, inside).slice(0, 2), [3, 'badBgpIdentifier'])
    assert.equal(agreed(ours, ours).remoteRouterId, 0xfe000001)
  })
})

suite('address families', () => {
  const familiesOf = (families: PeerConfig['families'], capabilities: readonly Capability[]): readonly string[] =>
    agreed({ families }, { capabilities: [fourOctet(65020), ...capabilities] }).families

  test('both sides must offer one [rfc4760-8-both-sides]', () => {
    assert.deepEqual(familiesOf(['ipv4', 'ipv6'], [unicast(2)]), ['ipv6'])
    assert.deepEqual(familiesOf(['ipv4'], [unicast(1), unicast(2)]), ['ipv4'])
    assert.deepEqual(familiesOf(['ipv4', 'ipv6'], [unicast(1), unicast(2), unicast(1)]), ['ipv4', 'ipv6'])
  })

  test('a peer that offers none means IPv4 unicast [rfc4760-8-none-means-ipv4]', () => {
    assert.deepEqual(familiesOf(['ipv4', 'ipv6'], []), ['ipv4'])
    assert.deepEqual(familiesOf(['ipv4', 'ipv6'], [{ kind: 'routeRefresh' }]), ['ipv4'])
  })

  test('multicast and VPN families are none of ours', () => {
    const others: Capability[] = [
      { kind: 'multiprotocol', afi: 1, safi: 2 },
      { kind: 'multiprotocol', afi: 2, safi: 128 },
      { kind: 'multiprotocol', afi: 16388, safi: 71 },
    ]
    assert.deepEqual(familiesOf(['ipv4', 'ipv6'], [...others, unicast(2)]), ['ipv6'])
    assert.deepEqual(refused({}, { capabilities: [fourOctet(65020), ...others] }).slice(0, 2), [7, 'noCommonFamily'])
  })

  test('without a common one the NOTIFICATION lists what was missed [rfc5492-5-data-lists-missed]', () => {
    const agreement = agree({ families: ['ipv6'] }, { capabilities: [fourOctet(65020), unicast(1)] })
    assert.ok(!agreement.ok)
    assert.equal(Buffer.from(agreement.refusal.data).toString('hex'), '010400020001')
  })

  test('an OPEN of ours without capabilities leaves IPv4 unicast and two-octet AS numbers', () => {
    const agreement = negotiate(configOf(), link, { ours: openFor({}, { kind: 'everything' }), theirs: openOf() })
    assert.ok(agreement.ok)
    const { families, isFourOctetAs, hasRouteRefresh } = agreement.negotiated
    assert.deepEqual([families, isFourOctetAs, hasRouteRefresh], [['ipv4'], false, false])
    assert.deepEqual(openFor({}, { kind: 'everything' }).capabilities, [])
  })
})

test('unknown capabilities, however many, are passed over (RFC 5492) [rfc5492-3-unknown-ignored]', () => {
  const unknown = Array.from({ length: 200 }, (_, code) => ({
    kind: 'unknown' as const,
    code,
    value: new Uint8Array(code % 3),
  }))
  assert.equal(agreed({}, { capabilities: [...unknown, fourOctet(65020)] }).remoteAsn, 65020)
})

test('what was negotiated knows both ends of the connection', () => {
  const ends = { local: ipv6(1n), remote: ipv6(2n) }
  const agreement = negotiate(configOf(), ends, { ours: openFor(), theirs: openOf() })
  assert.ok(agreement.ok)
  assert.deepEqual([agreement.negotiated.localAddress, agreement.negotiated.remoteAddress], [ends.local, ends.remote])
})
