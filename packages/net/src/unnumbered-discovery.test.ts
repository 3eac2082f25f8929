import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatAddress, ipv6, type Address } from '@holdfast/ip'
import { createVirtualClock, type VirtualClock } from '@holdfast/runtime'
import { discoverNeighbor, type NeighborEvent } from './unnumbered-discovery.ts'
import { advertisement } from './unnumbered-message.ts'
import { openRouterSocket, type Obstacle } from './unnumbered-socket.ts'

const mac = Uint8Array.of(2, 0, 0, 0, 0, 9)
const linkLocal = (last: number): Address => ipv6((0xfe80n << 112n) | BigInt(last))

interface Link {
  readonly clock: VirtualClock
  readonly events: string[]
  /** What we sent: milliseconds since the beginning, type and destination. */
  readonly sent: { readonly atMs: number; readonly type: number; readonly to: string }[]
  readonly discovery: { readonly stop: () => void }
  readonly openSockets: () => number
  readonly advertise: (from: Address, bytes?: Uint8Array) => void
  /** Advertises for so long, every ten seconds, and answers solicitations. */
  readonly live: (routers: readonly Address[], ms: number) => void
  obstacle: Obstacle | undefined
  isUsable: boolean
}

function link(observe: (event: NeighborEvent, link: Link) => void = () => undefined): Link {
  const clock = createVirtualClock(1_000_000)
  const queue: { from: Address; bytes: Uint8Array }[] = []
  let open = 0
  const made: Link = {
    clock,
    events: [],
    sent: [],
    openSockets: () => open,
    advertise: (from, bytes = advertisement(mac)) => void queue.push({ from, bytes }),
    live: (routers, ms) => {
      const endMs = clock.now() + ms
      for (let round = 0; clock.now() < endMs; round += 1) {
        const solicited = made.sent.some(({ type, atMs }) => type === 133 && atMs >= clock.now() - 1_000_250)
        if (round % 20 === 0 || solicited) for (const router of routers) made.advertise(router)
        clock.advance(500)
      }
    },
    obstacle: undefined,
    isUsable: true,
    discovery: { stop: () => discovery.stop() },
  }
  const discovery = discoverNeighbor(
    {
      device: 'eth0',
      clock,
      observe: (event) => {
        made.events.push(event.kind === 'obstacle' ? event.message : `${event.kind} ${formatAddress(event.address)}`)
        observe(event, made)
      },
    },
    {
      isUsable: () => made.isUsable,
      open: () => {
        if (made.obstacle !== undefined) return { kind: 'obstacle', obstacle: made.obstacle }
        open += 1
        const socket = {
          mac,
          send: (bytes: Uint8Array, to: Address) => {
            made.sent.push({ atMs: clock.now() - 1_000_000, type: bytes[0]!, to: formatAddress(to) })
            return undefined
          },
          receive: () => queue.shift(),
          close: () => void (open -= 1),
        }
        return { kind: 'open', socket }
      },
    },
  )
  return made
}

describe('the search for the router of a link', () => {
  it('advertises us soon and then every ten seconds, and solicits until a router is found [rfc4861-6.2.6-rate] [rfc4861-6.3.7-solicitations]', () => {
    const { clock, sent, events, advertise, discovery } = link()
    clock.advance(40_000)
    const times = (type: number): readonly number[] => sent.filter((one) => one.type === type).map(({ atMs }) => atMs)
    assert.deepEqual(times(134), [0, 3000, 6000, 16_000, 26_000, 36_000])
    assert.deepEqual(times(133), [0, 4000, 8000])
    assert.deepEqual(new Set(sent.map(({ type, to }) => `${type} ${to}`)), new Set(['134 ff02::1', '133 ff02::2']))
    advertise(linkLocal(1))
    clock.advance(250)
    assert.deepEqual(events, ['found fe80::1'])
    const solicited = times(133).length
    clock.advance(600_000)
    assert.equal(times(133).length, solicited)
    discovery.stop()
    assert.equal(clock.pending(), 0)
  })

  it('tells a router once, and nothing of what is no valid advertisement [rfc4861-6.1.2-link-local-source]', () => {
    const { events, advertise, live, discovery } = link()
    advertise(ipv6(0x20010db8n << 96n))
    advertise(linkLocal(3), new Uint8Array(16))
    live([linkLocal(1)], 3_600_000)
    assert.deepEqual(events, ['found fe80::1'])
    discovery.stop()
  })

  it('a router that got another address is found there', () => {
    const { events, live, discovery } = link()
    live([linkLocal(1)], 60_000)
    live([linkLocal(2)], 60_000)
    assert.deepEqual(events, ['found fe80::1', 'found fe80::2'])
    discovery.stop()
  })

  it('where two routers advertise themselves the first one stays, and a person is told once', () => {
    const { events, live, discovery } = link()
    live([linkLocal(1)], 60_000)
    live([linkLocal(1), linkLocal(2)], 600_000)
    assert.deepEqual(events, ['found fe80::1', 'more than one router advertises itself on eth0: fe80::1, fe80::2'])
    live([linkLocal(2)], 60_000)
    assert.equal(events.at(-1), 'found fe80::2')
    discovery.stop()
  })

  it('a router that says nothing for half an hour is lost, and looked for anew', () => {
    const { clock, events, sent, live, discovery } = link()
    live([linkLocal(1)], 60_000)
    clock.advance(1_790_000)
    assert.equal(events.length, 1)
    const before = sent.filter(({ type }) => type === 133).length
    clock.advance(20_000)
    assert.deepEqual(events, ['found fe80::1', 'lost fe80::1'])
    assert.ok(sent.filter(({ type }) => type === 133).length > before)
    live([linkLocal(1)], 1000)
    assert.equal(events.at(-1), 'found fe80::1')
    discovery.stop()
  })

  it('a device that goes takes the router with it, and one that comes back brings it', () => {
    const made = link()
    made.live([linkLocal(1)], 60_000)
    made.isUsable = false
    made.obstacle = { message: 'no eth0', remedy: '' }
    made.clock.advance(30_000)
    assert.deepEqual(made.events, ['found fe80::1', 'lost fe80::1', 'no eth0'])
    assert.equal(made.openSockets(), 0)
    made.isUsable = true
    made.obstacle = undefined
    made.live([linkLocal(1)], 30_000)
    assert.deepEqual(made.events.slice(3), ['found fe80::1'])
    made.discovery.stop()
    assert.equal(made.openSockets(), 0)
  })

  it('can be stopped by its observer, and leaves nothing behind', () => {
    const made = link((_event, { discovery }) => discovery.stop())
    made.clock.advance(1000)
    made.advertise(linkLocal(1))
    made.clock.advance(60_000)
    assert.deepEqual([made.events, made.openSockets(), made.clock.pending()], [['found fe80::1'], 0, 0])
  })

  it('a flood of advertisements is taken a bit at a time', () => {
    const made = link()
    made.clock.advance(1000)
    for (let count = 0; count < 10_000; count += 1) made.advertise(linkLocal(count + 1))
    made.clock.advance(1000)
    assert.deepEqual(made.events, ['found fe80::1'])
    made.discovery.stop()
  })

  it('says that a device is not there', () => {
    const absent = openRouterSocket('nonesuch0')
    assert.equal(absent.kind, 'obstacle')
    assert.match(absent.obstacle.message, /nonesuch0 is not there/)
  })
})
