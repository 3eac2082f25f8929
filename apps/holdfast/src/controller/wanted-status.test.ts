import { parseAddress } from '@holdfast/ip'
import type { Decision } from '@holdfast/ipam'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Held } from './held-addresses.ts'
import { wishOf } from './wanted-status.ts'

const placed = (text: string) => {
  const address = parseAddress(text)
  assert.ok(address.ok)
  return { address: address.value, pool: 'a' }
}

const decision: Decision = {
  kind: 'assigned',
  addresses: [placed('192.0.2.1'), placed('fd00::1')],
  notice: undefined,
}

const messageFor = (held: Partial<Held>): string =>
  wishOf(decision, { addresses: ['fd00::1'], isPoolRefused: false, otherPools: [], isLost: false, ...held }).condition
    .message

test('the condition Held says where the addresses are', () => {
  const release = 'the Service has the annotation holdfast.dev/release-address: "fd00::1"'
  assert.equal(messageFor({ isLost: true }), `fd00::1 is in no pool any more, and it will stay until ${release}`)
  assert.equal(
    messageFor({ otherPools: ['b'] }),
    `fd00::1 is in pool "b" by now, which cannot serve this Service, and it will stay until ${release}`,
  )
  assert.equal(
    messageFor({ addresses: ['192.0.2.1', 'fd00::1'], otherPools: ['b'], isLost: true }),
    '192.0.2.1,fd00::1 are in pool "b" by now, or in none, and they will stay until the Service has the annotation holdfast.dev/release-address: "192.0.2.1,fd00::1"',
  )
  assert.equal(
    messageFor({ isPoolRefused: true }),
    `fd00::1 is of pool "a", which is refused as it is now (its events say why), and it will stay until that is corrected, or ${release}`,
  )
})
