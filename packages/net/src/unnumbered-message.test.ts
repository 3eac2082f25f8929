import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  advertisement,
  advertisementsOnly,
  hopLimitFilter,
  isAdvertisement,
  solicitation,
} from './unnumbered-message.ts'

const mac = Uint8Array.of(2, 0, 0, 0, 0, 9)
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** FRR 8.4 on an unnumbered link: hop limit 64, lifetime 1800, and its link-layer address. */
const frr = '86 00 3c21 40 00 0708 00000000 00000000 0101 020000000001'

describe('messages of neighbour discovery', () => {
  it('what we advertise has lifetime 0, no prefix and no value that would change a host [rfc4861-6.2.1-lifetime]', () => {
    assert.equal(
      hex(advertisement(mac)),
      '8600' + '0000' + '0000' + '0000' + '00000000' + '00000000' + '0101' + '020000000009',
    )
    assert.ok(isAdvertisement(advertisement(mac)))
  })

  it('a solicitation carries our link-layer address [rfc4861-4.1-source-link-layer]', () => {
    assert.equal(hex(solicitation(mac)), '8500' + '0000' + '00000000' + '0101' + '020000000009')
  })

  it("a router's advertisement is one, with options that we do not know too [rfc4861-6.1.2-unknown-options]", () => {
    assert.ok(isAdvertisement(bytesOf(frr)))
    assert.ok(isAdvertisement(bytesOf(`${frr} fe02 ${'00'.repeat(14)}`)))
    assert.ok(isAdvertisement(bytesOf(frr).subarray(0, 16)), 'without any option')
  })

  for (const [what, bytes] of [
    ['type 133', `85${frr.slice(2)}`],
    ['code 1', frr.replace('86 00', '86 01')],
    ['an option of length 0', `${frr} 0100 000000000000`],
    ['an option that ends behind the message', `${frr} 0102 000000000000`],
    ['one octet of an option', `${frr} 01`],
    ['nothing', ''],
  ] as const) {
    it(`with ${what} it is none [rfc4861-6.1.2-valid-advertisement]`, () => {
      assert.ok(!isAdvertisement(bytesOf(bytes)))
    })
  }

  it('cut anywhere it is none, but where its options begin [rfc4861-6.1.2-valid-advertisement]', () => {
    const whole = bytesOf(frr)
    const taken = Array.from({ length: whole.length }, (_, length) => length).filter((length) =>
      isAdvertisement(whole.subarray(0, length)),
    )
    assert.deepEqual(taken, [16])
  })

  it('the filters are those that the headers of Linux describe', () => {
    assert.equal(
      hex(hopLimitFilter()),
      '3000000007 00f0ff 15000001ff000000 06000000ffffffff 0600000000000000'.replaceAll(' ', ''),
    )
    // Type 134 is bit 6 of word 4.
    const words = [...new Uint32Array(advertisementsOnly(true).buffer)]
    assert.deepEqual(
      words,
      [0, 1, 2, 3, 4, 5, 6, 7].map((index) => (index === 4 ? 0xffff_ffbf : 0xffff_ffff)),
    )
  })
})
