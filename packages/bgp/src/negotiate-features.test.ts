import { ipv4 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Capability, OpenMessage } from './messages.ts'
import { contextOf, negotiate } from './negotiate.ts'
import { noReduction, openMessage } from './negotiate-offer.ts'
import type { Negotiated, PeerConfig, PeerRole } from './peer.ts'
import { configOf, fourOctet, gracefulRestart, openOf, unicast } from './testing/peers.ts'

const link = { local: ipv4(0xc0000201), remote: ipv4(0xc0000202) }
const base: readonly Capability[] = [unicast(1), unicast(2), { kind: 'routeRefresh' }, fourOctet(65020)]

function agree(config: Partial<PeerConfig>, more: readonly Capability[], open: Partial<OpenMessage> = {}) {
  const full = configOf(config)
  const ours = openMessage(full, { isRestarting: false, reduction: noReduction })
  return negotiate(full, link, { ours, theirs: openOf({ capabilities: [...base, ...more], ...open }) })
}

function agreed(config: Partial<PeerConfig>, ...more: Capability[]): Negotiated {
  const agreement = agree(config, more)
  assert.ok(agreement.ok, agreement.ok ? '' : agreement.refusal.reason.message)
  return agreement.negotiated
}

const unicastOf = (afi: number): { readonly afi: number; readonly safi: number } => ({ afi, safi: 1 })

suite('long messages (RFC 8654)', () => {
  const lengths = ({ maxReceivedLength, maxSentLength }: Negotiated): readonly number[] => [
    maxReceivedLength,
    maxSentLength,
  ]

  test('go out only to a peer that offers to take them [rfc8654-4-only-if-received]', () => {
    assert.deepEqual(lengths(agreed({})), [65535, 4096])
    assert.deepEqual(lengths(agreed({}, { kind: 'extendedMessage' })), [65535, 65535])
  })

  test('are taken by whoever offers them, whatever the peer says [rfc8654-4-must-receive]', () => {
    assert.equal(agreed({}).maxReceivedLength, 65535)
    const withheld = agreed({ withheldCapabilities: ['extendedMessage'] }, { kind: 'extendedMessage' })
    assert.deepEqual(lengths(withheld), [4096, 4096])
  })

  test('are what the codec is told', () => {
    const { maxReceivedLength, maxSentLength } = contextOf(agreed({}, { kind: 'extendedMessage' }))
    assert.deepEqual([maxReceivedLength, maxSentLength], [65535, 65535])
  })
})

suite('refresh', () => {
  test('is enhanced where both offer it, and plain refresh too [rfc7313-3.1-both]', () => {
    assert.equal(agreed({}).hasEnhancedRefresh, false)
    assert.equal(agreed({}, { kind: 'enhancedRouteRefresh' }).hasEnhancedRefresh, true)
    const withheld = agreed({ withheldCapabilities: ['enhancedRouteRefresh'] }, { kind: 'enhancedRouteRefresh' })
    assert.equal(withheld.hasEnhancedRefresh, false)
    const plain = agreed({ withheldCapabilities: ['routeRefresh'] }, { kind: 'enhancedRouteRefresh' })
    assert.deepEqual([plain.hasRouteRefresh, plain.hasEnhancedRefresh], [false, false])
  })
})

suite('add-path (RFC 7911)', () => {
  const offer = (afi: number, direction: 'receive' | 'send' | 'both') => ({ ...unicastOf(afi), direction })

  test('of the families in which the peer receives, in its own word [rfc7911-5-both-sides]', () => {
    const cases = [
      [[], []],
      [[offer(1, 'send')], []],
      [[offer(1, 'receive')], ['ipv4']],
      [
        [offer(2, 'both'), offer(1, 'receive')],
        ['ipv4', 'ipv6'],
      ],
      [[{ afi: 1, safi: 128, direction: 'receive' }], []],
    ] as const
    for (const [families, expected] of cases) {
      const negotiated = agreed({ hasAddPath: true }, { kind: 'addPath', families })
      assert.deepEqual(negotiated.addPath, expected)
      assert.deepEqual(contextOf(negotiated).addPath, { send: expected, receive: [] })
    }
  })

  test('of a family that is named twice the last entry counts [rfc7911-4-last-entry]', () => {
    const families = [offer(1, 'receive'), offer(1, 'send')]
    assert.deepEqual(agreed({ hasAddPath: true }, { kind: 'addPath', families }).addPath, [])
  })

  test('not where we do not offer it', () => {
    assert.deepEqual(agreed({}, { kind: 'addPath', families: [offer(1, 'both')] }).addPath, [])
  })
})

suite('extended next hop (RFC 8950)', () => {
  const entry = (afi: number, nextHopAfi: number, safi = 1) => ({ afi, safi, nextHopAfi })

  test('where both sides name IPv4 unicast over AFI 2 [rfc8950-4-both]', () => {
    const cases = [
      [entry(1, 2), ['ipv4']],
      [entry(1, 1), []],
      [entry(2, 2), []],
      [entry(1, 2, 128), []],
    ] as const
    for (const [each, expected] of cases) {
      const capability: Capability = { kind: 'extendedNextHop', entries: [each] }
      const negotiated = agreed({ hasExtendedNextHop: true }, capability)
      assert.deepEqual(negotiated.extendedNextHop, expected)
      assert.deepEqual(contextOf(negotiated).extendedNextHop, expected)
      assert.deepEqual(agreed({}, capability).extendedNextHop, [])
    }
  })
})

suite('graceful restart (RFC 4724)', () => {
  const ours: Partial<PeerConfig> = { gracefulRestart: { restartTimeSeconds: 90, hasNotification: true } }

  test('needs both sides', () => {
    assert.equal(agreed(ours).gracefulRestart, undefined)
    assert.equal(agreed({}, gracefulRestart()).gracefulRestart, undefined)
  })

  test('knows the times of both, the R bit of the peer and what is kept of ours', () => {
    assert.deepEqual(agreed(ours, gracefulRestart({ isRestarting: true })).gracefulRestart, {
      restartTimeSeconds: 90,
      peerRestartTimeSeconds: 120,
      isPeerRestarting: true,
      hasNotification: true,
      families: ['ipv4', 'ipv6'],
      longLived: [],
    })
  })

  test('a peer that names no family helps with those that we name [rfc4724-3-no-families]', () => {
    assert.deepEqual(agreed(ours, gracefulRestart({ families: [] })).gracefulRestart?.families, ['ipv4', 'ipv6'])
    const onlyIpv6 = agreed({ ...ours, families: ['ipv6'] }, gracefulRestart())
    assert.deepEqual(onlyIpv6.gracefulRestart?.families, ['ipv6'])
  })

  test('of several capabilities the last one counts [rfc4724-3-last-instance]', () => {
    const twice = agreed(ours, gracefulRestart({ restartTimeSeconds: 1 }), gracefulRestart({ restartTimeSeconds: 2 }))
    assert.equal(twice.gracefulRestart?.peerRestartTimeSeconds, 2)
  })

  test('keeps routes over a NOTIFICATION only where both set the N bit [rfc8538-2-both-n-bits]', () => {
    assert.equal(agreed(ours, gracefulRestart({ hasNotification: false })).gracefulRestart?.hasNotification, false)
  })

  test('long-lived for our families and our time, where the peer has it at all [rfc9494-4.2-stale-time] [rfc9494-4.5-ignored-without]', () => {
    const config = { ...ours, longLivedStaleSeconds: 3600 }
    const theirs: Capability = {
      kind: 'longLivedGracefulRestart',
      families: [{ afi: 1, safi: 1, isForwarding: true, staleTimeSeconds: 5 }],
    }
    assert.deepEqual(agreed(config, gracefulRestart()).gracefulRestart?.longLived, [])
    assert.deepEqual(agreed(config, gracefulRestart(), theirs).gracefulRestart?.longLived, [
      { family: 'ipv4', staleTimeSeconds: 3600 },
      { family: 'ipv6', staleTimeSeconds: 3600 },
    ])
    assert.equal(agreed(config, theirs).gracefulRestart, undefined, 'never without the capability of RFC 4724')
    assert.deepEqual(agreed(ours, gracefulRestart(), theirs).gracefulRestart?.longLived, [])
  })
})

suite('roles (RFC 9234)', () => {
  const fitting: Readonly<Record<PeerRole, number>> = {
    provider: 3,
    customer: 0,
    routeServer: 2,
    routeServerClient: 1,
    peer: 4,
  }
  const role = (value: number): Capability => ({ kind: 'role', value })

  test('every pair of the table fits, every other is refused with 2/11 [rfc9234-4.2-pairs] [rfc9234-4.2-mismatch]', () => {
    for (const [local, right] of Object.entries(fitting) as [PeerRole, number][]) {
      for (const value of [0, 1, 2, 3, 4, 5, 255]) {
        const agreement = agree({ role: local }, [role(value)])
        assert.equal(agreement.ok, value === right, `${local} and ${value}`)
        if (agreement.ok) assert.equal(agreement.negotiated.role?.local, local)
        else assert.deepEqual([agreement.refusal.subcode, agreement.refusal.reason.code], [11, 'roleMismatch'])
      }
    }
  })

  test('the refusal names both roles and what to correct', () => {
    const agreement = agree({ role: 'customer' }, [role(3)])
    assert.ok(!agreement.ok)
    assert.equal(
      agreement.refusal.reason.message,
      'the peer says that it is a customer; to us, a customer, it would have to be a provider: ' +
        'correct spec.role of the PeerPolicy or the router',
    )
  })

  test('a peer without a role is taken, unless strictness asks for one [rfc9234-4.2-absent] [rfc9234-4.2-strict]', () => {
    assert.deepEqual(agreed({ role: 'customer' }).role, { local: 'customer', peer: undefined })
    const strict = agree({ role: 'customer', isRoleStrict: true }, [])
    assert.ok(!strict.ok)
    assert.deepEqual([strict.refusal.subcode, strict.refusal.reason.code], [11, 'roleMismatch'])
    assert.equal(agree({ role: 'customer', isRoleStrict: true }, [role(0)]).ok, true)
  })

  test('the same role twice is one, two different ones are refused [rfc9234-4.2-identical] [rfc9234-4.2-conflicting]', () => {
    assert.equal(agree({ role: 'customer' }, [role(0), role(0)]).ok, true)
    const agreement = agree({ role: 'customer' }, [role(0), role(3)])
    assert.ok(!agreement.ok)
    assert.equal(agreement.refusal.subcode, 11)
  })

  test('where we have none the peer may say what it likes', () => {
    assert.equal(agreed({}, role(0), role(3)).role, undefined)
  })

  test('within one AS there are none [rfc9234-4-external-only]', () => {
    const capabilities = [unicast(1), fourOctet(65010), role(3)]
    const config = { role: 'customer' as const, isRoleStrict: true, remoteAsn: 'any' as const }
    const agreement = agree(config, [], { asn: 65010, capabilities })
    assert.ok(agreement.ok)
    assert.equal(agreement.negotiated.role, undefined)
  })
})

suite('the send hold time (RFC 9687)', () => {
  const timeOf = (sendHoldSeconds: number | undefined, holdTimeSeconds: number): number =>
    agreed({ sendHoldSeconds, holdTimeSeconds: Math.min(holdTimeSeconds, 90) }).sendHoldSeconds

  test('is the greater of 8 minutes and twice the hold time [rfc9687-6-default] [rfc9687-6-on-by-default]', () => {
    assert.equal(timeOf(undefined, 90), 480)
    const long = agree({ holdTimeSeconds: 600 }, [], { holdTimeSeconds: 600 })
    assert.ok(long.ok)
    assert.equal(long.negotiated.sendHoldSeconds, 1200)
  })

  test('is longer than the hold time where it is configured, or off [rfc9687-4.4-greater]', () => {
    assert.equal(timeOf(100, 90), 100)
    assert.equal(timeOf(10, 90), 91)
    assert.equal(timeOf(0, 90), 0)
  })

  test('is off with a hold time of 0 [rfc9687-4.3-off-without-hold-time]', () => {
    assert.equal(timeOf(undefined, 0), 0)
    assert.equal(timeOf(600, 0), 0)
  })
})
