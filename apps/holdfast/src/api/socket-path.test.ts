import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultSocketPath } from './socket-path.ts'

test('the socket is where only its user can reach it, and HOLDFAST_SOCKET names another place', () => {
  assert.equal(defaultSocketPath({}, 0), '/run/holdfast/holdfast.sock')
  assert.equal(defaultSocketPath({ XDG_RUNTIME_DIR: '/run/user/7' }, 7), '/run/user/7/holdfast/holdfast.sock')
  assert.match(defaultSocketPath({}, 7), /holdfast-7\/holdfast\.sock$/)
  assert.equal(defaultSocketPath({ HOLDFAST_SOCKET: '/x/y' }, 0), '/x/y')
})
