import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeMessage } from './encode.ts'
import type { CodecContext, NotificationMessage } from './messages.ts'
import { communicationData, hardReset, readCommunication, unwrapHardReset } from './notification-data.ts'
import { describeWholeNotification } from './notification-names.ts'
import { bird, frr } from './testing/captures.ts'
import { hex, toHex } from './testing/second-writer.ts'
import { checkVector, decoded, external } from './testing/vectors.ts'

const notification = (code: number, subcode: number, data = ''): NotificationMessage => ({
  kind: 'notification',
  code,
  subcode,
  data: hex(data),
})

function captured(digits: string): NotificationMessage {
  const result = decoded(hex(digits))
  assert.equal(result.kind, 'notification')
  return result
}

test('the words of other operators: of FRR, of BIRD, and inside of a Hard Reset of FRR', () => {
  assert.equal(readCommunication(captured(frr.shutdown)), 'rack 7')
  assert.equal(readCommunication(captured(bird.shutdown)), 'rack 7: ärgern')
  assert.equal(readCommunication(captured(frr.hardReset)), 'rack 7')
})

test('our words are written as BIRD writes them [rfc9003-2-utf8]', () => {
  const ours = { ...notification(6, 2), data: communicationData('rack 7: ärgern') }
  checkVector({ name: '', bytes: hex(bird.shutdown), message: ours })
})

test('a Hard Reset is written as FRR writes it', () => {
  const inner = { ...notification(6, 2), data: communicationData('rack 7') }
  checkVector({ name: '', bytes: hex(frr.hardReset), message: hardReset(inner) })
  assert.deepEqual(unwrapHardReset(hardReset(inner)), inner)
})

test('words have 255 octets at most, and end with a whole character', () => {
  const data = communicationData('ä'.repeat(200))
  assert.equal(data.length, 255)
  assert.equal(data[0], 254)
  assert.equal(readCommunication({ ...notification(6, 4), data }), 'ä'.repeat(127))
  assert.equal(toHex(communicationData('')), '00')
})

for (const [name, sent, expected] of [
  ['no data', notification(6, 2), undefined],
  ['a length of 0', notification(6, 2, '00'), undefined],
  ['a length beyond the data', notification(6, 2, 'ff41'), undefined],
  ['a length of one more than the data', notification(6, 2, '0241'), undefined],
  ['something behind the text', notification(6, 2, '0141ffff'), 'A'],
  ['a reset', notification(6, 4, '0141'), 'A'],
  ['a subcode that has no text', notification(6, 3, '0141'), undefined],
  ['another code', notification(3, 2, '0141'), undefined],
  ['a Hard Reset without anything', notification(6, 9), undefined],
  ['a Hard Reset with half a code', notification(6, 9, '06'), undefined],
  ['a Hard Reset without a text', notification(6, 9, '0602'), undefined],
  ['a Hard Reset in a Hard Reset', notification(6, 9, '060906020141'), undefined],
] as const) {
  test(`words in a NOTIFICATION, ${name}: ${expected ?? 'none'}`, () => {
    assert.equal(readCommunication(sent), expected)
  })
}

for (const [name, sent] of [
  ['is none', notification(6, 2, '0601')],
  ['has another code', notification(5, 9, '0601')],
  ['is empty', notification(6, 9)],
  ['has one octet', notification(6, 9, '06')],
] as const) {
  test(`there is nothing inside of a Hard Reset that ${name}`, () => {
    assert.equal(unwrapHardReset(sent), undefined)
  })
}

for (const [sent, words] of [
  [notification(6, 9, '0602 06 7261636b2037'), 'Cease / Hard Reset (Cease / Administrative Shutdown): "rack 7"'],
  [notification(6, 9, '0400'), 'Cease / Hard Reset (Hold Timer Expired)'],
  [notification(6, 10), 'Cease / BFD Down'],
  [notification(7, 1, '0001000100'), 'ROUTE-REFRESH Message Error / Invalid Message Length'],
  [notification(8, 0), 'Send Hold Timer Expired'],
  [notification(2, 11), 'OPEN Message Error / Role Mismatch'],
  [notification(6, 2, '02 1b63'), 'Cease / Administrative Shutdown: "\\x1bc"'],
] as const) {
  test(`a whole NOTIFICATION reads ${words}`, () => {
    assert.equal(describeWholeNotification(sent), words)
  })
}

test('the data of a NOTIFICATION is cut to what the peer takes', () => {
  const long = { ...notification(3, 5), data: new Uint8Array(60000) }
  const take = (maxSentLength: number): CodecContext => ({ ...external, maxSentLength })
  assert.equal(encodeMessage(long, take(4096)).length, 4096)
  assert.equal(encodeMessage(long, take(65535)).length, 60021)
})
