import { plainSession } from '@holdfast/bgp'
import { recordingLine } from '@holdfast/net'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

const program = join(import.meta.dirname, '..', '..', '..', '..', 'node_modules', '.bin', 'holdfast')

const created = recordingLine({
  atMs: 0,
  kind: 'created',
  version: 1,
  isRestarting: false,
  config: {
    ...plainSession,
    localAsn: 64_500,
    remoteAsn: 'external',
    routerId: 1,
    isPassive: true,
    families: ['ipv4'],
  },
})

/** Replays a recording that begins as any does and goes on with these lines. */
function replayOf(t: TestContext, lines: readonly object[], options: readonly string[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-replay-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'recording.jsonl')
  writeFileSync(file, [created, ...lines.map((line) => JSON.stringify(line)), ''].join('\n'))
  return spawnSync(program, ['replay', file, ...options], { encoding: 'utf8', timeout: 60_000 })
}

/** A title, a cleared screen, a control sequence of eight bits, writing backwards, a line of its own. */
const hostile = '\x1b]0;pwn\x07\x1b[2J\u009b31m\u202e\nfake line'
const ends = { role: 'passive', local: '127.0.0.1', remote: '127.0.0.2' }
const lines = [
  { atMs: 1, kind: 'start' },
  { atMs: 2, kind: 'did', text: hostile },
  { atMs: 3, kind: 'connected', ...ends },
  { atMs: 4, kind: 'disconnected', role: 'passive', code: hostile, message: hostile },
  { atMs: 5, kind: 'start' },
  { atMs: 6, kind: 'did', text: `crashed: ${hostile}` },
]

const invisible = /[\p{C}\p{Zl}\p{Zp}]/u

test('nothing in a recording moves the cursor or writes a line of its own', (t) => {
  const { stdout, stderr, status } = replayOf(t, lines)
  assert.deepEqual([stderr, status], ['', 4])
  for (const line of stdout.split('\n')) {
    assert.doesNotMatch(line, invisible)
    assert.doesNotMatch(line, /^fake/)
  }
  assert.match(stdout, /recorded: \\x1b\]0;pwn/)
  assert.match(stdout, /passive {2}openSent -> .*\\x1b\]0;pwn/)
  assert.match(stdout, /a defect ended the machine: crashed: \\x1b\]0;pwn/)
})

test('nor does its JSON, which says the same', (t) => {
  const { stdout } = replayOf(t, lines, ['--json'])
  assert.doesNotMatch(stdout.trimEnd(), invisible)
  const { differences } = JSON.parse(stdout) as { differences: readonly { expected: string }[] }
  assert.equal(differences[0]?.expected, hostile)
})

test('nor does why it is refused', (t) => {
  for (const line of [
    { atMs: 1, kind: hostile },
    { atMs: 1, kind: 'start', [hostile]: 1 },
  ]) {
    const { stdout, stderr, status } = replayOf(t, [line])
    assert.equal(stdout, '')
    assert.notEqual(status, 0)
    assert.equal(stderr.trimEnd().split('\n').length, 2, 'what is wrong, and what to do')
    for (const each of stderr.trimEnd().split('\n')) assert.doesNotMatch(each, invisible)
  }
})
