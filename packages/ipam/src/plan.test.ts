import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import { plan, replan } from './plan.ts'
import { decodeState, emptyState, encodeState, withClaims } from './state.ts'
import { asking, ip, pool, preferDual, requireDual, service, sharing } from './testing/worlds.ts'
import type { Change, Plan, Pool, RefusalReason, ServiceRequest } from './types.ts'

const start = (pools: readonly Pool[], ...services: ServiceRequest[]): Plan =>
  plan({ pools, services, state: emptyState })

/** The same plan as after a restart: only the stored state is left. */
const restart = (last: Plan, pools: readonly Pool[], ...services: ServiceRequest[]): Plan => {
  const { state, faults } = decodeState(JSON.parse(JSON.stringify(encodeState(last.state))))
  assert.deepEqual(faults, [])
  return plan({ pools, services, state })
}

/** `192.0.2.1` or `192.0.2.1 2001:db8::1`, or why not. */
function outcome(result: Plan, key: string): string {
  const decision = result.decisions.get(key)
  assert.ok(decision, `${key} has no decision`)
  if (decision.kind === 'refused') return decision.reason
  return decision.addresses.map(({ address }) => formatAddress(address)).join(' ')
}

const outcomes = (result: Plan, ...keys: string[]): string[] => keys.map((key) => outcome(result, key))

function refusalMessage(result: Plan, key: string): string {
  const decision = result.decisions.get(key)
  assert.equal(decision?.kind, 'refused')
  return decision.message
}

function notice(result: Plan, key: string): RefusalReason | undefined {
  const decision = result.decisions.get(key)
  assert.equal(decision?.kind, 'assigned')
  return decision.notice?.reason
}

/** `cleared n/a notInAnyPool`, in order. */
const story = (changes: readonly Change[]): string[] =>
  changes.map((change) => {
    switch (change.kind) {
      case 'cleared':
        return `cleared ${change.service} ${change.reason}`
      case 'refused':
        return `refused ${change.service} ${change.refusal.reason}`
      default:
        return `${change.kind} ${change.service}`
    }
  })

const eventReasons = (changes: readonly Change[]): (string | undefined)[] =>
  changes.map((change) => ('event' in change ? change.event?.reason : undefined))

const small = pool('small', '192.0.2.1-192.0.2.2')
const dual = pool('dual', '192.0.2.1-192.0.2.2,2001:db8::1-2001:db8::2')

describe('the order of choice', () => {
  test('the ranges of a pool serve in spec order, each from its lowest address', () => {
    const pools = [pool('p', '192.0.2.8-192.0.2.9,192.0.2.1-192.0.2.2')]
    const result = start(pools, service('n/a'), service('n/b'), service('n/c'))
    assert.deepEqual(outcomes(result, 'n/a', 'n/b', 'n/c'), ['192.0.2.8', '192.0.2.9', '192.0.2.1'])
  })

  test('open pools serve in the order of their names', () => {
    const result = start([pool('z', '192.0.2.1/32'), pool('b', '192.0.2.2/32')], service('n/a'), service('n/b'))
    assert.deepEqual(outcomes(result, 'n/a', 'n/b'), ['192.0.2.2', '192.0.2.1'])
  })

  test('pinned pools come first, in the order given, and restricted pools serve nobody else', () => {
    const pools = [
      pool('a', '192.0.2.1/32'),
      pool('x', '192.0.2.2/32', { isRestricted: true }),
      pool('y', '192.0.2.3/32', { isRestricted: true }),
    ]
    const pinnedPools = ['y', 'x']
    const result = start(pools, ...['n/a', 'n/b', 'n/c'].map((key) => service(key, { pinnedPools })), service('o/d'))
    assert.deepEqual(outcomes(result, 'n/a', 'n/b', 'n/c', 'o/d'), [
      '192.0.2.3',
      '192.0.2.2',
      '192.0.2.1',
      'noAvailableIPs',
    ])
  })

  test('a pool without autoAssign serves by address and by annotation only', () => {
    const pools = [pool('manual', '192.0.2.1-192.0.2.3', { autoAssign: false })]
    const result = start(
      pools,
      service('n/auto'),
      service('n/address', asking('192.0.2.3')),
      service('n/pool', { requestedPool: 'manual' }),
    )
    assert.deepEqual(outcomes(result, 'n/auto', 'n/address', 'n/pool'), ['noPoolForService', '192.0.2.3', '192.0.2.1'])
  })

  test('avoidBuggyIPs skips IPv4 addresses that end in .0 and .255, and no IPv6 address', () => {
    const pools = [pool('p', '192.0.2.254-192.0.3.1,2001:db8::-2001:db8::1', { avoidBuggyIPs: true })]
    const six = { families: { kind: 'single', family: 'ipv6' } } as const
    const result = start(pools, service('n/a'), service('n/b'), service('n/c'), service('n/d', six))
    assert.deepEqual(outcomes(result, 'n/a', 'n/b', 'n/c', 'n/d'), [
      '192.0.2.254',
      '192.0.3.1',
      'noAvailableIPs',
      '2001:db8::',
    ])
  })

  test('of new Services, those that ask for an address go before those that take any', () => {
    const result = start([small], service('n/a'), service('n/z', asking('192.0.2.1')))
    assert.deepEqual(outcomes(result, 'n/a', 'n/z'), ['192.0.2.2', '192.0.2.1'])
  })

  test('the empty pool annotation asks for nothing', () => {
    assert.equal(outcome(start([small], service('n/a', { requestedPool: '' })), 'n/a'), '192.0.2.1')
  })
})

describe('requests for addresses and pools', () => {
  const cases: readonly [string, readonly Pool[], Partial<ServiceRequest>, RefusalReason, RegExp][] = [
    ['an address in no pool', [small], asking('198.51.100.1'), 'notAllowed', /198\.51\.100\.1 is not in any pool/],
    [
      'an address that its pool avoids',
      [pool('p', '192.0.2.0/24', { avoidBuggyIPs: true })],
      asking('192.0.2.255'),
      'buggyAddress',
      /192\.0\.2\.255 ends in \.0 or \.255, which pool "p" avoids/,
    ],
    [
      'an address of the wrong family',
      [dual],
      asking('2001:db8::1'),
      'requestedFamilyMismatch',
      /exactly one address of IPv4/,
    ],
    [
      'one address for a dual-stack Service',
      [dual],
      { ...requireDual, ...asking('192.0.2.1') },
      'requestedFamilyMismatch',
      /exactly one address of IPv4 and IPv6/,
    ],
    [
      'addresses of two pools',
      [pool('four', '192.0.2.1/32'), pool('six', '2001:db8::1/128')],
      { ...requireDual, ...asking('192.0.2.1', '2001:db8::1') },
      'requestedPoolsDiffer',
      /pools "four", "six"/,
    ],
    [
      'an address and another pool',
      [small, pool('other', '198.51.100.1/32')],
      { ...asking('192.0.2.1'), requestedPool: 'other' },
      'requestedPoolMismatch',
      /192\.0\.2\.1 is in pool "small", but pool "other" is requested/,
    ],
    [
      'an address of a pool that does not match the Service',
      [pool('p', '192.0.2.1/32', { isRestricted: true })],
      asking('192.0.2.1'),
      'poolNotCompatible',
      /serviceAllocation of pool "p"/,
    ],
    [
      'a pool that does not match the Service',
      [pool('p', '192.0.2.1/32', { isRestricted: true })],
      { requestedPool: 'p' },
      'poolNotCompatible',
      /serviceAllocation of pool "p"/,
    ],
    ['a pool that does not exist', [small], { requestedPool: 'nowhere' }, 'unknownPool', /no pool "nowhere"/],
    [
      'addresses that cannot be read',
      [small],
      { requestFault: 'the requested address "x" is not an IP address' },
      'invalidRequest',
      /"x" is not an IP address/,
    ],
    ['any address, without any pool', [], {}, 'noPoolForService', /there is no pool/],
    [
      'a pool that is refused, and still has what it gave',
      [pool('p', '192.0.2.0/24', { isRestricted: true, isRefused: true })],
      { requestedPool: 'p' },
      'poolRefused',
      /^pool "p" is refused as it is now \(its events say why\)$/,
    ],
    [
      'an address that a refused pool still has',
      [pool('p', '192.0.2.0/24', { isRefused: true })],
      asking('192.0.2.1'),
      'poolRefused',
      /pool "p" is refused/,
    ],
    [
      'an address in no pool in force, beside a refused one',
      [small, pool('p', '', { isRefused: true })],
      asking('198.51.100.1'),
      'notAllowed',
      /198\.51\.100\.1 is not in any pool that is in force; pool "p" is refused as it is now/,
    ],
    [
      'any address, where all pools are refused',
      ['a', 'b', 'c', 'd'].map((name) => pool(name, '', { isRefused: true })),
      {},
      'noPoolForService',
      /there is no pool in force; pools "a", "b", "c" and 1 more are refused as they are now \(their events say why\)/,
    ],
    [
      'a family that no pool has',
      [small],
      { families: { kind: 'single', family: 'ipv6' } },
      'poolLacksFamily',
      /no range for IPv6 in pool "small"/,
    ],
    [
      'both families, which no pool has',
      [pool('four', '192.0.2.1/32'), pool('six', '2001:db8::1/128')],
      requireDual,
      'poolLacksFamily',
      /no range for IPv4 and IPv6 in any one of the pools "four", "six"/,
    ],
    [
      'an address, without a cluster IP',
      [small],
      { families: { kind: 'unknown' } },
      'noClusterIP',
      /no cluster IP yet/,
    ],
    [
      'two addresses, with one cluster IP',
      [dual],
      { families: { kind: 'notEnoughClusterIPs' } },
      'notEnoughClusterIPs',
      /requires dual stack/,
    ],
  ]
  for (const [what, pools, settings, reason, message] of cases) {
    test(`asking for ${what} is refused as ${reason}`, () => {
      const result = start(pools, service('n/a', settings))
      assert.equal(outcome(result, 'n/a'), reason)
      assert.match(refusalMessage(result, 'n/a'), message)
    })
  }

  test('both requested addresses are granted, IPv4 first', () => {
    const result = start([dual], service('n/a', { ...requireDual, ...asking('2001:db8::2', '192.0.2.1') }))
    assert.equal(outcome(result, 'n/a'), '192.0.2.1 2001:db8::2')
  })

  test('a Service that asks for another address moves there, and the move is reported first', () => {
    const first = start([small], service('n/a'))
    const next = replan(first, { pools: [small], services: [service('n/a', asking('192.0.2.2'))] })
    assert.equal(outcome(next, 'n/a'), '192.0.2.2')
    assert.deepEqual(story(next.changes), ['cleared n/a requestedAddressesChanged', 'assigned n/a'])
    assert.deepEqual(eventReasons(next.changes), ['ClearAssignment', 'IPAllocated'])
  })

  test('a refused request does not cost a Service the address that it holds', () => {
    const first = start([small], service('n/a'), service('n/b'))
    for (const settings of [asking('192.0.2.2'), asking('203.0.113.9'), { requestFault: 'both are set' }]) {
      const next = replan(first, { pools: [small], services: [service('n/a', settings), service('n/b')] })
      assert.deepEqual(outcomes(next, 'n/a', 'n/b'), ['192.0.2.1', '192.0.2.2'])
      assert.equal(next.changes.length, 1)
      assert.equal(next.changes[0]?.kind, 'refused')
    }
  })

  test('a request that was refused is granted as soon as the address is free', () => {
    const wish = service('n/a', asking('192.0.2.2'))
    const both = start([small], service('n/a'), service('n/b'))
    const refused = replan(both, { pools: [small], services: [wish, service('n/b')] })
    assert.equal(notice(refused, 'n/a'), 'addressInUse')
    const granted = replan(refused, { pools: [small], services: [wish] })
    assert.equal(outcome(granted, 'n/a'), '192.0.2.2')
    assert.equal(notice(granted, 'n/a'), undefined)
  })

  test('requests that wait for each other in a row are all granted in one plan', () => {
    const first = start([small], service('n/a', asking('192.0.2.1')), service('n/b', asking('192.0.2.2')))
    const pools = [pool('small', '192.0.2.1-192.0.2.3')]
    const services = [
      service('n/a', asking('192.0.2.2')),
      service('n/b', asking('192.0.2.3')),
      service('n/c', asking('192.0.2.1')),
    ]
    assert.deepEqual(outcomes(replan(first, { pools, services }), 'n/a', 'n/b', 'n/c'), [
      '192.0.2.2',
      '192.0.2.3',
      '192.0.2.1',
    ])
  })

  test('another pool asked for by annotation moves the Service', () => {
    const pools = [small, pool('other', '198.51.100.1/32')]
    const first = start(pools, service('n/a', { requestedPool: 'small' }))
    const next = replan(first, { pools, services: [service('n/a', { requestedPool: 'other' })] })
    assert.equal(outcome(next, 'n/a'), '198.51.100.1')
    assert.deepEqual(story(next.changes), ['cleared n/a requestedPoolChanged', 'assigned n/a'])
  })
})

describe('families', () => {
  test('RequireDualStack takes both addresses from one pool, or none', () => {
    const pools = [pool('a', '192.0.2.9/32'), dual]
    const result = start(pools, ...['n/a', 'n/b', 'n/c'].map((key) => service(key, requireDual)))
    assert.deepEqual(outcomes(result, 'n/a', 'n/b', 'n/c'), [
      '192.0.2.1 2001:db8::1',
      '192.0.2.2 2001:db8::2',
      'noAvailableIPs',
    ])
  })

  test('PreferDualStack prefers a pool with both families', () => {
    const result = start([pool('a', '192.0.2.9/32'), dual], service('n/a', preferDual()))
    assert.equal(outcome(result, 'n/a'), '192.0.2.1 2001:db8::1')
  })

  test('without such a pool PreferDualStack takes its first family, else the other', () => {
    const four = pool('four', '192.0.2.9/32')
    const six = pool('six', '2001:db8::9/128')
    assert.equal(outcome(start([four, six], service('n/a', preferDual('ipv6'))), 'n/a'), '2001:db8::9')
    assert.equal(outcome(start([four, six], service('n/a', preferDual('ipv4'))), 'n/a'), '192.0.2.9')
    assert.equal(outcome(start([four], service('n/a', preferDual('ipv6'))), 'n/a'), '192.0.2.9')
  })

  test('PreferDualStack with one cluster IP settles on one address of a pool that has both families', () => {
    const one = service('n/a', { families: { kind: 'preferDual', first: 'ipv4', available: ['ipv4'] } })
    const first = start([dual], one)
    assert.equal(outcome(first, 'n/a'), '192.0.2.1')
    assert.equal(notice(first, 'n/a'), undefined)
    for (const again of [replan(first, { pools: [dual], services: [one] }), restart(first, [dual], one)]) {
      assert.deepEqual(again.changes, [])
    }
  })

  test('PreferDualStack gains a second address when its pool gains the family', () => {
    const one = service('n/a', preferDual())
    const first = start([pool('p', '192.0.2.1/32')], one)
    assert.equal(outcome(first, 'n/a'), '192.0.2.1')
    const next = replan(first, { pools: [pool('p', '192.0.2.1/32,2001:db8::1/128')], services: [one] })
    assert.equal(outcome(next, 'n/a'), '192.0.2.1 2001:db8::1')
    assert.deepEqual(story(next.changes), ['added n/a'])
    assert.deepEqual(eventReasons(next.changes), ['IPAllocated'])
  })

  test('PreferDualStack never moves to another pool to become dual', () => {
    const one = service('n/a', preferDual())
    const single = pool('p', '198.51.100.1/32')
    const first = start([single], one)
    assert.deepEqual(replan(first, { pools: [single, dual], services: [one] }).changes, [])
  })

  test('a second address that is not to be had is reported once, and given when it becomes free', () => {
    const pools = [pool('p', '192.0.2.1-192.0.2.2,2001:db8::1/128')]
    const services = [service('n/a', preferDual()), service('n/b', preferDual())]
    const first = start(pools, ...services)
    assert.deepEqual(outcomes(first, 'n/a', 'n/b'), ['192.0.2.1 2001:db8::1', '192.0.2.2'])
    assert.equal(notice(first, 'n/b'), 'noAdditionalIP')
    assert.deepEqual(eventReasons(first.changes), ['IPAllocated', 'IPAllocated', 'AdditionalAssignFailed'])
    assert.deepEqual(replan(first, { pools, services }).changes, [])
    const next = replan(plan({ pools, services, state: first.state }), { pools, services: services.slice(1) })
    assert.equal(outcome(next, 'n/b'), '192.0.2.2 2001:db8::1')
  })

  test('when a dual pool becomes single, both addresses are given up and one or two allocated again', () => {
    const one = service('n/a', preferDual())
    const first = start([pool('p', '192.0.2.1/32,2001:db8::1/128')], one)
    const single = pool('p', '192.0.2.1/32')
    const alone = replan(first, { pools: [single], services: [one] })
    assert.equal(outcome(alone, 'n/a'), '192.0.2.1')
    assert.deepEqual(story(alone.changes), ['cleared n/a notInAnyPool', 'assigned n/a'])
    const elsewhere = replan(first, { pools: [single, pool('q', '192.0.2.9/32,2001:db8::9/128')], services: [one] })
    assert.equal(outcome(elsewhere, 'n/a'), '192.0.2.9 2001:db8::9')
  })

  test('a Service that goes from two families to one keeps the address of that one', () => {
    const first = start([dual], service('n/a', requireDual))
    const next = replan(first, {
      pools: [dual],
      services: [service('n/a', { families: { kind: 'single', family: 'ipv6' } })],
    })
    assert.equal(outcome(next, 'n/a'), '2001:db8::1')
    assert.deepEqual(story(next.changes), ['cleared n/a familyChanged'])
  })

  test('a Service that loses its cluster IP is cleared, and gets its address back with the next one', () => {
    const first = start([dual], service('n/a'), service('n/b'))
    const gone = replan(first, {
      pools: [dual],
      services: [service('n/a', { families: { kind: 'unknown' } }), service('n/b')],
    })
    assert.deepEqual(story(gone.changes), ['cleared n/a noClusterIP', 'refused n/a noClusterIP'])
    assert.deepEqual(eventReasons(gone.changes), ['ClearAssignment', undefined])
    assert.equal(
      outcome(replan(gone, { pools: [dual], services: [service('n/b'), service('n/a')] }), 'n/a'),
      '192.0.2.1',
    )
  })
})

describe('sharing', () => {
  const one = [pool('p', '192.0.2.1/32')]

  test('Services with one key and different ports share an address, across namespaces', () => {
    const result = start(
      one,
      service('n/a', sharing('k', 80)),
      service('m/b', sharing('k', 443)),
      service('m/c', sharing('k', 53)),
    )
    assert.deepEqual(outcomes(result, 'n/a', 'm/b', 'm/c'), ['192.0.2.1', '192.0.2.1', '192.0.2.1'])
  })

  test('the same port number over another protocol is another port', () => {
    const udp = service('n/b', { sharing: { key: 'k', backend: '' }, ports: [{ protocol: 'UDP', port: 80 }] })
    assert.equal(outcome(start(one, service('n/a', sharing('k', 80)), udp), 'n/b'), '192.0.2.1')
  })

  const conflicts: readonly [string, Partial<ServiceRequest>, Partial<ServiceRequest>, RefusalReason, RegExp][] = [
    [
      'the holder shares with nobody',
      {},
      sharing('k', 443),
      'addressInUse',
      /in use by Service n\/a, which shares .* nobody/,
    ],
    ['the newcomer has no key', sharing('k', 80), { ports: [] }, 'addressInUse', /n\/a; to share it, .* "k"/],
    [
      'the keys differ',
      sharing('k', 80),
      sharing('l', 443),
      'sharingKeyMismatch',
      /n\/a with the sharing key "k", .* "l"/,
    ],
    ['a port is the same', sharing('k', 80, 81), sharing('k', 81), 'portInUse', /n\/a with the same port TCP\/81/],
    [
      'the policies differ',
      sharing('k', 80),
      { sharing: { key: 'k', backend: 'app=x' }, ports: [] },
      'backendMismatch',
      /n\/a .* externalTrafficPolicy Cluster, and this Service has .* Local and the selector "app=x"/,
    ],
  ]
  test('nobody is told keys and selectors of another namespace, with which it could share the address', () => {
    const holder = service('n/a', { sharing: { key: 'hidden-k', backend: 'app=hidden' }, ports: [] })
    const askers = [
      { ports: [] },
      { sharing: { key: 'mine', backend: '' }, ports: [] },
      { sharing: { key: 'hidden-k', backend: 'app=mine' }, ports: [] },
    ].map((more, index) => service(`m/${index}`, { ...more, ...asking('192.0.2.1') }))
    const next = replan(start(one, holder), { pools: one, services: [holder, ...askers] })
    const messages = askers.map(({ key }) => refusalMessage(next, key))
    assert.match(messages[0] ?? '', /n\/a; to share it, this Service needs the same sharing key$/)
    assert.match(messages[1] ?? '', /n\/a with another sharing key, and this Service has "mine"$/)
    assert.match(messages[2] ?? '', /Local and a selector, and this Service has .* "app=mine"$/)
    assert.doesNotMatch(messages.join(), /app=hidden/)
    assert.doesNotMatch(messages.slice(0, 2).join(), /hidden/)
  })

  for (const [what, holder, newcomer, reason, message] of conflicts) {
    test(`an address is not shared where ${what}`, () => {
      const first = start(one, service('n/a', holder))
      const asks = service('n/b', { ...newcomer, ...asking('192.0.2.1') })
      const next = replan(first, { pools: one, services: [service('n/a', holder), asks] })
      assert.equal(outcome(next, 'n/b'), reason)
      assert.match(refusalMessage(next, 'n/b'), message)
    })
  }

  test('a sole user changes its key in place', () => {
    const first = start([small], service('n/a', sharing('k', 80)))
    const next = replan(first, { pools: [small], services: [service('n/a', sharing('l', 80))] })
    assert.equal(outcome(next, 'n/a'), '192.0.2.1')
    assert.deepEqual(next.changes, [])
  })

  test('of two users, the one that changes its key moves, whatever the keys of the Services', () => {
    for (const [changes, stays] of [
      ['n/a', 'n/b'],
      ['n/b', 'n/a'],
    ] as const) {
      const ports = { 'n/a': 80, 'n/b': 443 }
      const first = start([small], service('n/a', sharing('k', 80)), service('n/b', sharing('k', 443)))
      const services = [service(changes, sharing('l', ports[changes])), service(stays, sharing('k', ports[stays]))]
      for (const next of [restart(first, [small], ...services), replan(first, { pools: [small], services })]) {
        assert.deepEqual(outcomes(next, stays, changes), ['192.0.2.1', '192.0.2.2'])
        assert.deepEqual(story(next.changes), [`cleared ${changes} addressConflict`, `assigned ${changes}`])
      }
    }
  })

  test('two users that change their key together stay together', () => {
    const first = start(one, service('n/a', sharing('k', 80)), service('n/b', sharing('k', 443)))
    const next = replan(first, {
      pools: one,
      services: [service('n/a', sharing('l', 80)), service('n/b', sharing('l', 443))],
    })
    assert.deepEqual(next.changes, [])
  })

  test('a waiting Service gets its place when a holder gives up the port in conflict', () => {
    const waits = service('n/b', sharing('k', 80))
    const first = start(one, service('n/a', sharing('k', 80, 443)), waits)
    assert.equal(outcome(first, 'n/b'), 'noAvailableIPs')
    const next = replan(first, { pools: one, services: [service('n/a', sharing('k', 443)), waits] })
    assert.equal(outcome(next, 'n/b'), '192.0.2.1')
  })

  test('a waiting Service gets its place when the holder moves to another address', () => {
    const waits = service('n/w', asking('192.0.2.1'))
    const holder = start([small], service('n/a', asking('192.0.2.1')), waits)
    assert.equal(outcome(holder, 'n/w'), 'addressInUse')
    const next = replan(holder, { pools: [small], services: [service('n/a', asking('192.0.2.2')), waits] })
    assert.deepEqual(outcomes(next, 'n/a', 'n/w'), ['192.0.2.2', '192.0.2.1'])
  })

  test('a refusal names who holds the address now, the first by key', () => {
    const holder = service('n/z', sharing('k', 80))
    const waits = service('n/w', asking('192.0.2.1'))
    const joins = service('n/b', sharing('k', 443))
    const first = replan(start(one, holder), { pools: one, services: [holder, waits] })
    assert.match(refusalMessage(first, 'n/w'), /Service n\/z/)
    assert.match(refusalMessage(replan(first, { pools: one, services: [holder, waits, joins] }), 'n/w'), /Service n\/b/)
  })

  test('an address stays in use until its last user leaves', () => {
    const waits = service('n/w')
    const services = [service('n/a', sharing('k', 80)), service('n/b', sharing('k', 443)), waits]
    const first = start(one, ...services)
    const half = replan(first, { pools: one, services: services.slice(1) })
    assert.equal(outcome(half, 'n/w'), 'noAvailableIPs')
    assert.equal(outcome(replan(half, { pools: one, services: [waits] }), 'n/w'), '192.0.2.1')
  })
})

describe('what stays and what moves', () => {
  test('after a restart with 100 assigned Services and a full pool, nobody moves', () => {
    const pools = [pool('p', '192.0.2.0-192.0.2.99')]
    const services = Array.from({ length: 100 }, (_, index) => service(`n/s${99 - index}`))
    const first = start(pools, ...services)
    const next = restart(first, pools, service('a/new'), ...[...services].reverse())
    assert.deepEqual(next.state.assignments.size, 100)
    for (const { key } of services) assert.equal(outcome(next, key), outcome(first, key))
    assert.deepEqual(story(next.changes), ['refused a/new noAvailableIPs'])
  })

  test('after a restart without a state file, the status of the Services says who holds what', () => {
    const claims = [{ service: 'n/z', addresses: [ip('192.0.2.1')] }]
    const state = withClaims(emptyState, claims)
    const result = plan({ pools: [small], services: [service('n/a'), service('n/z')], state })
    assert.deepEqual(outcomes(result, 'n/a', 'n/z'), ['192.0.2.2', '192.0.2.1'])
  })

  test('a recorded assignment stands against a claim, and a claim against nobody', () => {
    const recorded = start([small], service('n/z'))
    const state = withClaims(recorded.state, [
      { service: 'n/a', addresses: [ip('192.0.2.1')] },
      { service: 'n/z', addresses: [ip('192.0.2.2')] },
    ])
    const result = plan({ pools: [small], services: [service('n/a'), service('n/z')], state })
    assert.deepEqual(outcomes(result, 'n/a', 'n/z'), ['192.0.2.2', '192.0.2.1'])
    const [first] = result.changes
    assert.equal(first?.kind === 'cleared' && first.reason, 'addressConflict')
    assert.match(first?.kind === 'cleared' ? first.message : '', /192\.0\.2\.1 .* in use by Service n\/z/)
  })

  test('a Service made anew under its key has not what the one before it held', () => {
    const other = service('n/d', asking('192.0.2.1'))
    const made = (uid: string, ...requested: string[]): ServiceRequest => ({
      ...service('n/e', asking(...requested)),
      uid,
    })
    const first = start([small], other, made('1'))
    assert.equal(outcome(first, 'n/e'), '192.0.2.2')
    const same = replan(first, { pools: [small], services: [other, made('1', '192.0.2.1')] })
    assert.deepEqual([outcome(same, 'n/e'), notice(same, 'n/e')], ['192.0.2.2', 'addressInUse'])
    const next = replan(same, { pools: [small], services: [other, made('2', '192.0.2.1')] })
    assert.equal(outcome(next, 'n/e'), 'addressInUse')
    assert.deepEqual(story(next.changes)[0], 'released n/e')
    const last = replan(next, { pools: [small], services: [other, service('n/a'), made('3')] })
    assert.deepEqual(outcomes(last, 'n/e', 'n/a'), ['noAvailableIPs', '192.0.2.2'])
  })

  test('a Service made anew under its key that asks for nothing gets the address back, also from a state', () => {
    const services = (uid: string): ServiceRequest[] => [service('n/d'), { ...service('n/e'), uid }]
    const wide = pool('wide', '192.0.2.1-192.0.2.9')
    const first = start([wide], ...services('1'))
    for (const next of [
      replan(first, { pools: [wide], services: services('2') }),
      plan({ pools: [wide], services: services('2'), state: first.state }),
    ]) {
      assert.equal(outcome(next, 'n/e'), outcome(first, 'n/e'))
      assert.deepEqual(story(next.changes), ['released n/e', 'assigned n/e'])
      assert.equal(next.state.assignments.get('n/e')?.uid, '2')
    }
    const claims = [{ service: 'n/e', uid: '2', addresses: [ip('192.0.2.7')] }]
    const claimed = plan({ pools: [wide], services: services('2'), state: withClaims(first.state, claims) })
    assert.equal(outcome(claimed, 'n/e'), '192.0.2.7')
    assert.deepEqual(
      claimed.state.history.released.map((one) => `${formatAddress(one.address)} ${one.service}`),
      ['192.0.2.2 n/e'],
    )
  })

  test('an address whose pool shrinks away is reported before its Service gets another', () => {
    const first = start([small], service('n/a'), service('n/b'))
    const next = replan(first, {
      pools: [pool('small', '192.0.2.2-192.0.2.3')],
      services: [service('n/a'), service('n/b')],
    })
    assert.deepEqual(outcomes(next, 'n/a', 'n/b'), ['192.0.2.3', '192.0.2.2'])
    assert.deepEqual(story(next.changes), ['cleared n/a notInAnyPool', 'assigned n/a'])
    const [clear] = next.changes
    assert.match(
      clear?.kind === 'cleared' ? clear.event.message : '',
      /not allowed by config.*192\.0\.2\.1 is not in any pool/,
    )
  })

  test('without any pool every Service is cleared', () => {
    const next = replan(start([small], service('n/a')), { pools: [], services: [service('n/a')] })
    assert.deepEqual(story(next.changes), ['cleared n/a notInAnyPool', 'refused n/a noPoolForService'])
  })

  test('a pool that is renamed or split keeps its addresses under the new names', () => {
    const first = start([small], service('n/a'), service('n/b'))
    const pools = [pool('x', '192.0.2.1/32'), pool('y', '192.0.2.2/32')]
    const next = replan(first, { pools, services: [service('n/a'), service('n/b')] })
    assert.deepEqual(outcomes(next, 'n/a', 'n/b'), ['192.0.2.1', '192.0.2.2'])
    assert.deepEqual(story(next.changes), ['relabelled n/a', 'relabelled n/b'])
    assert.equal(next.state.assignments.get('n/b')?.addresses[0]?.pool, 'y')
  })

  test('edits of autoAssign and serviceAllocation, new ranges and new pools move nobody', () => {
    const first = start([small], service('n/a'))
    const edits = [
      [{ ...small, autoAssign: false }],
      [{ ...small, isRestricted: true }],
      [pool('small', '192.0.2.0/24')],
      [small, pool('a', '198.51.100.0/24')],
    ]
    for (const pools of edits) assert.deepEqual(replan(first, { pools, services: [service('n/a')] }).changes, [])
  })

  test('avoidBuggyIPs, once set, moves the Service that holds such an address', () => {
    const pools = [pool('p', '192.0.2.0/24')]
    const first = start(pools, service('n/a'))
    assert.equal(outcome(first, 'n/a'), '192.0.2.0')
    const next = replan(first, {
      pools: [pool('p', '192.0.2.0/24', { avoidBuggyIPs: true })],
      services: [service('n/a')],
    })
    assert.equal(outcome(next, 'n/a'), '192.0.2.1')
    assert.deepEqual(story(next.changes), ['cleared n/a buggyAddress', 'assigned n/a'])
  })

  test('a Service that lost its address goes before one that never had any', () => {
    const first = start([small], service('n/z'))
    const next = replan(first, {
      pools: [pool('other', '198.51.100.1/32')],
      services: [service('n/a'), service('n/z')],
    })
    assert.deepEqual(outcomes(next, 'n/a', 'n/z'), ['noAvailableIPs', '198.51.100.1'])
  })

  test('a Service that lost its address never takes one from a holder', () => {
    const pools = [pool('p', '192.0.2.1-192.0.2.2'), pool('q', '198.51.100.1/32')]
    const first = start(pools, service('n/a', asking('198.51.100.1')), service('n/y'), service('n/z'))
    const next = restart(first, [pool('p', '192.0.2.1-192.0.2.2')], service('n/a'), service('n/y'), service('n/z'))
    assert.deepEqual(outcomes(next, 'n/a', 'n/y', 'n/z'), ['noAvailableIPs', '192.0.2.1', '192.0.2.2'])
  })

  test('a Service that goes is released, and a waiting one takes its place', () => {
    const pools = [pool('p', '192.0.2.1/32')]
    const first = start(pools, service('n/a'), service('n/b'))
    const next = replan(first, { pools, services: [service('n/b')] })
    assert.deepEqual(story(next.changes), ['released n/a', 'assigned n/b'])
    assert.equal(next.decisions.has('n/a'), false)
  })
})

describe('re-use', () => {
  const three = [pool('p', '192.0.2.1-192.0.2.3')]

  /** Plans one list of Services after the other, from stored state each time. */
  const follow = (pools: readonly Pool[], ...steps: readonly (readonly ServiceRequest[])[]): Plan =>
    steps.reduce((last, services) => restart(last, pools, ...services), start([]))

  test('an address that was released is not handed out while a never-used one is free', () => {
    const result = follow(three, [service('n/a'), service('n/b')], [service('n/b')], [service('n/b'), service('n/c')])
    assert.equal(outcome(result, 'n/c'), '192.0.2.3')
  })

  test('of released addresses the longest unused is handed out first', () => {
    const [a, b, c] = ['n/a', 'n/b', 'n/c'].map((key) => service(key)) as [
      ServiceRequest,
      ServiceRequest,
      ServiceRequest,
    ]
    const result = follow(three, [a, b, c], [a, c], [c], [c, service('n/x')], [c, service('n/x'), service('n/y')])
    assert.deepEqual(outcomes(result, 'n/x', 'n/y'), ['192.0.2.2', '192.0.2.1'])
  })

  const many = [pool('p', '10.77.0.0-10.77.0.15')]
  const [za, zb, zc, zd, ze] = ['n/za', 'n/zb', 'n/zc', 'n/zd', 'n/ze'].map((key) => service(key)) as [
    ServiceRequest,
    ServiceRequest,
    ServiceRequest,
    ServiceRequest,
    ServiceRequest,
  ]

  for (const [name, next] of [
    [
      'in one life',
      (last: Plan, pools: readonly Pool[], ...services: ServiceRequest[]) => replan(last, { pools, services }),
    ],
    ['from what is stored', restart],
  ] as const) {
    test(`a pool that is deleted and made anew gives each Service its own address, ${name}`, () => {
      const there = start(many, za, zb, zc, zd)
      const without = next(next(there, many, zb, zc, zd), [], zb, zc, zd)
      assert.deepEqual(outcomes(without, 'n/zb', 'n/zd'), ['noPoolForService', 'noPoolForService'])
      const again = next(without, many, zb, zc, zd, ze)
      assert.deepEqual(outcomes(again, 'n/zb', 'n/zc', 'n/zd', 'n/ze'), [
        '10.77.0.1',
        '10.77.0.2',
        '10.77.0.3',
        '10.77.0.4',
      ])
      assert.deepEqual(encodeState(again.state).released, [{ address: '10.77.0.0', service: 'n/za' }])
    })
  }

  test('what Services of a pool had that is gone is remembered in the order in which it was released', () => {
    const pools = [...three, pool('q', '198.51.100.1/32')]
    const first = start(pools, service('n/a'), service('n/b'), service('n/q', { requestedPool: 'q' }))
    const without = replan(replan(first, { pools, services: [service('n/b')] }), {
      pools: [],
      services: [service('n/b')],
    })
    assert.deepEqual(
      encodeState(without.state).released.map(({ service: key }) => key),
      ['n/a', 'n/q', 'n/b'],
    )
  })

  test('a Service that comes back gets its old address', () => {
    const a = service('n/a')
    const b = service('n/b')
    assert.equal(outcome(follow(three, [a, b], [a], [a, service('n/c')], [a, service('n/c'), b]), 'n/b'), '192.0.2.2')
  })

  test('a Service that comes back gets another address where its old one is taken', () => {
    const pools = [pool('p', '192.0.2.1-192.0.2.2')]
    const result = follow(
      pools,
      [service('n/a'), service('n/b')],
      [service('n/b')],
      [service('n/b'), service('n/c')],
      [service('n/a'), service('n/c')],
    )
    assert.deepEqual(outcomes(result, 'n/a', 'n/c'), ['192.0.2.2', '192.0.2.1'])
  })

  test('a released address can be asked for at once', () => {
    const result = follow(three, [service('n/a')], [], [service('n/b', asking('192.0.2.1'))])
    assert.equal(outcome(result, 'n/b'), '192.0.2.1')
  })

  test('of addresses that no pool has the oldest are forgotten, where they are too many', () => {
    const released = Array.from({ length: 16_385 }, (_, index) => ({
      address: ip(`10.1.${index >> 8}.${index & 255}`),
      service: 'n/a',
    }))
    const state = { ...emptyState, history: { released, longAgo: [] } }
    const left = plan({ pools: three, services: [], state }).state.history.released
    assert.deepEqual([left.length, left[0]?.address], [16_384, ip('10.1.0.1')])
  })
})

describe('what callers publish', () => {
  test('every change has the event that MetalLB publishes', () => {
    const services = [
      service('n/a'),
      service('n/b', { requestFault: 'both are set' }),
      service('n/c', { families: { kind: 'notEnoughClusterIPs' } }),
      service('n/d', asking('198.51.100.1')),
    ]
    const events = start([small], ...services).changes.map((change) => ('event' in change ? change.event : undefined))
    assert.deepEqual(events, [
      { type: 'Normal', reason: 'IPAllocated', message: 'Assigned IP [192.0.2.1]' },
      { type: 'Warning', reason: 'LoadBalancerFailed', message: 'invalid requested loadbalancer IPs: both are set' },
      {
        type: 'Warning',
        reason: 'not enough clusterips',
        message: 'Service requires dual stack but has fewer than two cluster IPs',
      },
      {
        type: 'Warning',
        reason: 'AllocationFailed',
        message: 'Failed to allocate IP for "n/d": 198.51.100.1 is not in any pool',
      },
    ])
  })

  test('pools count what is assigned and what is left, at most an int64', () => {
    const pools = [
      pool('four', '192.0.2.0/24,198.51.100.255-198.51.101.1', { avoidBuggyIPs: true }),
      pool('six', '2001:db8::/64'),
    ]
    const six = { families: { kind: 'single', family: 'ipv6' } } as const
    const result = start(pools, service('n/a', sharing('k', 80)), service('n/b', sharing('k', 81)), service('n/c', six))
    assert.deepEqual(result.pools.get('four'), {
      assignedIPv4: 1n,
      assignedIPv6: 0n,
      availableIPv4: 254n,
      availableIPv6: 0n,
    })
    assert.deepEqual(result.pools.get('six'), {
      assignedIPv4: 0n,
      assignedIPv6: 1n,
      availableIPv4: 0n,
      availableIPv6: 9223372036854775807n,
    })
  })

  test('two Services with one key, or two pools with one name, are the caller’s mistake', () => {
    assert.throws(() => start([small], service('n/a'), service('n/a')), /n\/a is given twice/)
    assert.throws(() => start([small, small]), /same name/)
    const services = [service('n/a'), service('n/b')]
    const first = start([small], ...services)
    assert.throws(
      () => replan(first, { pools: [small], services: [...services, ...services.slice(1)] }),
      /n\/b is given twice/,
    )
    assert.deepEqual(replan(first, { pools: [small], services }).changes, [])
  })

  test('a list of Services that the caller goes on to change is compared as it was', () => {
    const services = [service('n/a')]
    const first = start([small], ...services)
    const same = replan(first, { pools: [small], services })
    services.push(service('n/b'))
    assert.equal(outcome(replan(same, { pools: [small], services }), 'n/b'), '192.0.2.2')
  })
})
