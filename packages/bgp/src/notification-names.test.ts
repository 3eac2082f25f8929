import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeNotification } from './notification-names.ts'

for (const [code, subcode, expected] of [
  [2, 2, 'OPEN Message Error / Bad Peer AS'],
  [6, 2, 'Cease / Administrative Shutdown'],
  [6, 7, 'Cease / Connection Collision Resolution'],
  [3, 11, 'UPDATE Message Error / Malformed AS_PATH'],
  [5, 3, 'Finite State Machine Error / Receive Unexpected Message in Established State'],
  [4, 0, 'Hold Timer Expired'],
  [4, 1, 'Hold Timer Expired / subcode 1'],
  [2, 0, 'OPEN Message Error'],
  [2, 5, 'OPEN Message Error / Authentication Failure'],
  [2, 8, 'OPEN Message Error / subcode 8'],
  [2, 11, 'OPEN Message Error / Role Mismatch'],
  [3, 7, 'UPDATE Message Error / AS Routing Loop'],
  [6, 9, 'Cease / Hard Reset'],
  [6, 10, 'Cease / BFD Down'],
  [7, 1, 'ROUTE-REFRESH Message Error / Invalid Message Length'],
  [8, 0, 'Send Hold Timer Expired'],
  [0, 0, 'error code 0'],
  [99, 255, 'error code 99 / subcode 255'],
] as const) {
  test(`NOTIFICATION ${code}/${subcode} reads "${expected}"`, () => {
    assert.equal(describeNotification(code, subcode), expected)
  })
}
