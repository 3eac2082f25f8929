// The judge of histories, on facts made by hand: what it has to see, and what it must not mistake for it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Json } from '../harness/json.ts'
import type { BlockFact, Fact, LeaseFact, PoolFact, ServiceFact, Wish } from './facts.ts'
import { factOf, grant } from './facts.ts'
import { judge } from './judge.ts'
import type { Course } from './judge-marks.ts'
import { judgeEnd } from './judge-end.ts'
import { worldAfter } from './world.ts'

let revision = 0

const anyWish: Wish = {
  isServed: true,
  families: ['IPv4'],
  policy: 'SingleStack',
  terms: { key: '', ports: ['TCP/80'] },
  requested: [],
  pool: '',
}
const both: Partial<Wish> = { families: ['IPv4', 'IPv6'], policy: 'RequireDualStack' }
const sharing = (port: number): Partial<Wish> => ({ terms: { key: 'k', ports: [`TCP/${port}`] } })
const asking = (...requested: readonly string[]): Partial<Wish> => ({ requested })

function service(name: string, addresses: readonly string[], wish: Partial<Wish> = {}, uid = name): ServiceFact {
  revision += 1
  return { kind: 'Service', revision, isDeleted: false, name, uid, wish: { ...anyWish, ...wish }, addresses }
}

function pool(name: string, ...addresses: readonly string[]): PoolFact {
  revision += 1
  return { kind: 'IPAddressPool', revision, isDeleted: false, name, addresses: new Set(addresses), isForAll: true }
}

/** `SERVICE ADDRESS`, one for each holder. */
function block(...holders: readonly string[]): BlockFact {
  revision += 1
  const grants = holders.map((one) => grant(one.split(' ')[1] ?? '', one.split(' ')[0] ?? ''))
  return { kind: 'AddressBlock', revision, atMs: 0, isDeleted: false, name: 'block', grants, reserved: new Map() }
}

/** The Lease of which the leadership has the number 1000: before all else. */
const lease = (holder: string, atMs = 0, number = 1000): LeaseFact => ({
  ...{ kind: 'Lease', revision: number, atMs, isDeleted: false, name: 'holdfast-controller', holder },
})

const withReserved = (fact: BlockFact, ...addresses: readonly string[]): BlockFact => ({
  ...fact,
  reserved: new Map(addresses.map((address) => [address, '1000'])),
})

const at = (atMs: number, fact: BlockFact): BlockFact => ({ ...fact, atMs })

const deleted = <F extends Fact>(fact: F): F => ({ ...fact, isDeleted: true })
const rulesOf = (...facts: readonly Fact[]): readonly string[] => judge(facts).findings.map(({ rule }) => rule)
const rules = rulesOf
const gold = (): PoolFact => pool('gold', '1.1.1.1', '1.1.1.2', 'fd00::1', 'fd00::2')
const all = (): BlockFact => block('a 1.1.1.1', 'a 1.1.1.2', 'a fd00::1', 'b 1.1.1.1', 'b 1.1.1.2', 'b fd00::1')

describe('twice', () => {
  test('an address in two statuses', () => {
    assert.deepEqual(rules(gold(), all(), service('a', ['1.1.1.1']), service('b', ['1.1.1.1'])), ['twice'])
    assert.deepEqual(rules(gold(), all(), service('a', ['1.1.1.1']), service('b', ['1.1.1.2'])), [])
  })
  test('also where it lasts for one state only', () => {
    const facts = [service('a', ['1.1.1.1']), service('b', ['1.1.1.1']), deleted(service('a', ['1.1.1.1']))]
    assert.deepEqual(rules(gold(), all(), ...facts), ['twice'])
  })
  test('not by the same key and other ports', () => {
    assert.deepEqual(
      rules(gold(), all(), service('a', ['1.1.1.1'], sharing(80)), service('b', ['1.1.1.1'], sharing(81))),
      [],
    )
    assert.deepEqual(
      rules(gold(), all(), service('a', ['1.1.1.1'], sharing(80)), service('b', ['1.1.1.1'], sharing(80))),
      ['twice'],
    )
  })
  test('not where a person has just changed the terms under which they shared', () => {
    const facts = [service('a', ['1.1.1.1'], sharing(80)), service('b', ['1.1.1.1'], sharing(81))]
    assert.deepEqual(rules(gold(), all(), ...facts, service('b', ['1.1.1.1'], sharing(80))), [])
  })
  test('a Service made anew under a name has never shared', () => {
    const facts = [service('a', ['1.1.1.1'], sharing(80)), deleted(service('b', [], sharing(81)))]
    const again = service('b', ['1.1.1.1'], sharing(80), 'b2')
    assert.deepEqual(rules(gold(), block('a 1.1.1.1', 'b2 1.1.1.1'), ...facts, again), ['twice'])
  })
})

describe('moved', () => {
  const before = (): readonly Fact[] => [gold(), all(), service('a', ['1.1.1.1'])]
  test('another address or none without a reason', () => {
    assert.deepEqual(rules(...before(), service('a', ['1.1.1.2'])), ['moved'])
    assert.deepEqual(rules(...before(), service('a', [])), ['moved'])
    assert.equal(judge([...before(), service('a', ['1.1.1.1'])]).given, 1)
  })
  test('not where its Service says something else, or is not served any more', () => {
    const otherwise = asking('1.1.1.2')
    assert.deepEqual(rules(...before(), service('a', ['1.1.1.1'], otherwise), service('a', ['1.1.1.2'], otherwise)), [])
    // The version that asked for something else is not the one that was written.
    assert.deepEqual(rules(...before(), service('a', ['1.1.1.1'], otherwise), service('a', ['1.1.1.2'])), ['moved'])
    assert.deepEqual(rules(...before(), service('a', [], { isServed: false })), [])
    assert.deepEqual(rules(...before(), deleted(service('a', ['1.1.1.1']))), [])
  })
  test('not where it asked for another one before a status named this one', () => {
    const wish = asking('1.1.1.2')
    const facts = [
      service('a', []),
      service('a', [], wish),
      service('a', ['1.1.1.1'], wish),
      service('a', ['1.1.1.2'], wish),
    ]
    assert.deepEqual(rules(gold(), all(), ...facts), [])
    assert.deepEqual(rules(gold(), all(), ...facts, service('a', ['1.1.1.1'], wish)), ['moved'])
  })
  test('not where its pool was without it meanwhile', () => {
    assert.deepEqual(rules(...before(), pool('gold', '1.1.1.2'), gold(), service('a', ['1.1.1.2'])), [])
    assert.deepEqual(rules(...before(), deleted(gold()), service('a', [])), [])
    assert.deepEqual(rules(...before(), pool('other', '1.1.1.9'), service('a', ['1.1.1.2'])), ['moved'])
  })
  test('both of a pair where one has to go', () => {
    const pair = [gold(), all(), service('a', ['1.1.1.1', 'fd00::1'], both)]
    assert.deepEqual(rules(...pair, pool('gold', 'fd00::1'), service('a', [], both)), [])
    assert.deepEqual(rules(...pair, service('a', ['1.1.1.2', 'fd00::1'], both)), ['moved'])
  })
})

test('unasked: an address of a Service that asked for another one all its life', () => {
  const wish = asking('1.1.1.2')
  const granted = (): readonly Fact[] => [gold(), block('a 1.1.1.1', 'a 1.1.1.2', 'a2 1.1.1.1')]
  assert.deepEqual(rules(...granted(), service('a', ['1.1.1.1'], wish)), ['unasked'])
  assert.deepEqual(rules(...granted(), service('a', ['1.1.1.2'], wish)), [])
  const one = [service('a', ['1.1.1.1']), service('a', ['1.1.1.1'], wish)]
  assert.deepEqual(rules(...granted(), ...one), [])
  const anew = [deleted(service('a', ['1.1.1.1'], wish)), service('a', ['1.1.1.1'], wish, 'a2')]
  assert.deepEqual(rules(...granted(), ...one, ...anew), ['unasked'])
})

test('ungranted: a status that names what no block grants its Service, by uid', () => {
  assert.deepEqual(rules(gold(), service('a', ['1.1.1.1'])), ['ungranted'])
  assert.deepEqual(rules(gold(), block('b 1.1.1.1'), service('a', ['1.1.1.1'])), ['ungranted'])
  assert.deepEqual(rules(gold(), all(), service('a', ['1.1.1.1']), block('b 1.1.1.1')), ['ungranted'])
})

describe('what is set aside', () => {
  const aside = (): BlockFact => withReserved(block('b 1.1.1.2'), '1.1.1.1')
  const rules = (...facts: readonly Fact[]): readonly string[] => rulesOf(lease('x'), ...facts)
  test('may be named before a block grants it', () => {
    const facts = [gold(), aside(), service('a', ['1.1.1.1']), block('a 1.1.1.1', 'b 1.1.1.2')]
    assert.deepEqual(rules(...facts), [])
    assert.equal(judge(facts).given, 1)
    assert.equal(judge(facts).ahead, 1)
    assert.equal(judge([gold(), all(), service('a', ['1.1.1.1'])]).ahead, 0)
  })
  test('but not after, or where something else is set aside', () => {
    assert.deepEqual(rules(gold(), aside(), block('b 1.1.1.2'), service('a', ['1.1.1.1'])), ['ungranted'])
    assert.deepEqual(rules(gold(), aside(), service('a', ['1.1.1.1']), block('b 1.1.1.2')), ['ungranted'])
    assert.deepEqual(rules(gold(), aside(), service('a', ['1.1.1.1']), deleted(aside())), ['ungranted'])
    assert.deepEqual(rules(gold(), aside(), service('a', ['1.1.1.2'])), ['ungranted'])
  })
  test('and not by two', () => {
    assert.deepEqual(rules(gold(), aside(), service('a', ['1.1.1.1']), service('c', ['1.1.1.1'])), ['twice'])
  })
  test('and is not taken from who has it', () => {
    assert.deepEqual(rules(gold(), aside(), service('a', ['1.1.1.1']), service('a', [])), ['moved'])
  })
  test('and is read from the block, by address', () => {
    const object = {
      metadata: { name: 'ipv4-1.1.1.0', resourceVersion: '7' },
      spec: { addresses: {}, reserved: { '1.1.1.1': '1000' } },
    }
    const fact = factOf('AddressBlock', { servedClass: '' }, Json.parse(JSON.stringify({ type: 'ADDED', object })))
    assert.ok(fact.kind === 'AddressBlock')
    assert.deepEqual([...fact.reserved], [['1.1.1.1', '1000']])
  })
})

describe('marks', () => {
  const ended: Course = { ends: new Map([['x', 1000]]), ledOnce: new Set(), calmFrom: 0 }
  const late = 30_000
  const aside = (): BlockFact => withReserved(block('b 1.1.1.2'), '1.1.1.1')
  const found = (...facts: readonly Fact[]): readonly string[] =>
    judge([gold(), lease('x'), aside(), ...facts], ended).findings.map(({ rule }) => rule)

  test('have the number of a leadership', () => {
    assert.deepEqual(rules(gold(), lease('x'), aside()), [])
    assert.deepEqual(rules(gold(), lease('x', 0, 999), aside()), ['unnumbered'])
  })
  test('stay when whose they are has ended', () => {
    assert.deepEqual(found(at(late, withReserved(block(), '1.1.1.1'))), [])
    assert.deepEqual(found(at(late, block('b 1.1.1.2'))), ['unmarked'])
    assert.deepEqual(found(at(late, deleted(aside()))), ['unmarked'])
    // It was its own last write, or the time has come to reclaim it.
    assert.deepEqual(found(at(2000, block('b 1.1.1.2'))), [])
    assert.deepEqual(found(at(700_000, block('b 1.1.1.2'))), [])
  })
  test('keep an address from whom no status gave it', () => {
    const granted = (): BlockFact => at(late, withReserved(block('c 1.1.1.1', 'b 1.1.1.2'), '1.1.1.1'))
    assert.deepEqual(found(granted()), ['bound'])
    assert.deepEqual(found(service('c', ['1.1.1.1']), granted()), [])
    assert.deepEqual(found({ ...granted(), atMs: 2000 }), [])
  })
  test('go before the Lease is given back', () => {
    const given = (...facts: readonly Fact[]) =>
      judge([gold(), lease('x'), aside(), ...facts, lease('', 3000, 1001)], ended)
    assert.deepEqual(
      given().findings.map(({ rule }) => rule),
      ['left'],
    )
    assert.deepEqual(given(at(500, block('b 1.1.1.2'))).findings, [])
    assert.equal(given(at(500, block('b 1.1.1.2'))).gaveBack, 1)
    // It may have led twice, or is known to have led once.
    const late = [gold(), lease('x'), aside(), lease('x', 9000, 1001), lease('', 9500, 1002)]
    assert.deepEqual(judge(late, ended).findings, [])
    assert.equal(judge(late, { ...ended, ledOnce: new Set(['x']) }).findings[0]?.rule, 'left')
    // Another one had it meanwhile, or there was trouble.
    assert.deepEqual(given(lease('y', 2000, 1001)).findings, [])
    assert.deepEqual(judge([lease('x'), aside(), lease('', 3000, 1001)]).findings, [])
  })
})

describe('the end', () => {
  const wrong = (...facts: readonly Fact[]): string => judgeEnd(worldAfter(facts)).join('; ')
  test('is well where everybody has what there is', () => {
    assert.equal(wrong(gold(), block('a 1.1.1.1'), service('a', ['1.1.1.1'])), '')
    assert.equal(wrong(pool('gold', '1.1.1.1'), block('a 1.1.1.1'), service('a', ['1.1.1.1']), service('b', [])), '')
    assert.equal(wrong(gold(), service('a', [], asking('9.9.9.9'))), '')
  })
  test('a Service that could have an address', () => {
    assert.match(wrong(gold(), service('a', [])), /a has nothing and could have 1\.1\.1\.1 of gold/)
    assert.match(wrong(gold(), service('a', [], { ...both, policy: 'PreferDualStack' })), /could have/)
    const holder = service('a', ['1.1.1.1'], sharing(80))
    const facts = [pool('gold', '1.1.1.1'), block('a 1.1.1.1'), holder]
    assert.match(wrong(...facts, service('b', [], sharing(81))), /b has nothing/)
    assert.equal(wrong(...facts, service('b', [], sharing(80))), '')
  })
  test('a pair of which one is missing', () => {
    assert.equal(wrong(pool('gold', '1.1.1.1'), service('a', [], both)), '')
    assert.match(wrong(gold(), block('a 1.1.1.1'), service('a', ['1.1.1.1'], both)), /for families IPv4,IPv6/)
  })
  test('an address that is not what was asked for', () => {
    const has = (wish: Partial<Wish>): string => wrong(gold(), block('a 1.1.1.1'), service('a', ['1.1.1.1'], wish))
    assert.match(has(asking('1.1.1.2')), /instead of 1\.1\.1\.2/)
    assert.equal(has(asking('9.9.9.9')), '')
    assert.match(has({ pool: 'silver' }), /not all of pool silver/)
    assert.match(has({ families: ['IPv6'] }), /for families IPv6/)
    assert.match(wrong(block('a 1.1.1.1'), service('a', ['1.1.1.1'])), /not all in a pool/)
  })
  test('blocks and statuses that do not say the same', () => {
    assert.match(
      wrong(gold(), block('a 1.1.1.1', 'x 1.1.1.2'), service('a', ['1.1.1.1'])),
      /grants 1\.1\.1\.2 x, no status/,
    )
    assert.match(wrong(gold(), service('a', ['1.1.1.1'])), /no block grants 1\.1\.1\.1 a/)
  })
  test('a status that names what is only set aside: its block has to say it in the end', () => {
    assert.match(
      wrong(gold(), withReserved(block(), '1.1.1.1'), service('a', ['1.1.1.1'])),
      /no block grants 1\.1\.1\.1 a/,
    )
  })
  test('a Service that could have what is set aside by who leads', () => {
    const facts = [pool('gold', '1.1.1.1'), withReserved(block(), '1.1.1.1'), service('a', [])]
    assert.match(wrong(lease('x'), ...facts), /a has nothing and could have 1\.1\.1\.1 of gold/)
    assert.match(wrong(lease('x'), lease('x', 4000, 1001), ...facts), /could have/)
  })
  test('what is set aside for another leadership is not to be had, also for who may share it', () => {
    const facts = [pool('gold', '1.1.1.1'), withReserved(block(), '1.1.1.1'), service('a', [])]
    assert.equal(wrong(...facts), '')
    assert.equal(wrong(lease('x'), lease('y', 100, 1001), ...facts), '')
    assert.equal(wrong(lease('x'), lease('', 100, 1001), lease('x', 200, 1002), ...facts), '')
    // It may have lost the lead and taken it again.
    assert.equal(wrong(lease('x'), lease('x', 5000, 1001), ...facts), '')
    const held = [pool('gold', '1.1.1.1'), withReserved(block('a 1.1.1.1'), '1.1.1.1')]
    assert.equal(wrong(...held, service('a', ['1.1.1.1'], sharing(80)), service('b', [], sharing(81))), '')
  })
  test('a conflict that was not ended', () => {
    const facts = [service('a', ['1.1.1.1'], sharing(80)), service('b', ['1.1.1.1'], sharing(80))]
    assert.match(wrong(gold(), block('a 1.1.1.1', 'b 1.1.1.1'), ...facts), /in the status of a and of b/)
  })
})
