import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correctionOf } from './overwritten.ts'

test('what others added goes, what they changed comes back, and the rest is left alone', () => {
  const wanted = { routes: 1, drain: { phase: 'HeldBack', since: 'x' }, conditions: [{ type: 'A', status: 'True' }] }
  const seen = {
    routes: 2,
    sessionsReady: '0/7',
    drain: { phase: 'HeldBack', since: 'x', remainingConnections: 0 },
    conditions: [
      { status: 'True', type: 'A' },
      { type: 'B', status: 'True' },
    ],
  }
  assert.deepEqual(correctionOf(seen, wanted), {
    routes: 1,
    sessionsReady: null,
    drain: { remainingConnections: null },
    conditions: [{ type: 'A', status: 'True' }],
  })
})

test('the same in another order is the same, and what the server has dropped is not written again', () => {
  const seen = { conditions: [{ type: 'B' }, { type: 'A' }] }
  assert.equal(correctionOf(seen, { conditions: [{ type: 'A' }, { type: 'B' }], answer: 'x' }), undefined)
})
