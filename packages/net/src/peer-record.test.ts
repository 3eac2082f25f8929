import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { UpdateMessage } from '@holdfast/bgp'
import { PeerRecord } from './peer-record.ts'

/** What is told of an UPDATE with these faults. */
function told(messages: readonly string[]): string {
  const record = new PeerRecord(0)
  const fault = { remedy: 'attributeDiscard', attribute: 240, code: 3, subcode: 1, data: new Uint8Array(0) } as const
  const faults = messages.map((message) => ({ ...fault, message }))
  const update: UpdateMessage = { kind: 'update', withdrawn: [], announced: undefined, endOfRib: undefined, faults }
  record.note({ kind: 'learned', update }, 1)
  const { count, latest } = record.told().updateFaults
  assert.equal(count, 1)
  return latest!
}

it('the faults of an UPDATE are told as far as there is room, with the number of the others', () => {
  assert.equal(told(['one', 'another']), 'one; another')
  const some = told(Array.from({ length: 21_000 }, () => 'attribute 240 comes twice'))
  assert.ok(some.length <= 430, `${some.length} characters`)
  assert.match(some, /^attribute 240 comes twice; .*; … and 20986 more$/)
  assert.equal(told(['x'.repeat(1000)]), `${'x'.repeat(400)}…`)
  assert.equal(told(['x'.repeat(1000), 'y']), `${'x'.repeat(400)}…; … and 1 more`)
})
