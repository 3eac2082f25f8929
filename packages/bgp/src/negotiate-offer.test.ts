import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeMessage } from './decode.ts'
import { encodeMessage } from './encode.ts'
import type { Capability, OpenMessage } from './messages.ts'
import { initialContext } from './messages.ts'
import type { Reduction } from './negotiate-offer.ts'
import { capabilityName, describeReduction, namedCapabilities, noReduction, openMessage } from './negotiate-offer.ts'
import type { OptionalCapability, PeerConfig } from './peer.ts'
import { configOf } from './testing/peers.ts'

/** Everything that there is. */
const everything: Partial<PeerConfig> = {
  gracefulRestart: { restartTimeSeconds: 120, hasNotification: true },
  longLivedStaleSeconds: 3600,
  hasAddPath: true,
  hasExtendedNextHop: true,
  role: 'customer',
}

const openFor = (config: Partial<PeerConfig> = {}, reduction: Reduction = noReduction): OpenMessage =>
  openMessage(configOf(config), { isRestarting: false, reduction })

const kindsOf = ({ capabilities }: OpenMessage): readonly string[] => capabilities.map(({ kind }) => kind)

/** As the peer reads it. */
const arrived = (open: OpenMessage): OpenMessage => {
  const decoded = decodeMessage(encodeMessage(open, initialContext), initialContext)
  assert.ok(decoded.ok && decoded.message.kind === 'open')
  return decoded.message
}

const find = <K extends Capability['kind']>(open: OpenMessage, kind: K): Extract<Capability, { kind: K }> => {
  const found = arrived(open).capabilities.filter((capability) => capability.kind === kind)
  assert.equal(found.length, 1, `${kind}, once`)
  return found[0] as Extract<Capability, { kind: K }>
}

suite('what our OPEN offers', () => {
  test('by itself the families, refresh in both forms, long messages and four-octet AS numbers [rfc7313-4-advertise] [rfc8654-4-advertise] [rfc6793-4.1-advertise] [rfc2918-3-advertise]', () => {
    assert.deepEqual(kindsOf(arrived(openFor())), [
      ...['multiprotocol', 'multiprotocol', 'routeRefresh', 'extendedMessage', 'fourOctetAs', 'enhancedRouteRefresh'],
    ])
  })

  test('all else where it is configured, each capability once [rfc5492-4-no-duplicates] [rfc4724-3-one-capability] [rfc9234-4.1-one-role]', () => {
    const open = openFor(everything)
    assert.deepEqual(kindsOf(arrived(open)), [
      ...['multiprotocol', 'multiprotocol', 'routeRefresh', 'extendedNextHop', 'extendedMessage', 'role'],
      ...['gracefulRestart', 'fourOctetAs', 'addPath', 'enhancedRouteRefresh', 'longLivedGracefulRestart'],
    ])
    assert.deepEqual(arrived(open), open, 'the peer reads what we mean')
  })

  test('what the configuration withholds is not offered', () => {
    const all: readonly OptionalCapability[] = [
      ...(['routeRefresh', 'enhancedRouteRefresh', 'extendedMessage', 'fourOctetAs'] as const),
    ]
    for (const kind of all) {
      const kinds = kindsOf(openFor({ withheldCapabilities: [kind] }))
      assert.deepEqual([kinds.includes(kind), kinds.length], [false, 5])
    }
    assert.deepEqual(kindsOf(openFor({ withheldCapabilities: all })), ['multiprotocol', 'multiprotocol'])
  })

  test('graceful restart: all families with the F bit, the N bit, the time that fits 12 bits [rfc4724-3-restart-time] [rfc8538-2-n-bit] [rfc4724-4.1-f-bit]', () => {
    for (const [seconds, told] of [
      [0, 0],
      [120, 120],
      [5000, 4095],
    ] as const) {
      const open = openFor({ gracefulRestart: { restartTimeSeconds: seconds, hasNotification: true } })
      assert.deepEqual(find(open, 'gracefulRestart'), {
        kind: 'gracefulRestart',
        isRestarting: false,
        hasNotification: true,
        restartTimeSeconds: told,
        families: [
          { afi: 1, safi: 1, isForwarding: true },
          { afi: 2, safi: 1, isForwarding: true },
        ],
      })
    }
  })

  test('long-lived graceful restart only with graceful restart [rfc9494-4.1-with-graceful-restart] [rfc9494-5-not-by-default]', () => {
    const longLivedStaleSeconds = 100_000_000
    const { gracefulRestart } = everything
    assert.equal(kindsOf(openFor({ longLivedStaleSeconds })).includes('longLivedGracefulRestart'), false)
    assert.equal(kindsOf(openFor({ gracefulRestart })).includes('longLivedGracefulRestart'), false)
    assert.deepEqual(find(openFor({ longLivedStaleSeconds, gracefulRestart }), 'longLivedGracefulRestart').families, [
      { afi: 1, safi: 1, isForwarding: true, staleTimeSeconds: 0xffffff },
      { afi: 2, safi: 1, isForwarding: true, staleTimeSeconds: 0xffffff },
    ])
  })

  test('add-path: that we send, of our families alone [rfc7911-4-send]', () => {
    assert.deepEqual(find(openFor({ hasAddPath: true, families: ['ipv6'] }), 'addPath').families, [
      { afi: 2, safi: 1, direction: 'send' },
    ])
  })

  test('extended next hop: IPv4 unicast over AFI 2, where IPv4 is wanted [rfc8950-4-capability]', () => {
    assert.deepEqual(find(openFor({ hasExtendedNextHop: true }), 'extendedNextHop').entries, [
      { afi: 1, safi: 1, nextHopAfi: 2 },
    ])
    const onlyIpv6 = openFor({ hasExtendedNextHop: true, families: ['ipv6'] })
    assert.equal(kindsOf(onlyIpv6).includes('extendedNextHop'), false)
  })

  test('a role by its number, and none to our own AS [rfc9234-4.1-advertise]', () => {
    const roles = ['provider', 'routeServer', 'routeServerClient', 'customer', 'peer'] as const
    assert.deepEqual(
      roles.map((role) => find(openFor({ role }), 'role').value),
      [0, 1, 2, 3, 4],
    )
    for (const remoteAsn of ['internal', 65010] as const) {
      assert.equal(kindsOf(openFor({ role: 'peer', remoteAsn })).includes('role'), false)
    }
  })

  test('AS_TRANS stands for an AS number of four octets [rfc6793-4.2.1-as-trans-in-open]', () => {
    const open = arrived(openFor({ localAsn: 4200000000 }))
    assert.equal(open.asn, 23456)
    assert.equal(find(open, 'fourOctetAs').asn, 4200000000)
  })
})

suite('what it leaves out', () => {
  test('nothing, what is newer than four-octet AS numbers, or everything', () => {
    assert.deepEqual(kindsOf(openFor(everything, { kind: 'recent' })), [
      ...['multiprotocol', 'multiprotocol', 'routeRefresh', 'fourOctetAs'],
    ])
    assert.deepEqual(kindsOf(openFor(everything, { kind: 'everything' })), [])
  })

  test('exactly what was named', () => {
    const all = kindsOf(openFor(everything))
    const named = openFor(everything, {
      kind: 'named',
      capabilities: [
        { code: 70, family: undefined },
        { code: 9, family: undefined },
      ],
    })
    const rest = all.filter((kind) => kind !== 'enhancedRouteRefresh' && kind !== 'role')
    assert.deepEqual(kindsOf(named), rest)
  })

  test('a family, which then goes from all capabilities that name it', () => {
    const capabilities = [{ code: 1, family: { afi: 2, safi: 1 } }]
    const open = openFor(everything, { kind: 'named', capabilities })
    assert.equal(JSON.stringify(open.capabilities).includes('"afi":2'), false)
    assert.deepEqual(find(open, 'gracefulRestart').families.length, 1)
    assert.deepEqual(find(open, 'longLivedGracefulRestart').families.length, 1)
    assert.deepEqual(find(open, 'addPath').families.length, 1)
  })

  test('in words', () => {
    assert.equal(describeReduction(noReduction), undefined)
    assert.equal(describeReduction({ kind: 'everything' }), 'any capability')
    assert.match(describeReduction({ kind: 'recent' }) ?? '', /^capabilities other than address families/)
    const capabilities = [
      { code: 64, family: undefined },
      { code: 1, family: { afi: 2, safi: 1 } },
      { code: 200, family: undefined },
    ]
    assert.equal(
      describeReduction({ kind: 'named', capabilities }),
      'graceful restart, multiprotocol 2/1, capability 200',
    )
    assert.equal(capabilityName(65), 'four-octet AS numbers')
  })
})

suite('what a NOTIFICATION 2/7 names', () => {
  const open = openFor(everything)
  const named = (hex: string): ReturnType<typeof namedCapabilities> =>
    namedCapabilities(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')), open)

  test('capabilities of ours, whatever value stands with them', () => {
    assert.deepEqual(named('46 00  40 02 0078  01 04 0002 00 01').ours, [
      { code: 70, family: undefined },
      { code: 64, family: undefined },
      { code: 1, family: { afi: 2, safi: 1 } },
    ])
  })

  test('others, which the peer misses', () => {
    assert.deepEqual(named('01 04 0001 00 80  49 00'), { ours: [], others: [1, 73] })
  })

  test('all families where none is told', () => {
    for (const hex of ['01 00', '01 04 00']) assert.deepEqual(named(hex).ours, [{ code: 1, family: undefined }])
  })

  test('anything else names nothing, and does no harm', () => {
    for (const hex of ['', '46', 'ff ff']) assert.deepEqual(named(hex).ours, [])
    assert.deepEqual(named(`${'ff00'.repeat(2000)}${'4600'.repeat(2000)}`), {
      ours: [{ code: 70, family: undefined }],
      others: [255],
    })
  })
})
