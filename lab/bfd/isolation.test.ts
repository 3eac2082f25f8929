// A router with a valid BFD session floods us with packets that prove themselves. The sessions of others do not notice.
//
//   node .11 ---- switch ---- flooder .1   BIRD, and beside it the flood in its name, with both discriminators
//   Holdfast         |   ---- other .2     BIRD
import { encodeControlPacket, type ControlPacket } from '@holdfast/bfd'
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { eventually } from '../harness/eventually.ts'
import { Attacker } from './attacker.ts'
import { BirdBfd } from './bird.ts'
import { bfdLabSkip } from './capability.ts'
import { HoldfastBfd } from './holdfast.ts'
import { Segment, type Machine } from './segment.ts'
import { fastConfig } from './speaker-file.ts'

describe('a peer that floods us with valid BFD packets', { skip: bfdLabSkip() }, () => {
  let segment: Segment | undefined
  let node: Machine, flooder: Machine, other: Machine
  let holdfast: HoldfastBfd, otherBird: BirdBfd
  const attackers: Attacker[] = []
  let hasFailed = false

  before(async () => {
    segment = await Segment.create()
    const { lab } = segment
    node = await segment.add('node', 11)
    flooder = await segment.add('flooder', 1)
    other = await segment.add('other', 2)
    const startBird = (machine: Machine, name: string): Promise<BirdBfd> =>
      BirdBfd.start(lab, machine, {
        name,
        lines: [
          'interface "*" { interval 50 ms; idle tx interval 1 s; multiplier 3; };',
          `neighbor ${node.ipv4} dev "eth0" local ${machine.ipv4};`,
        ],
      })
    await startBird(flooder, 'flooder')
    otherBird = await startBird(other, 'other')
    holdfast = HoldfastBfd.start(lab, node, {
      name: 'holdfast',
      sessions: [
        { name: 'flooder', remote: flooder.ipv4, config: fastConfig },
        { name: 'other', remote: other.ipv4, config: fastConfig },
      ],
    })
    // Two processes send more than one thread can read.
    attackers.push(new Attacker(flooder), new Attacker(flooder))
    await eventually(
      'both sessions are up',
      () => ['flooder', 'other'].map((name) => holdfast.state(name)),
      (states) => assert.deepEqual(states, ['up', 'up']),
      { timeoutMs: 20_000 },
    )
  })

  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })

  after(() => {
    for (const attacker of attackers) attacker.end()
    if (hasFailed) segment?.lab.reportFailure()
    segment?.lab.close()
  })

  const packet = (change: Partial<ControlPacket>): string => {
    const session = holdfast.session('flooder')
    const bytes = encodeControlPacket({
      diagnostic: 0,
      state: 'up',
      isPoll: false,
      isFinal: false,
      isControlPlaneIndependent: false,
      isDemand: false,
      detectMultiplier: 3,
      myDiscriminator: session.at('remoteDiscriminator').number(),
      yourDiscriminator: session.at('localDiscriminator').number(),
      desiredMinTxUs: 50_000,
      requiredMinRxUs: 50_000,
      requiredMinEchoRxUs: 0,
      ...change,
    })
    return Buffer.from(bytes).toString('hex')
  }

  const received = (name: string): number => holdfast.session(name).at('counters').at('received').number()

  for (const { what, changes } of [
    { what: 'Polls', changes: [{ isPoll: true }] },
    {
      what: 'Down, Init and Up in turn',
      changes: [{ state: 'down', diagnostic: 1 }, { state: 'init' }, { state: 'up' }],
    },
  ] as const) {
    test(`${what}: the other session stays up at both ends, and few of them are read`, async () => {
      await eventually(
        'the flooder’s session is up',
        () => holdfast.state('flooder'),
        (state) => assert.equal(state, 'up'),
        { timeoutMs: 20_000 },
      )
      const before = { changes: holdfast.changes('other').length, downs: otherBird.downs(node.ipv4).length }
      const taken = { flooder: received('flooder'), other: received('other') }
      const command = {
        from: flooder.ipv4,
        to: node.ipv4,
        port: 3784,
        ttl: 255,
        packets: changes.map(packet),
        ms: 5000,
      }
      await Promise.all(attackers.map((attacker) => attacker.send(command)))
      assert.deepEqual({ changes: holdfast.changes('other').length, downs: otherBird.downs(node.ipv4).length }, before)
      assert.equal(holdfast.state('other'), 'up')
      // 400 at once and 320 a second; of the other one at least the 13 a second that 75 ms are.
      assert.ok(received('flooder') - taken.flooder < 3000, `${received('flooder') - taken.flooder} were read`)
      assert.ok(received('other') - taken.other > 60, `${received('other') - taken.other} were read`)
    })
  }
})
