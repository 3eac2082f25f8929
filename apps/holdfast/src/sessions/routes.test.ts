import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerRoute } from '@holdfast/announce'
import type { Route } from '@holdfast/bgp'
import { hostPrefix, ipv4 } from '@holdfast/ip'
import type { Community } from '@holdfast/model'
import fc from 'fast-check'
import type { RouteTerms } from './routes.ts'
import { createRouteMaker } from './routes.ts'

const terms: RouteTerms = {
  nextHops: { ipv4: undefined, ipv6: undefined },
  med: undefined,
  prepend: 0,
  extendedCommunities: [],
  isLeaving: false,
}
const communityLists: readonly (readonly Community[])[] = [[], [{ kind: 'standard', high: 64500, low: 1 }]]
const routeTo = (host: number, localPref?: number, list = 0): PeerRoute => ({
  prefix: hostPrefix(ipv4(host)),
  localPref,
  communities: communityLists[list] ?? [],
})

test('routes that did not change are the same objects as before, and the same list gives the same list', () => {
  const make = createRouteMaker()
  const planned = [1, 2, 3, 4].map((host) => routeTo(host))
  const made = make(planned, terms)
  assert.equal(make(planned, terms), made)
  const changed = make([...planned.slice(0, 1), routeTo(2, 200), ...planned.slice(2)], terms)
  assert.deepEqual(
    changed.map((route, index) => route === made[index]),
    [true, false, true, true],
  )
  assert.equal(make(planned, { ...terms, med: 5 })[0]?.attributes.med, 5)
})

const objectsIn = (routes: readonly Route[]): number => new Set(routes.map(({ attributes }) => attributes)).size

test('what is made from what changed is what is made from all, with one object for equal attributes', () => {
  const route = fc.tuple(fc.nat(50), fc.constantFrom(undefined, 100, 200), fc.nat(1)).map((parts) => routeTo(...parts))
  const edit = fc.record({
    from: fc.nat(20),
    dropped: fc.nat(4),
    added: fc.array(route, { maxLength: 4 }),
    isLeaving: fc.boolean(),
    med: fc.constantFrom(undefined, undefined, 7),
  })
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 8 }), (edits) => {
      const make = createRouteMaker()
      let planned: readonly PeerRoute[] = []
      for (const { from, dropped, added, isLeaving, med } of edits) {
        planned = planned.toSpliced(from, dropped, ...added)
        const made = make(planned, { ...terms, isLeaving, med })
        const whole = createRouteMaker()(planned, { ...terms, isLeaving, med })
        assert.deepEqual(made, whole)
        assert.equal(objectsIn(made), objectsIn(whole))
      }
    }),
    { numRuns: 300 },
  )
})
