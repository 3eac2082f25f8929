import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOffers } from './announced-offers.ts'

const peers = ['router']
const offer = (service: string, node: string) => ({ service, node, peers, pod: '' })
const offered = (offers: ReturnType<typeof createOffers>) =>
  [...offers.of('shop/web')].map(([node, one]) => [node, one.peers])

test('of two objects of one node and Service the one that stays counts, whichever goes', () => {
  const offers = createOffers()
  const [first, second] = [offer('shop/web', 'a'), { ...offer('shop/web', 'a'), peers: ['router', 'other'] }]
  offers.put(undefined, first)
  offers.put(undefined, second)
  assert.deepEqual(offered(offers), [['a', ['router', 'other']]])
  offers.put(second, undefined)
  assert.deepEqual(offered(offers), [['a', ['router']]])
  const same = offer('shop/web', 'a')
  offers.put(undefined, same)
  offers.put(first, undefined)
  assert.deepEqual(offered(offers), [['a', ['router']]])
  offers.put(same, undefined)
  assert.deepEqual(offered(offers), [])
})

test('what a node offers is found by its name', () => {
  const offers = createOffers()
  for (const [service, node] of [
    ['shop/web', 'a'],
    ['shop/web', 'b'],
    ['shop/api', 'b'],
  ] as const) {
    offers.put(undefined, offer(service, node))
  }
  assert.deepEqual([...offers.ofNode('b')], ['shop/web', 'shop/api'])
  assert.deepEqual([...offers.ofNode('a')], ['shop/web'])
  assert.deepEqual([...offers.ofNode('c')], [])
})
