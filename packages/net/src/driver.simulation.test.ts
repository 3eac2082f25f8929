import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PeerEvent } from './driver-types.ts'
import {
  createSimulatedPeers,
  PORT,
  prefixesOf,
  routesOf,
  type SimulatedPeers,
  type Speaker,
} from './testing/simulated-peers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const establishedEvents = ({ events }: Speaker): number =>
  events.filter(({ event }) => event.kind === 'established').length

/** Runs the clock event by event, and returns when `speaker` last received bytes before `isOver`. */
function lastReceivedBefore({ clock }: SimulatedPeers, speaker: Speaker, isOver: () => boolean): number {
  let bytes = speaker.driver.snapshot().received.bytes
  let atMs = Number.NaN
  while (!isOver()) {
    assert.ok(clock.advanceToNext())
    const now = speaker.driver.snapshot().received.bytes
    if (now !== bytes) atMs = clock.now()
    bytes = now
  }
  return atMs
}

const isDown = (speaker: Speaker): boolean => speaker.state() !== 'established'

describe('two drivers on a simulated network', () => {
  it('come up, know what they negotiated, and keep each other up [rfc4271-4.4-often-enough]', async () => {
    const peers = await createSimulatedPeers({ a: { holdTimeSeconds: 30 } })
    peers.bringUp()
    const { negotiated, establishedCount } = peers.a.driver.snapshot()
    assert.equal(negotiated?.remoteAsn, 65002)
    assert.equal(negotiated.holdTimeSeconds, 30)
    assert.deepEqual([negotiated.localAddress, negotiated.remoteAddress], [peers.addressA, peers.addressB])
    assert.equal(establishedCount, 1)
    peers.clock.advance(HOUR_MS)
    assert.ok(peers.isUp())
    assert.deepEqual([establishedEvents(peers.a), establishedEvents(peers.b)], [1, 1])
    // A KEEPALIVE every ten seconds, up to a quarter sooner (RFC 4271 section 10).
    const { keepalive } = peers.a.driver.snapshot().received.messages
    assert.ok(keepalive >= 360 && keepalive <= 490, `${keepalive} KEEPALIVEs in an hour`)
    await peers.end()
  })

  it('come up where only one of them dials [rfc4271-8.2.1-dials-and-listens]', async () => {
    for (const passive of ['a', 'b'] as const) {
      const peers = await createSimulatedPeers({ [passive]: { isPassive: true } })
      peers.bringUp()
      assert.equal(peers[passive].driver.snapshot().dialCount, 0)
      await peers.end()
    }
  })

  it('with a hold time of 0 stay up for a day without a timer and without a message [rfc4271-4.4-none-without-hold-time]', async () => {
    const peers = await createSimulatedPeers({ b: { holdTimeSeconds: 0 } })
    peers.bringUp()
    peers.clock.advance(HOUR_MS)
    assert.equal(peers.clock.pending(), 0, 'no timer is left armed')
    const before = peers.a.driver.snapshot()
    peers.clock.advance(DAY_MS)
    assert.ok(peers.isUp())
    assert.deepEqual(peers.a.driver.snapshot(), before)
    await peers.end()
  })

  it('come up again after a cut, not at once but soon', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    for (let round = 2; round < 5; round += 1) {
      peers.clock.advance(HOUR_MS)
      const cutAt = peers.clock.now()
      peers.network.cut(peers.addressA, peers.addressB)
      assert.ok(peers.clock.runUntil(() => isDown(peers.a) && isDown(peers.b), 1000))
      assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
      const downMs = peers.clock.now() - cutAt
      assert.ok(downMs > 100 && downMs < 60_000, `down for ${downMs} ms`)
      assert.deepEqual([establishedEvents(peers.a), establishedEvents(peers.b)], [round, round])
    }
    assert.equal(peers.a.events.filter(({ event }) => event.kind === 'lost').length, 3)
    assert.equal(peers.a.driver.snapshot().lastFailure?.reason.code, 'connectionLost')
    await peers.end()
  })

  it('dial ever more seldom while the peer refuses, then come up', async () => {
    const peers = await createSimulatedPeers({ b: { isPassive: true } })
    peers.network.setLink(peers.addressA, peers.addressB, 'refusing')
    peers.a.driver.start()
    peers.b.driver.start()
    peers.clock.advance(HOUR_MS)
    const { dialCount, lastFailure } = peers.a.driver.snapshot()
    assert.ok(dialCount >= 30 && dialCount <= 60, `${dialCount} dials in an hour`)
    assert.equal(lastFailure?.reason.code, 'connectFailed')
    assert.match(lastFailure.reason.message, /refused the connection/)
    peers.network.setLink(peers.addressA, peers.addressB, 'open')
    assert.ok(peers.clock.runUntil(peers.isUp, 180_000))
    await peers.end()
  })

  it('behind a dead switch the hold timer ends the session, on both sides, with 4/0 [rfc4271-6.5-expired]', async () => {
    const peers = await createSimulatedPeers({ a: { holdTimeSeconds: 9 }, b: { isPassive: true } })
    peers.bringUp()
    peers.clock.advance(HOUR_MS)
    peers.network.setLink(peers.addressA, peers.addressB, 'silent')
    assert.ok(peers.clock.runUntil(() => isDown(peers.a), 9000))
    const lost = peers.a.events.findLast(({ event }) => event.kind === 'lost')
    assert.equal(lost?.event.kind === 'lost' && lost.event.reason.code, 'holdTimerExpired')
    assert.deepEqual(peers.a.notifications('sent'), ['4/0'])
    // The other side sees nothing of that NOTIFICATION, and finds out for itself.
    assert.ok(peers.clock.runUntil(() => isDown(peers.b), 10_000))
    assert.deepEqual([peers.b.notifications('sent'), peers.b.notifications('received')], [['4/0'], []])
    peers.network.setLink(peers.addressA, peers.addressB, 'open')
    assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
    await peers.end()
  })

  it('the hold time counts from the last message received', async () => {
    const peers = await createSimulatedPeers({ a: { holdTimeSeconds: 9 } })
    peers.bringUp()
    const silencedAt = peers.clock.now() + 100_000
    peers.clock.after(100_000, () => peers.network.setLink(peers.addressA, peers.addressB, 'silent'))
    const receivedAt = lastReceivedBefore(peers, peers.a, () => isDown(peers.a))
    assert.ok(receivedAt <= silencedAt)
    const lost = peers.a.events.findLast(({ event }) => event.kind === 'lost')
    assert.equal(lost!.atMs - receivedAt, 9000)
    await peers.end()
  })

  it('a wrong AS number is answered with 2/2, said in words, and not tried in a hot loop', async () => {
    const peers = await createSimulatedPeers({ a: { remoteAsn: 65099 } })
    peers.a.driver.start()
    peers.b.driver.start()
    peers.clock.advance(HOUR_MS)
    assert.deepEqual([establishedEvents(peers.a), establishedEvents(peers.b)], [0, 0])
    assert.ok(peers.a.notifications('sent').every((codes) => codes === '2/2'))
    assert.ok(peers.b.notifications('received').includes('2/2'))
    const { lastFailure, dialCount } = peers.a.driver.snapshot()
    assert.equal(lastFailure?.reason.code, 'badPeerAs')
    assert.match(lastFailure.reason.message, /65002.*65099|65099.*65002/)
    const dials = dialCount + peers.b.driver.snapshot().dialCount
    assert.ok(dials >= 10 && dials <= 150, `${dials} dials in an hour`)
    await peers.end()
  })

  it('a stop tells the peer 6/2, resolves when that is out, and a start brings the session back', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    let isStopped = false
    const stopped = peers.a.driver.stop('administrativeShutdown').then(() => (isStopped = true))
    assert.equal(isStopped, false)
    peers.clock.advance(100)
    await stopped
    assert.deepEqual(peers.b.notifications('received'), ['6/2'])
    assert.equal(peers.b.driver.snapshot().negotiated, undefined)
    assert.equal(peers.a.state(), 'idle')
    peers.clock.advance(DAY_MS)
    assert.equal(peers.a.state(), 'idle')
    peers.a.driver.start()
    assert.ok(peers.clock.runUntil(peers.isUp, 180_000))
    await peers.end()
  })

  it('a stop gives up after a second on a peer that takes nothing, and while dialling at once', async () => {
    const peers = await createSimulatedPeers()
    peers.bringUp()
    peers.network.setLink(peers.addressA, peers.addressB, 'silent')
    const startedAt = peers.clock.now()
    let stoppedAt = Number.NaN
    const stopped = peers.a.driver.stop('peerDeconfigured')
    void stopped.then(() => (stoppedAt = peers.clock.now()))
    peers.clock.advance(999)
    await Promise.resolve()
    assert.ok(Number.isNaN(stoppedAt))
    peers.clock.advance(1)
    await stopped
    assert.equal(stoppedAt - startedAt, 1000)
    peers.a.driver.start()
    peers.clock.advance(10)
    await peers.a.driver.stop('administrativeShutdown')
    await peers.end()
  })

  it('a stop ends a dial that is under way', async () => {
    const peers = await createSimulatedPeers({ b: { isPassive: true } })
    peers.b.driver.start()
    peers.a.driver.start()
    const { state, dialCount } = peers.a.driver.snapshot()
    assert.deepEqual([state, dialCount], ['connect', 1])
    await peers.a.driver.stop('administrativeShutdown')
    peers.clock.advance(1000)
    assert.equal(peers.network.openEnds(), 0)
    assert.equal(peers.a.state(), 'idle')
    await peers.end()
  })

  it('routes set before, during and after the session comes up arrive exactly', async () => {
    const peers = await createSimulatedPeers()
    const first = routesOf(0, 500)
    peers.a.driver.setRoutes(first)
    peers.bringUp()
    peers.clock.advance(1000)
    assert.deepEqual([...peers.b.learned.keys()].sort(), prefixesOf(first))
    assert.equal(peers.b.learned.get('10.0.0.7/32'), '192.0.2.1 igp -')
    const updates = peers.b.driver.snapshot().received.messages.update
    assert.ok(updates <= 3, `500 equal routes in ${updates} UPDATEs, End-of-RIB of each family included`)

    const second = [...routesOf(250, 250), ...routesOf(1000, 50, [0xfde90001])]
    peers.a.driver.setRoutes(second)
    peers.clock.advance(1000)
    assert.deepEqual([...peers.b.learned.keys()].sort(), prefixesOf(second))
    assert.equal(peers.b.learned.get('10.0.3.232/32'), '192.0.2.1 igp - 4259905537')

    peers.network.cut(peers.addressA, peers.addressB)
    peers.clock.runUntil(() => isDown(peers.b), 1000)
    assert.equal(peers.b.learned.size, 0)
    const third = routesOf(400, 10)
    peers.a.driver.setRoutes(third)
    assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
    peers.clock.advance(1000)
    assert.deepEqual([...peers.b.learned.keys()].sort(), prefixesOf(third))
    peers.a.driver.setRoutes([])
    peers.clock.advance(1000)
    assert.equal(peers.b.learned.size, 0)
    await peers.end()
  })
})

describe('a collision', () => {
  it('leaves exactly one session, the same on both ends, whatever the interleaving [rfc4271-6.8-one-survives] [rfc4271-8.2.1-machine-each]', async () => {
    const survivors = new Set<string>()
    let collisions = 0
    for (let seed = 1; seed <= 400; seed += 1) {
      const peers = await createSimulatedPeers({
        seed,
        a: { routerId: seed % 2 === 0 ? 1 : 0xc0000201 },
        b: { routerId: seed % 2 === 0 ? 0x80000001 : 0x7fffffff },
        network: { latencyMs: { least: 1, most: 1 + (seed % 20) } },
      })
      peers.a.driver.start()
      peers.clock.advance(seed % 15)
      peers.b.driver.start()
      assert.ok(peers.clock.runUntil(peers.isUp, 600_000), `seed ${seed}: A ${peers.a.state()}, B ${peers.b.state()}`)
      peers.clock.advance(HOUR_MS / 12)
      const [a, b] = [peers.a.driver.snapshot(), peers.b.driver.snapshot()]
      assert.deepEqual([a.state, b.state], ['established', 'established'], `seed ${seed}`)
      assert.deepEqual([a.establishedCount, b.establishedCount], [1, 1], `seed ${seed}: it stays`)
      assert.equal(peers.network.openEnds(), 2, `seed ${seed}: one connection is left`)
      const role = peers.a.events.flatMap(({ event }) => (event.kind === 'established' ? [event.role] : []))
      survivors.add(`${seed % 2} ${role.join()}`)
      collisions += [...peers.a.notifications('sent'), ...peers.b.notifications('sent')].filter(
        (c) => c === '6/7',
      ).length
      await peers.end()
    }
    assert.ok(collisions > 50, `only ${collisions} real collisions`)
    assert.deepEqual(survivors.size >= 2, true, [...survivors].join('; '))
  })
})

describe('the bytes of a session', () => {
  /** What A tells of a session whose every chunk is cut as `split` says, without the times. */
  async function story(split: (offset: number, length: number) => number): Promise<readonly PeerEvent[]> {
    const peers = await createSimulatedPeers({
      b: { isPassive: true },
      network: { split, latencyMs: { least: 1, most: 1 } },
    })
    peers.b.driver.setRoutes([...routesOf(0, 30), ...routesOf(100, 5, [1, 2, 3])])
    peers.bringUp()
    peers.clock.advance(100)
    peers.b.driver.setRoutes(routesOf(10, 3))
    peers.clock.advance(100)
    await peers.end()
    return peers.a.events.map(({ event }) => event)
  }

  it('mean the same wherever they are cut', async () => {
    const whole = await story((_offset, length) => length)
    assert.ok(whole.filter(({ kind }) => kind === 'learned').length >= 3)
    assert.deepEqual(await story(() => 1), whole, 'byte by byte')
    for (let cut = 1; cut < 500; cut += 1) {
      const told = await story((offset, length) => (offset < cut ? cut - offset : length))
      assert.deepEqual(told, whole, `cut at ${cut}`)
    }
  })

  /** What a passive driver answers to a client that sends these bytes in one piece. */
  async function answerTo(
    bytes: Uint8Array,
  ): Promise<{ replies: number[]; closed: string | undefined; speaker: Speaker }> {
    const peers = await createSimulatedPeers({
      b: { isPassive: true },
      network: { split: (_offset, length) => length },
    })
    const answer: { replies: number[]; closed: string | undefined; speaker: Speaker } = {
      replies: [],
      closed: undefined,
      speaker: peers.b,
    }
    peers.b.driver.start()
    const client = peers.network.host(peers.addressA)
    client.dial(
      { to: { address: peers.addressB, port: PORT }, from: undefined, timeoutMs: 1000, socket: undefined },
      (result) => {
        assert.equal(result.kind, 'connected')
        result.connection.attach({
          received: (reply) => answer.replies.push(...reply),
          drained: () => undefined,
          closed: ({ code }) => (answer.closed = code),
        })
        result.connection.send(bytes)
      },
    )
    peers.clock.advance(1000)
    await peers.end()
    return answer
  }

  const MARKER = Array<number>(16).fill(0xff)
  const KEEPALIVE = [...MARKER, 0, 19, 4]

  it('that are not BGP cost the session they came on, with the right NOTIFICATION [rfc4271-6-closed-after-notification]', async () => {
    const { replies, closed, speaker } = await answerTo(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'))
    assert.equal(closed, 'EOF')
    // The OPEN, then Message Header Error/Connection Not Synchronized (RFC 4271 section 6.1).
    assert.deepEqual(replies.slice(-21), [...MARKER, 0, 21, 3, 1, 1])
    assert.equal(replies[18], 1)
    assert.ok(speaker.reasons('idle').includes('messageHeaderError'))
  })

  it('that come behind the one that ended the session are passed over', async () => {
    const { replies, closed, speaker } = await answerTo(Uint8Array.from([...KEEPALIVE, ...KEEPALIVE, ...KEEPALIVE]))
    assert.equal(closed, 'EOF')
    const open = replies.splice(0, replies[17])
    assert.equal(open[18], 1)
    // Finite State Machine Error/Unexpected Message in OpenSent (RFC 6608), and nothing else.
    assert.deepEqual(replies.slice(18, 21), [3, 5, 1])
    assert.equal(replies.length, replies[17])
    assert.deepEqual(speaker.notifications('sent'), ['5/1'])
    assert.equal(speaker.driver.snapshot().received.messages.keepalive, 1)
  })
})

describe('a bug of ours', () => {
  it('costs the session of its peer and nothing else, and the peer starts anew', async (t) => {
    let isBroken = false
    const peers = await createSimulatedPeers({
      interceptA: ({ kind }) => {
        if (isBroken && kind === 'learned') throw new Error('a bug')
      },
    })
    t.mock.method(process, 'emitWarning', () => assert.fail('the crash can be told'))
    peers.a.driver.setRoutes(routesOf(0, 3))
    peers.bringUp()
    peers.clock.advance(1000)
    isBroken = true
    peers.b.driver.setRoutes(routesOf(100, 3))
    peers.clock.advance(1000)
    const crash = peers.a.events.findLast(({ event }) => event.kind === 'crashed')?.event
    assert.match(String(crash?.kind === 'crashed' && crash.error), /a bug/)
    assert.equal(peers.a.state(), 'idle')
    assert.equal(peers.a.driver.snapshot().negotiated, undefined)
    assert.equal(peers.b.notifications('received')[0], '6/0')
    isBroken = false
    assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
    peers.clock.advance(1000)
    assert.deepEqual([...peers.b.learned.keys()], prefixesOf(routesOf(0, 3)))
    assert.deepEqual([...peers.a.learned.keys()], prefixesOf(routesOf(100, 3)))
    await peers.end()
  })

  it('in the observer of the crash itself becomes a warning of the process', async (t) => {
    let isBroken = true
    const peers = await createSimulatedPeers({
      interceptA: () => {
        if (isBroken) throw new Error('always')
      },
    })
    const warnings: string[] = []
    t.mock.method(process, 'emitWarning', (warning: Error) => warnings.push(warning.message))
    peers.a.driver.start()
    assert.deepEqual(warnings, ['always'])
    isBroken = false
    peers.b.driver.start()
    assert.ok(peers.clock.runUntil(peers.isUp, 300_000))
    await peers.end()
  })
})

describe('an observer', () => {
  it('may call its driver: that happens after the present step', async () => {
    let stopped: Promise<void> | undefined
    let stateAfterStop: string | undefined
    const peers: SimulatedPeers = await createSimulatedPeers({
      interceptA: ({ kind }) => {
        if (kind !== 'established') return
        peers.a.driver.setRoutes(routesOf(0, 2))
        stopped = peers.a.driver.stop('administrativeReset')
        stateAfterStop = peers.a.state()
      },
    })
    peers.a.driver.start()
    peers.b.driver.start()
    assert.ok(peers.clock.runUntil(() => stopped !== undefined, 60_000))
    assert.equal(stateAfterStop, 'established')
    assert.equal(peers.a.state(), 'idle')
    assert.ok(peers.a.events.every(({ event }) => event.kind !== 'crashed'))
    peers.clock.advance(1000)
    await stopped
    assert.deepEqual(peers.a.notifications('sent').at(-1), '6/4')
    await peers.end()
  })
})

describe('a peer that takes nothing', () => {
  it('is not sent more than the latest routes once it takes some again', async () => {
    const peers = await createSimulatedPeers({
      a: { holdTimeSeconds: 0 },
      network: { split: (_offset, length) => length },
    })
    peers.bringUp()
    peers.clock.advance(1000)
    peers.network.setLink(peers.addressA, peers.addressB, 'silent')
    const sets = [routesOf(0, 20_000), routesOf(50_000, 20_000)]
    let most = 0
    for (let round = 0; round < 12; round += 1) {
      peers.a.driver.setRoutes(sets[round % 2]!)
      most = Math.max(most, peers.a.driver.snapshot().pendingBytes)
    }
    assert.ok(most >= 65_536 && most < 200_000, `${most} bytes pending`)
    const last = routesOf(7, 30)
    peers.a.driver.setRoutes(last)
    peers.network.setLink(peers.addressA, peers.addressB, 'open')
    peers.clock.advance(60_000)
    assert.deepEqual([...peers.b.learned.keys()].sort(), prefixesOf(last))
    assert.equal(peers.a.driver.snapshot().pendingBytes, 0)
    assert.equal(establishedEvents(peers.a), 1)
    await peers.end()
  })
})
