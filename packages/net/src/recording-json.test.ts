import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ipv4, ipv6 } from '@holdfast/ip'
import type { PeerConfig } from '@holdfast/bgp'
import type { RecordEntry } from './recording.ts'
import { recordingLine } from './recording-json.ts'
import { parseRecording } from './recording-parse.ts'
import { configOf, routesOf } from './testing/simulated-peers.ts'

const created = (config: PeerConfig = configOf()): RecordEntry => ({
  atMs: 0,
  kind: 'created',
  version: 1,
  config,
  isRestarting: false,
})

/** Every kind of entry, with everything that it can have. */
const ENTRIES: readonly RecordEntry[] = [
  created(
    configOf({
      remoteAsn: 'external',
      keepaliveSeconds: 3,
      globalAsn: 4_200_000_000,
      gracefulRestart: { restartTimeSeconds: 120, hasNotification: true },
      longLivedStaleSeconds: 3600,
      hasAddPath: true,
      hasExtendedNextHop: true,
      role: 'routeServerClient',
      isRoleStrict: true,
      prefixLimit: 100,
      sendHoldSeconds: 480,
      withheldCapabilities: ['routeRefresh', 'enhancedRouteRefresh', 'extendedMessage', 'fourOctetAs'],
      seed: 0.5,
    }),
  ),
  created(),
  { atMs: 0.1, kind: 'start' },
  { atMs: 1, kind: 'stop', reason: 'restart', communication: undefined },
  { atMs: 1, kind: 'stop', reason: 'administrativeShutdown', communication: 'bis später\n\u2028"' },
  { atMs: 2, kind: 'bfdDown', message: 'nothing came for 150 ms' },
  { atMs: 3, kind: 'connected', role: 'active', local: ipv4(1), remote: ipv6((1n << 127n) + 1n) },
  { atMs: 4, kind: 'disconnected', role: 'passive', code: 'ECONNRESET', message: 'the peer reset the connection' },
  { atMs: 5, kind: 'message', role: 'active', bytes: Uint8Array.of(0, 1, 0xff) },
  {
    atMs: 6,
    kind: 'faulted',
    role: 'active',
    fault: {
      remedy: 'sessionReset',
      code: 1,
      subcode: 2,
      data: Uint8Array.of(0, 18),
      message: 'a message cannot have a length of 18 octets',
      isSilent: false,
    },
  },
  { atMs: 7, kind: 'timer', role: 'active', timer: 'sendHold' },
  {
    atMs: 8,
    kind: 'desire',
    id: 1,
    routes: [
      ...routesOf(0, 2),
      {
        prefix: { address: ipv6(1n << 64n), length: 64 },
        attributes: {
          origin: 'incomplete',
          localPref: 0,
          med: 50,
          communities: [0xffff_ffff],
          largeCommunities: [{ globalAdmin: 1, data1: 2, data2: 3 }],
          extendedCommunities: [{ high: 0x4004_fde8, low: 0x48eb_bc20 }],
          prepend: 2,
          nextHop: ipv6(5n),
        },
      },
    ],
  },
  { atMs: 9, kind: 'desire', id: 1, routes: undefined },
  { atMs: 10, kind: 'desire', id: 2, routes: [] },
  { atMs: 11, kind: 'sent', role: 'passive', bytes: new Uint8Array(0) },
  { atMs: 12, kind: 'did', text: 'hangUp active' },
]

const textOf = (entries: readonly RecordEntry[]): string => entries.map((entry) => `${recordingLine(entry)}\n`).join('')

function damageOf(text: string): { line: number; reason: string; remedy: string } {
  const parsed = parseRecording(text)
  assert.ok(!parsed.ok, 'it is not refused')
  const { line, reason, remedy } = parsed
  return { line, reason, remedy }
}

/** The line of one kind, with something replaced. */
function damaged(kind: RecordEntry['kind'], from: string, to: string): { line: number; reason: string } {
  const index = ENTRIES.findIndex((entry) => entry.kind === kind)
  const lines = ENTRIES.map(recordingLine)
  assert.ok(lines[index]!.includes(from), lines[index])
  const { line, reason } = damageOf(lines.with(index, lines[index]!.replace(from, to)).join('\n'))
  assert.equal(line, index + 1)
  return { line, reason }
}

describe('a recording', () => {
  it('is one line for each entry, and every kind of entry comes back as it was', () => {
    for (const entry of ENTRIES) assert.ok(!recordingLine(entry).includes('\n'))
    const parsed = parseRecording(textOf(ENTRIES))
    assert.ok(parsed.ok, parsed.ok ? '' : `line ${parsed.line}: ${parsed.reason}`)
    assert.deepEqual(parsed.entries, ENTRIES)
    assert.deepEqual(parseRecording(textOf(ENTRIES).trimEnd()), parsed, 'the last line feed may lack')
  })

  it('keeps routes with one object of attributes together', () => {
    const parsed = parseRecording(textOf(ENTRIES))
    assert.ok(parsed.ok)
    const desire = parsed.entries.find(({ kind }) => kind === 'desire')
    assert.ok(desire?.kind === 'desire')
    assert.equal(desire.routes![0]!.attributes, desire.routes![1]!.attributes)
  })

  it('that was cut in the middle of a line says so, and what to do', () => {
    const text = textOf(ENTRIES)
    const begins = [...text.matchAll(/\n/g)].map(({ index }) => index + 1)
    for (let end = 1; end < text.length; end += 1) {
      if (begins.includes(end) || begins.includes(end + 1)) continue
      const { line, remedy } = damageOf(text.slice(0, end))
      assert.equal(line, begins.filter((begin) => begin < end).length + 1)
      if (line > 1) assert.match(remedy, /remove the line/)
    }
  })

  it('with a damaged line is refused, with the line and what is wrong in it', () => {
    assert.deepEqual(damaged('start', 'start', 'begin'), { line: 3, reason: 'entries of kind "begin" are not known' })
    assert.equal(damaged('start', '}', ',"why":1}').reason, 'the field why is not known')
    assert.equal(damaged('start', '0.1', '"0"').reason, 'atMs is not a number')
    assert.equal(damaged('connected', '"0.0.0.1"', '"0.0.0.256"').reason, 'local is not an IP address')
    assert.equal(damaged('connected', '"active"', '"both"').reason, 'role is not one of active, passive')
    assert.equal(damaged('message', '0001ff', '0001f').reason, 'bytes is not octets in hexadecimal')
    assert.equal(damaged('message', '0001ff', '0001fg').reason, 'bytes is not octets in hexadecimal')
    assert.equal(damaged('message', '"bytes"', '"octets"').reason, 'bytes is not a text')
    assert.equal(damaged('timer', 'sendHold', 'snooze').reason.slice(0, 19), 'timer is not one of')
    assert.equal(damaged('faulted', '"code":1', '"code":256').reason, 'fault.code is not a whole number up to 255')
    assert.equal(damaged('faulted', '{"remedy"', '{"x":1,"remedy"').reason, 'the field fault.x is not known')
    assert.match(damaged('desire', '10.0.0.1/32 0', '10.0.0.1/33 0').reason, /^routes is not a list of prefixes/)
    assert.match(damaged('desire', '10.0.0.1/32 0', '10.0.0.1/32 2').reason, /^routes is not a list of prefixes/)
    assert.match(damaged('desire', '10.0.0.1/32 0', '10.0.0.1/32').reason, /^routes is not a list of prefixes/)
    assert.equal(
      damaged('desire', '"low":', '"lower":').reason,
      'attributes.1.extendedCommunities.0.low is not a whole number up to 4294967295',
    )
    assert.equal(damaged('created', '"seed":0.5', '"seed":null').reason, 'config.seed is not a number')
    assert.equal(
      damaged('created', '"external"', '"extern"').reason,
      'config.remoteAsn is not one of internal, external, any',
    )
    assert.equal(damaged('created', '"ipv4"', '"ipv5"').reason, 'config.families is not of ipv4, ipv6')
    assert.equal(
      damaged('created', '{"localAsn"', '{"password":"x","localAsn"').reason,
      'the field config.password is not known',
    )
    assert.equal(damageOf(`${recordingLine(created())}\n[]\n`).reason, 'the line is not a JSON object')
    assert.equal(damageOf(`${recordingLine(created())}\n\n`).reason, 'the line is not JSON')
  })

  it('of a kind that only JavaScript knows is refused like any other', () => {
    for (const kind of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const { reason, remedy } = damageOf(`${recordingLine(created())}\n{"atMs":1,"kind":"${kind}"}\n`)
      assert.equal(reason, `entries of kind "${kind}" are not known`)
      assert.match(remedy, /version of holdfast that made it/)
    }
  })

  it('is refused in visible characters, whatever is in it', () => {
    const line = (entry: object): string => `${recordingLine(created())}\n${JSON.stringify({ atMs: 1, ...entry })}\n`
    assert.equal(
      damageOf(line({ kind: '\x1b[2J\u009b31m\u202e\n' })).reason,
      'entries of kind "\\x1b[2J\\x9b31m\\u{202e}\\x0a" are not known',
    )
    assert.equal(
      damageOf(line({ kind: 'start', '\x1b[2J\nfake': 1 })).reason,
      'the field \\x1b[2J\\x0afake is not known',
    )
    assert.ok(damageOf(line({ kind: 'x'.repeat(100_000) })).reason.length < 400)
  })

  it('whose routes are not in it is refused', () => {
    const entries: readonly RecordEntry[] = [created(), { atMs: 1, kind: 'desire', id: 3, routes: undefined }]
    assert.deepEqual(damageOf(textOf(entries)).reason, 'no line before has the routes of set 3')
  })

  it('of another version is refused, and who can read it is said', () => {
    const text = textOf(ENTRIES).replace('"version":1', '"version":2')
    const { line, reason, remedy } = damageOf(text)
    assert.deepEqual([line, reason], [1, 'version is not 1, the only one that is known'])
    assert.match(remedy, /version of holdfast that made it/)
  })

  it('begins with the machine that was created', () => {
    for (const text of ['', textOf(ENTRIES.slice(2))]) {
      const { line, reason } = damageOf(text)
      assert.deepEqual([line, reason], [1, 'a recording begins with an entry of kind created'])
    }
  })
})
