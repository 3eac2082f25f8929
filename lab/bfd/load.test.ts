// All processors busy, and the main thread of the process that has BFD in it blocked 200 ms at a time: BFD at 50 ms x 3 does not
// notice. `npm run bench -- bfd` does this for ten minutes, and measures.
//
//   node .11 ---- switch ---- peer .1   BIRD, which is let run before the load
//   Holdfast
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { eventually, throughout } from '../harness/eventually.ts'
import { BirdBfd } from './bird.ts'
import { bfdLabSkip } from './capability.ts'
import { HoldfastBfd } from './holdfast.ts'
import { loadAllCores } from './load.ts'
import { Segment, type Machine } from './segment.ts'
import { fastConfig } from './speaker-file.ts'

describe('BFD under load', { skip: bfdLabSkip() }, () => {
  let segment: Segment | undefined
  let node: Machine
  let bird: BirdBfd, holdfast: HoldfastBfd
  let endLoad: (() => void) | undefined
  let hasFailed = false

  before(async () => {
    segment = await Segment.create()
    node = await segment.add('node', 11)
    const peer = await segment.add('peer', 1)
    bird = await BirdBfd.start(segment.lab, peer, {
      name: 'bird',
      lines: [
        'interface "*" { interval 50 ms; idle tx interval 1 s; multiplier 3; };',
        `neighbor ${node.ipv4} dev "eth0" local ${peer.ipv4};`,
      ],
    })
    const sessions = [{ name: 'peer', remote: peer.ipv4, config: fastConfig }]
    holdfast = HoldfastBfd.start(segment.lab, node, { name: 'holdfast', sessions, args: ['--block', '200'] })
    // The thread has begun long ago by then: the load is the only change.
    await eventually(
      'the session is up, and has been for a hundred packets',
      () => holdfast.session('peer'),
      (session) => {
        assert.equal(session.at('state').text(), 'up')
        assert.ok(session.at('counters').at('received').number() > 100)
      },
      { timeoutMs: 30_000 },
    )
  })

  afterEach((context) => {
    if (!('passed' in context && context.passed)) hasFailed = true
  })

  after(() => {
    endLoad?.()
    if (hasFailed) segment?.lab.reportFailure()
    segment?.lab.close()
  })

  test('no false down at either end in 20 seconds', async () => {
    const downs = (): readonly number[] => [
      holdfast.changes('peer').filter(({ from }) => from === 'up').length,
      bird.downs(node.ipv4).length,
    ]
    const before = downs()
    endLoad = loadAllCores()
    await throughout('both ends are up', downs, (now) => assert.deepEqual(now, before), { timeoutMs: 20_000 })
    assert.equal((await bird.session(node.ipv4)).state, 'Up')
  })
})
