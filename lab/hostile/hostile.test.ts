// Every row of the table of hostile inputs, over TCP against the program as users run it.
//
//   a namespace of its own
//   10.9.0.1, fd09::1   holdfast standalone --listen [::]:1790, AS 64500, with a BGPPeer for each address below
//   10.9.N.x, fd09::N:x scripted peers: N says whether eBGP or iBGP, over IPv4 or IPv6, and who dials
//
// Claims:
//  1  Each input has the reaction that docs/reference/hostile-inputs.md names, on every kind of session.
//  2  A second peer on each kind of session is undisturbed all the while: its session never ends, the program's KEEPALIVEs
//     come in time, no UPDATE comes.
//  3  The process lives, its memory stays bounded, and no text of a peer reaches the log with control characters.
//  4  A flood of connections is no flood of log lines.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { namespaceSkip } from '../harness/namespace-skip.ts'
import { attackWith, type Attacked } from './attack.ts'
import { entries, pageOf, problemsOf, readPage } from './page.ts'
import type { HostileSite } from './site.ts'

/** A third of the hold time of 3 s, and what a busy machine may add. */
const longestSilenceMs = 1500
const mostGrowthMiB = 128

describe('hostile inputs', { skip: namespaceSkip() }, () => {
  let site: HostileSite | undefined
  let result: Attacked | undefined
  const attacked = (): Attacked => {
    assert.ok(result !== undefined)
    return result
  }

  before(async () => {
    const { site: used, attacked: seen } = await attackWith('attack-main.ts')
    site = used
    result = seen
  })

  after(() => {
    const isFine = result?.runs.every(({ problem }) => problem === undefined) === true
    if (!isFine) site?.lab.reportFailure()
    site?.lab.close()
  })

  for (const entry of entries) {
    const tags = entry.tags.length === 0 ? '' : ` [${entry.tags.join('] [')}]`
    test(`${entry.id} ${entry.title}: ${entry.required}${tags}`, () => {
      assert.deepEqual(problemsOf(entry, attacked().runs), [])
    })
  }

  test('second peers are undisturbed: no session ends, no UPDATE comes, every KEEPALIVE is in time', () => {
    const { bystanders, disturbances, lagMs } = attacked()
    assert.deepEqual(disturbances, [])
    assert.equal(bystanders.length, 4)
    for (const { scene, gapMs, messages } of bystanders) {
      assert.ok(gapMs < longestSilenceMs + 2 * lagMs, `${scene}: ${gapMs} ms without a message, lag ${lagMs} ms`)
      assert.ok(messages > 20, `${scene}: ${messages} messages`)
    }
  })

  test('the process lives and its memory is bounded', () => {
    const { memory } = attacked()
    assert.match(site?.holdfast.state ?? '', /^running/)
    assert.ok(memory.afterMiB - memory.beforeMiB < mostGrowthMiB, JSON.stringify(memory))
  })

  test('no control character of a peer reaches the log [rfc9003-6-sanitised-over-tcp]', () => {
    const output = site?.holdfast.output() ?? ''
    // Everything but the line feeds between the lines; JSON has all others escaped. The C1 controls and the signs that
    // turn the direction of text are not for a screen either.
    const [found] = /[^\P{C}\n]/u.exec(output) ?? []
    assert.equal(found, undefined)
    assert.doesNotMatch(output, /\\u00(?:0|1|7f|8|9)/)
  })

  test('six hundred refused connections make a few log lines', () => {
    const refused =
      site?.holdfast.jsonLines().filter((line) => line.at('event').textOr('') === 'refusedConnection') ?? []
    assert.ok(refused.length > 0 && refused.length < 30, `${refused.length} lines`)
  })

  test('docs/reference/hostile-inputs.md says the same (node lab/hostile/write-page.ts)', () => {
    assert.equal(readPage(), pageOf(attacked().runs))
  })
})
