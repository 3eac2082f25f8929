// Timers under load, and peers that ask too much.
//
//   a namespace of its own
//   10.9.0.1       holdfast standalone, AS 64500, 10,000 Services, heap of 256 MiB, hold time 3 s, KEEPALIVEs after 0.75 to 1 s
//   10.9.20.1-50   peers that behave: they measure how long they wait for a message
//   10.9.21-24.x   peers that fall silent, stop reading, announce 200,000 prefixes, ask for refresh 1,000 times a second
//
// Claims, and in each case that the fifty are never kept waiting for longer than a third of the hold time and half a second
// (and twice the lag that the machine itself has meanwhile):
//  1  With a program on every processor that never rests, a silent peer is closed between the hold time and half a second
//     later.
//  2  A peer that reads nothing is closed with a reset after its send hold time.
//  3  200,000 prefixes received leave memory flat.
//  4  1,000 refreshes a second cost less than a fifth of a processor with 10,000 routes.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { namespaceSkip } from '../harness/namespace-skip.ts'
import { LoadSite, type CrowdView } from './load.ts'
import { holdSeconds, routeCount, sendHoldSeconds } from './plan.ts'

/** What the program may add to a time, and twice what the machine adds to anybody's. */
const spareMs = ({ lagMs }: CrowdView): number => 500 + 2 * lagMs

function assertUndisturbed(view: CrowdView): void {
  const { longestSilenceMs, samples, lost } = view
  const latestMs = (holdSeconds / 3) * 1000 + spareMs(view)
  assert.deepEqual(lost, [])
  assert.ok(samples > 2, `${samples} samples`)
  assert.ok(longestSilenceMs < latestMs, `a peer waited ${longestSilenceMs} ms, ${latestMs} are allowed`)
}

describe('load', { skip: namespaceSkip() }, () => {
  let made: LoadSite | undefined
  let hasFailed = false
  const load = (): LoadSite => {
    assert.ok(made !== undefined)
    return made
  }
  before(async () => {
    made = await LoadSite.create({ hasState: true })
  })
  afterEach((context) => {
    if ('passed' in context && !context.passed) hasFailed = true
  })
  after(() => made?.close(hasFailed))

  test('1,000 refreshes a second are answered once a second and cost less than a fifth of a processor', async () => {
    const { result, crowd } = await load().trouble('refresh', 4)
    assert.equal(result.at('end').textOr(undefined), undefined)
    const answers = result.at('answeredBytes').number() / (routeCount * 5)
    assert.ok(answers >= 3 && answers < 6, `${answers} answers`)
    assert.ok(result.at('cpuShare').number() < 0.2, `${result.at('cpuShare').number()} of a processor`)
    assertUndisturbed(crowd)
  })

  test('with all processors busy KEEPALIVEs are on time, and a silent peer gets NOTIFICATION 4/0 in time [rfc4271-6.5-hold-under-load-over-tcp]', async () => {
    const { result, crowd } = await load().underHogs(5, () => load().trouble('silent'))
    for (const one of result.result.list()) {
      assert.equal(one.at('end').text(), 'NOTIFICATION 4/0 ')
      const ms = one.at('ms').number()
      assert.ok(ms >= holdSeconds * 1000 - 20 && ms < holdSeconds * 1000 + spareMs(crowd), `closed after ${ms} ms`)
    }
    assertUndisturbed(crowd)
  })

  test('a peer that reads nothing is closed with a reset after its send hold time [rfc9687-3-send-hold-over-tcp]', async () => {
    const { result, crowd } = await load().trouble('stuck')
    assert.equal(result.at('how').textOr('nothing'), 'ECONNRESET')
    const ms = result.at('ms').number()
    assert.ok(ms >= sendHoldSeconds * 1000 && ms < (sendHoldSeconds + 5) * 1000, `after ${ms} ms`)
    assertUndisturbed(crowd)
  })

  test('200,000 prefixes received leave memory flat', async () => {
    const { result, crowd } = await load().trouble('flood', 2)
    assert.equal(result.at('end').textOr(undefined), undefined)
    const grownMiB = result.at('afterMiB').number() - result.at('beforeMiB').number()
    assert.ok(grownMiB < 64, `resident memory grew by ${grownMiB} MiB`)
    assertUndisturbed(crowd)
  })
})
