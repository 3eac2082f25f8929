import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createRandom, type Random } from './random.ts'
import {
  createSimulatedPeers,
  prefixesOf,
  routesOf,
  type SimulatedPeers,
  type Speaker,
} from './testing/simulated-peers.ts'

const SEEDS = 30
const ROUNDS = 30

type Mishap = (peers: SimulatedPeers, speaker: Speaker, random: Random) => void

const MISHAPS: readonly Mishap[] = [
  ({ network, addressA, addressB }) => network.cut(addressA, addressB),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'silent'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'refusing'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'open'),
  ({ network, addressA, addressB }) => network.setLink(addressA, addressB, 'open'),
  (_peers, { driver }) => void driver.stop('administrativeReset'),
  (_peers, { driver }) => driver.start(),
  (_peers, { driver }) => driver.start(),
  (_peers, { driver }, random) => driver.setRoutes(routesOf(Math.floor(random() * 50), Math.floor(random() * 200))),
  (_peers, { driver }, random) =>
    driver.setRoutes(routesOf(Math.floor(random() * 50), 100, [Math.floor(random() * 9)])),
]

const pick = <T>(values: readonly T[], random: Random): T => values[Math.floor(random() * values.length)]!

function assertTold(from: Speaker, to: Speaker, seed: number, first: number): void {
  const routes = routesOf(first, 25)
  assert.deepEqual([...to.learned.keys()].sort(), prefixesOf(routes), `seed ${seed}`)
  assert.equal(from.driver.snapshot().state, 'established')
}

it('whatever happened between them, two peers come up again with exactly the routes that count', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = createRandom(seed)
    const peers = await createSimulatedPeers({ seed, a: { holdTimeSeconds: 9, connectRetrySeconds: 20 } })
    for (let round = 0; round < ROUNDS; round += 1) {
      pick(MISHAPS, random)(peers, pick([peers.a, peers.b], random), random)
      peers.clock.advance(random() < 0.5 ? random() * 20 : random() * 30_000)
    }
    peers.a.driver.setRoutes(routesOf(1000, 25))
    peers.b.driver.setRoutes(routesOf(2000, 25))
    peers.network.setLink(peers.addressA, peers.addressB, 'open')
    peers.a.driver.start()
    peers.b.driver.start()
    peers.clock.advance(300_000)
    assert.ok(peers.clock.runUntil(peers.isUp, 300_000), `seed ${seed}: A ${peers.a.state()}, B ${peers.b.state()}`)
    peers.clock.advance(1000)
    assertTold(peers.a, peers.b, seed, 1000)
    assertTold(peers.b, peers.a, seed, 2000)
    assert.ok([peers.a, peers.b].every(({ events }) => events.every(({ event }) => event.kind !== 'crashed')))
    await peers.end()
  }
})
