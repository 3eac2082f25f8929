import assert from 'node:assert/strict'
import { endianness } from 'node:os'
import { describe, it } from 'node:test'
import { ipv4, ipv6 } from '@holdfast/ip'
import { aoAdd, aoDelete, aoUse, md5Signature, readSocketAddress6, socketAddress6 } from './native-layout.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const zeros = (count: number): string => '00'.repeat(count)
const join = (...parts: readonly string[]): string => parts.join('')
const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('hex')

const router = ipv4(0xc0000201)
const router6 = ipv6(0x20010db8_00000000_00000000_00000001n)

/** sockaddr_in of 192.0.2.1: family 2, port 0, the address; 128 octets as sockaddr_storage. */
const storage4 = `02000000c0000201${zeros(120)}`
/** sockaddr_in6 of 2001:db8::1: family 10, port 0, flow 0, the address, scope 0. */
const storage6 = `0a00${zeros(6)}20010db8${zeros(11)}01${zeros(104)}`
/** sockaddr_in6 of ::ffff:192.0.2.1. */
const storageMapped = `0a00${zeros(6)}${zeros(10)}ffffc0000201${zeros(104)}`

// The bytes below are of little-endian machines: include/uapi/linux/tcp.h laid out by hand.
describe('what Linux is told', { skip: endianness() === 'BE' && 'the expected bytes are little-endian' }, () => {
  for (const [what, peer, storage] of [
    ['an IPv4 peer', { domain: 'ipv4', address: router }, storage4],
    ['an IPv6 peer', { domain: 'ipv6', address: router6 }, storage6],
    ['an IPv4 peer of an IPv6 socket', { domain: 'ipv6', address: router }, storageMapped],
  ] as const) {
    it(`a TCP MD5 key of ${what} is a struct tcp_md5sig`, () => {
      const { level, name, value } = md5Signature(peer, new TextEncoder().encode('secret'))
      assert.deepEqual([level, name], [6, 14])
      // flags 0, prefix length 0, key length 6, device 0, key.
      assert.equal(hex(value), `${storage}0000060000000000${ascii('secret')}${zeros(74)}`)
    })
  }

  it('a key of 80 octets fills its field; a key of none is how a key is deleted', () => {
    const peer = { domain: 'ipv4', address: router } as const
    assert.equal(
      hex(md5Signature(peer, new Uint8Array(80).fill(0x61)).value),
      join(storage4, '0000500000000000', '61'.repeat(80)),
    )
    assert.equal(hex(md5Signature(peer, undefined).value), `${storage4}${zeros(88)}`)
  })

  const sha1 = { sendId: 100, receiveId: 101, algorithm: 'hmac-sha-1-96', secret: 'k3y' } as const
  const cmac = { sendId: 7, receiveId: 8, algorithm: 'aes-128-cmac-96', secret: 'other' } as const

  it('a TCP-AO key is a struct tcp_ao_add with a MAC of 96 bits [rfc5926-2.2-both-algorithms]', () => {
    const { level, name, value } = aoAdd({ domain: 'ipv4', address: router }, sha1, true)
    assert.deepEqual([level, name], [6, 38])
    const algorithm = `${ascii('hmac(sha1)')}${zeros(54)}`
    // Device 0; bits set_current and set_rnext; reserved2; prefix 32, SendID 100, RecvID 101, MAC 12, flags 0, key length 3.
    const fields = join('00000000', '03000000', '0000', '20', '64', '65', '0c', '00', '03')
    assert.equal(hex(value), `${storage4}${algorithm}${fields}${ascii('k3y')}${zeros(77)}`)
  })

  it('a TCP-AO key of a listener is not the current one; an IPv6 peer has prefix length 128 [rfc5926-2.2-both-algorithms]', () => {
    const { value } = aoAdd({ domain: 'ipv6', address: router6 }, cmac, false)
    const algorithm = `${ascii('cmac(aes128)')}${zeros(52)}`
    const fields = join('00000000', '00000000', '0000', '80', '07', '08', '0c', '00', '05')
    assert.equal(hex(value), `${storage6}${algorithm}${fields}${ascii('other')}${zeros(75)}`)
  })

  it('an IPv4 peer of an IPv6 socket has prefix length 32', () => {
    const { value } = aoAdd({ domain: 'ipv6', address: router }, sha1, false)
    assert.equal(hex(value.subarray(0, 128)), storageMapped)
    assert.equal(value[202], 32)
  })

  it('a TCP-AO key goes by a struct tcp_ao_del that names the one to use instead', () => {
    const { level, name, value } = aoDelete({ domain: 'ipv4', address: router }, sha1, cmac)
    assert.deepEqual([level, name], [6, 39])
    // Device; bits set_current and set_rnext; reserved2; prefix, SendID, RecvID, current 7, next to receive 8, flags.
    assert.equal(hex(value), join(storage4, '00000000', '03000000', '0000', '20', '64', '65', '07', '08', '00'))
  })

  it('on a listener it goes by the bit del_async and names none', () => {
    const { value } = aoDelete({ domain: 'ipv4', address: router }, sha1, undefined)
    assert.equal(hex(value), join(storage4, '00000000', '04000000', '0000', '20', '64', '65', '000000'))
  })

  it('a key that is there is chosen by a struct tcp_ao_info_opt', () => {
    const { level, name, value } = aoUse(cmac)
    assert.deepEqual([level, name], [6, 40])
    assert.equal(hex(value), join('03000000', '0000', '07', '08', zeros(40)))
  })

  it('a link-local address has its device as scope, and is read as it was written', () => {
    const address = ipv6(0xfe800000_00000000_00000000_00000002n)
    const bytes = socketAddress6(address, 258)
    assert.equal(hex(bytes), join('0a00', zeros(6), 'fe80', zeros(13), '02', '02010000'))
    assert.deepEqual(readSocketAddress6(bytes), { address, scope: 258 })
  })
})
