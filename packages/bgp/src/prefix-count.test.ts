import type { Family } from '@holdfast/ip'
import { formatPrefix, hostPrefix, ipv4, ipv6 } from '@holdfast/ip'
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { UpdateMessage } from './messages.ts'
import type { Counted, PrefixCount } from './prefix-count.ts'
import { prefixEntries } from './prefix-map.ts'
import { beginRefresh, countUpdate, endRefresh, noPrefixes } from './prefix-count.ts'
import { announcing, attributes, endOfRib, prefix, updateMessage, withdrawing } from './testing/vectors.ts'

const count = (before: PrefixCount, update: UpdateMessage, limit = 1000): PrefixCount => {
  const counted = countUpdate(before, update, limit)
  assert.ok(counted.ok)
  return counted.count
}
const announce = (...prefixes: string[]): UpdateMessage => announcing(attributes(), '192.0.2.2', ...prefixes)
const sizes = (...updates: UpdateMessage[]): readonly number[] => {
  let current = noPrefixes
  return updates.map((update) => {
    current = count(current, update)
    return current.prefixes.size
  })
}

suite('what is counted', () => {
  test('each prefix once, whatever happens to its attributes', () => {
    assert.deepEqual(
      sizes(announce('10.0.0.0/8', '10.0.0.0/9'), announce('10.0.0.0/8'), announce('2001:db8::/32')),
      [2, 2, 3],
    )
  })

  test('withdrawals, of what was there', () => {
    assert.deepEqual(
      sizes(announce('10.0.0.0/8'), withdrawing('10.0.0.0/9'), withdrawing('10.0.0.0/8'), withdrawing('10.0.0.0/8')),
      [1, 1, 0, 0],
    )
  })

  test('a prefix that one UPDATE withdraws and announces is there', () => {
    assert.deepEqual(sizes({ ...announce('10.0.0.0/8'), withdrawn: [prefix('10.0.0.0/8')] }), [1])
  })

  test('an End-of-RIB changes nothing but that it came', () => {
    const counted = count(count(noPrefixes, announce('10.0.0.0/8')), endOfRib('ipv4'))
    assert.deepEqual([counted.prefixes.size, counted.ended], [1, ['ipv4']])
    assert.equal(count(counted, endOfRib('ipv4')), counted)
  })
})

test('one more than the limit is named by its family, and the limit itself is no error', () => {
  const full = count(noPrefixes, announce('10.0.0.0/8', '10.1.0.0/16'), 2)
  assert.deepEqual(countUpdate(full, announce('2001:db8::/32'), 2), { ok: false, family: 'ipv6' } satisfies Counted)
  assert.deepEqual(countUpdate(full, announce('10.2.0.0/16'), 2), { ok: false, family: 'ipv4' } satisfies Counted)
  assert.equal(count(full, announce('10.0.0.0/8'), 2).prefixes.size, 2)
  assert.deepEqual(countUpdate(noPrefixes, announce('10.0.0.0/8'), 0), { ok: false, family: 'ipv4' })
})

suite('BoRR and EoRR (RFC 7313)', () => {
  const routes = count(noPrefixes, announce('10.0.0.0/8', '10.1.0.0/16', '2001:db8::/32'))

  test('what is not announced between them is gone, in their family [rfc7313-4-eorr-removes]', () => {
    const after = endRefresh(count(beginRefresh(routes, 'ipv4'), announce('10.0.0.0/8')), 'ipv4')
    assert.equal(after.prefixes.size, 2)
    assert.equal(count(after, withdrawing('10.1.0.0/16')).prefixes.size, 2, '10.1.0.0/16 is the one that went')
    assert.equal(count(after, withdrawing('2001:db8::/32')).prefixes.size, 1)
  })

  test('a second BoRR begins anew, an EoRR without a BoRR is ignored [rfc7313-4-eorr-alone]', () => {
    const again = beginRefresh(count(beginRefresh(routes, 'ipv4'), announce('10.0.0.0/8')), 'ipv4')
    assert.equal(endRefresh(again, 'ipv4').prefixes.size, 1)
    assert.equal(endRefresh(routes, 'ipv4'), routes)
    assert.equal(endRefresh(beginRefresh(routes, 'ipv6'), 'ipv4').prefixes.size, 3)
  })

  test('both families can be refreshed at once', () => {
    const both = beginRefresh(beginRefresh(routes, 'ipv4'), 'ipv6')
    assert.equal(endRefresh(endRefresh(both, 'ipv4'), 'ipv6').prefixes.size, 0)
  })
})

type Action =
  | { readonly kind: 'announce' | 'withdraw'; readonly numbers: readonly number[] }
  | { readonly kind: 'begin' | 'end'; readonly family: Family }

const prefixOf = (number: number) =>
  number % 3 === 0 ? hostPrefix(ipv6(BigInt(number))) : hostPrefix(ipv4(0x0a000000 + number))

test('after anything that a peer does the count is that of a plain list', () => {
  const numbers = fc.array(fc.nat(300), { maxLength: 120 })
  const family = fc.constantFrom<Family[]>('ipv4', 'ipv6')
  const action: fc.Arbitrary<Action> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('announce' as const, 'withdraw' as const), numbers }) },
    fc.record({ kind: fc.constantFrom('begin' as const, 'end' as const), family }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      let current = noPrefixes
      const known = new Map<string, Set<Family>>()
      const refreshing = new Set<Family>()
      for (const each of actions) {
        const before = JSON.stringify(current)
        const previous = current
        current = apply(current, each)
        model(known, refreshing, each)
        assert.deepEqual([current.prefixes.size, prefixEntries(current.prefixes).length], [known.size, known.size])
        assert.equal(JSON.stringify(previous), before, 'unchanged')
      }
    }),
    { numRuns: 200 },
  )
})

function apply(current: PrefixCount, action: Action): PrefixCount {
  switch (action.kind) {
    case 'announce':
      return count(current, {
        ...updateMessage({}),
        announced: { attributes: attributes(), reach: [{ nextHop: ipv4(1), prefixes: action.numbers.map(prefixOf) }] },
      })
    case 'withdraw':
      return count(current, updateMessage({ withdrawn: action.numbers.map(prefixOf) }))
    case 'begin':
      return beginRefresh(current, action.family)
    case 'end':
      return endRefresh(current, action.family)
  }
}

/** The slow and obvious way: each prefix with the families whose refresh has not confirmed it yet. */
function model(known: Map<string, Set<Family>>, refreshing: Set<Family>, action: Action): void {
  switch (action.kind) {
    case 'announce':
      for (const number of action.numbers) known.set(formatPrefix(prefixOf(number)), new Set())
      break
    case 'withdraw':
      for (const number of action.numbers) known.delete(formatPrefix(prefixOf(number)))
      break
    case 'begin':
      refreshing.add(action.family)
      for (const [text, stale] of known) if (text.includes(':') === (action.family === 'ipv6')) stale.add(action.family)
      break
    case 'end':
      if (!refreshing.delete(action.family)) break
      for (const [text, stale] of known) if (stale.has(action.family)) known.delete(text)
      break
  }
}

test('a tree that has been full and is empty again has nothing left', () => {
  const numbers = Array.from({ length: 900 }, (_, index) => index)
  const full = apply(noPrefixes, { kind: 'announce', numbers })
  assert.equal(apply(full, { kind: 'withdraw', numbers }).prefixes.root, undefined)
})

test('counting costs little however many there are: 50,000 prefixes in single UPDATEs', () => {
  let current = noPrefixes
  const { user: before } = process.cpuUsage()
  for (let index = 0; index < 50_000; index += 1) {
    const reach = [{ nextHop: ipv4(1), prefixes: [hostPrefix(ipv4(0x0a000000 + index))] }]
    current = count(current, { ...updateMessage({}), announced: { attributes: attributes(), reach } }, 1_000_000)
  }
  assert.equal(current.prefixes.size, 50_000)
  assert.ok(process.cpuUsage().user - before < 5_000_000, 'microseconds of the processor')
})

/** Many prefixes from `first` on. */
const many = (current: PrefixCount, first: number, length: number): PrefixCount => {
  const prefixes = Array.from({ length }, (_, index) => hostPrefix(ipv4(0x0a000000 + first + index)))
  const announced = { attributes: attributes(), reach: [{ nextHop: ipv4(1), prefixes }] }
  return count(current, { ...updateMessage({}), announced }, 1_000_000)
}

test('an EoRR is one step, however much it drops: 99,999 of 100,000 prefixes', () => {
  const full = many(noPrefixes, 0, 100_000)
  const before = many(beginRefresh(full, 'ipv4'), 7, 1)
  const times = Array.from({ length: 10 }, () => {
    const beganMs = performance.now()
    assert.equal(endRefresh(before, 'ipv4').prefixes.size, 1)
    return performance.now() - beganMs
  })
  assert.ok(Math.min(...times) < 5, `${times.join(', ')} ms`)
})

/** Also what was dropped and not swept away yet. */
function heldEntries(node: PrefixCount['prefixes']['root']): number {
  if (node === undefined) return 0
  if (node.kind === 'leaf') return node.entries.length
  return node.children.reduce((sum, child) => sum + heldEntries(child), 0)
}

test('what refreshes drop does not pile up', () => {
  let current = many(noPrefixes, 0, 1)
  let most = 0
  for (let round = 1; round <= 300; round += 1) {
    current = many(current, round * 300, 300)
    most = Math.max(most, heldEntries(current.prefixes.root))
    current = endRefresh(many(beginRefresh(current, 'ipv4'), 0, 1), 'ipv4')
    assert.equal(current.prefixes.size, 1)
  }
  assert.ok(most < 1200, `${most} entries were held`)
})
