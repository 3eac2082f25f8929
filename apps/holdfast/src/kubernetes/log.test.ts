import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Event } from '../events.ts'
import type { LogLevel } from './command.ts'
import type { Log } from './log.ts'
import { createLog } from './log.ts'

function written(level: LogLevel, use: (log: Log) => void): readonly unknown[] {
  const lines: string[] = []
  use(createLog({ level, write: (line) => lines.push(line), now: () => '2026-11-21T10:00:00.000Z' }))
  return lines.map((line): unknown => {
    assert.ok(line.endsWith('\n') && line.indexOf('\n') === line.length - 1)
    return JSON.parse(line)
  })
}

test('a line has time, level, event and message first, whatever the fields are named', () => {
  const lines = written('info', (log) =>
    log.log('warn', 'conflict', 'somebody was first', { level: 7, service: 'a/b' }),
  )
  assert.deepEqual(lines, [
    {
      time: '2026-11-21T10:00:00.000Z',
      level: 'warn',
      event: 'conflict',
      message: 'somebody was first',
      service: 'a/b',
    },
  ])
})

test('each level has those before it, and none has nothing', () => {
  const all = (log: Log): void => {
    for (const level of ['error', 'warn', 'info', 'debug'] as const) log.log(level, 'x', 'y')
  }
  const counts = (['none', 'error', 'warn', 'info', 'debug'] as const).map((level) => written(level, all).length)
  assert.deepEqual(counts, [0, 1, 2, 3, 4])
})

test("the program's own events become lines of the level that they deserve, always with a message", () => {
  const lines = written('info', (log) => {
    log.event({ event: 'announced', node: 'n', service: 'a/b', routes: [] })
    log.event({
      event: 'service',
      service: 'a/b',
      type: 'Warning',
      reason: 'AllocationFailed',
      message: 'no available IPs',
      addresses: [],
    })
    log.event({ event: 'route', prefix: '192.0.2.1/32', nextHops: [], asPath: [], communities: [] })
  }) as { readonly level: string; readonly message: string }[]
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ['info', 'n announces nothing for a/b any more'],
      ['warn', 'no available IPs'],
    ],
  )
})

const linesOf = (...events: readonly Event[]): readonly { readonly level: string; readonly message: string }[] =>
  written('info', (log) => {
    for (const event of events) log.event(event)
  }) as { readonly level: string; readonly message: string }[]

test('a session that is lost is a warning; one that comes up, or goes because it is to, is not', () => {
  const session = { event: 'session', node: 'n', peer: 'tor', remote: '10.0.0.1:179', message: 'm' } as const
  const levels = linesOf(
    { ...session, state: 'established', reason: 'established' },
    { ...session, state: 'idle', reason: 'holdTimerExpired' },
    { ...session, state: 'idle', reason: 'notificationReceived' },
    { ...session, state: 'idle', reason: 'configurationChange' },
  ).map(({ level }) => level)
  assert.deepEqual(levels, ['info', 'warn', 'warn', 'info'])
})

test('what is wrong says on its own which object it is about, once, and what to do', () => {
  const object = 'BGPPeer metallb-system/tor'
  const fault = { code: 'unknown-bfd-profile', file: object, object, path: 'spec.bfdProfile' } as const
  const lines = linesOf(
    { event: 'fault', ...fault, message: 'There is no BFDProfile "fast".', remedy: 'Create it.' },
    { event: 'faultCleared', ...fault },
  )
  assert.deepEqual(
    lines.map(({ message }) => message),
    [`${object} spec.bfdProfile: There is no BFDProfile "fast". Create it.`, `mended: ${object} spec.bfdProfile`],
  )
})

test('a session’s line is a warning where docs/reference/session-reasons.md has something to do', () => {
  const page = readFileSync(new URL('../../../../docs/reference/session-reasons.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| (.+) \|$/gm)].map(([, reason = '', remedy = '']) => ({
    reason,
    remedy,
  }))
  assert.ok(rows.length > 20)
  const session = {
    event: 'session',
    node: 'n',
    peer: 'tor',
    remote: '10.0.0.1:179',
    state: 'idle',
    message: 'm',
  } as const
  const levels = linesOf(...rows.map(({ reason }) => ({ ...session, reason }))).map(({ level }) => level)
  assert.deepEqual(
    levels,
    rows.map(({ remedy }) => (remedy === 'Nothing to do.' ? 'info' : 'warn')),
  )
})
