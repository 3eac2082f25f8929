import { formatEndpoint } from '@holdfast/net'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEndpoint } from './parse-endpoint.ts'

for (const text of ['192.0.2.1:179', '0.0.0.0:0', '[2001:db8::1]:65535', '[::]:1790']) {
  test(`${text} is an endpoint`, () => {
    const parsed = parseEndpoint(text)
    assert.ok(parsed.ok)
    assert.equal(formatEndpoint(parsed.value), text)
  })
}

for (const text of [
  '',
  '192.0.2.1',
  ':179',
  '192.0.2.1:',
  '192.0.2.1:65536',
  '192.0.2.1:-1',
  '2001:db8::1:179',
  '[2001:db8::1]',
  '[192.0.2:179',
  'localhost:179',
]) {
  test(`"${text}" is refused with a reason`, () => {
    const parsed = parseEndpoint(text)
    assert.ok(!parsed.ok)
    assert.notEqual(parsed.fault.message, '')
  })
}
