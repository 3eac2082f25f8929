import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ipv4 } from '@holdfast/ip'
import type { AoKey } from './native-layout.ts'
import { changeKeys, changeTtls, keyObstacle, type SocketOfPeer } from './native-protection.ts'
import { LINUX, type NativeOption, type NativeSockets } from './native-sockets.ts'
import { NO_OPTIONS } from './tcp-transport-options.ts'
import type { SocketOptions } from './transport.ts'

const SECRET = 'a-secret-of-ours'

const unused = (): never => assert.fail('not to be called')

/** A kernel that takes every option, or refuses those that `refuse` has a code for, and remembers them. */
function kernel(refuse: (option: NativeOption) => string | undefined = () => undefined): {
  native: NativeSockets
  options: NativeOption[]
  open: Set<number>
} {
  const options: NativeOption[] = []
  const open = new Set<number>()
  const native: NativeSockets = {
    open: () => {
      open.add(3)
      return { kind: 'done', value: 3 }
    },
    close: (descriptor) => void open.delete(descriptor),
    setOption: (_descriptor, option) => {
      options.push(option)
      return refuse(option)
    },
    getOption: unused,
    filter: unused,
    send: unused,
    receive: unused,
  }
  return { native, options, open }
}

const socketOf = (native: NativeSockets, isListening = false): SocketOfPeer => ({
  native,
  descriptor: 3,
  peer: { domain: 'ipv4', address: ipv4(0xc0000201) },
  isListening,
})

const withMd5: SocketOptions = { ...NO_OPTIONS, md5Password: SECRET }

const key = (id: number, secret = SECRET): AoKey => ({
  sendId: id,
  receiveId: id + 100,
  algorithm: 'hmac-sha-1-96',
  secret,
})
const withKeys = (...keys: readonly AoKey[]): SocketOptions => ({ ...NO_OPTIONS, tcpAo: { keys } })

/** `+1*` is an addition of the key with SendID 1 that becomes the current one, `-1>2` a deletion in favour of another. */
function said({ name, value }: NativeOption): string {
  const bytes = Buffer.from(value)
  if (name === LINUX.TCP_MD5SIG) return bytes.readUInt16LE(130) === 0 ? '-md5' : '+md5'
  if (name === LINUX.TCP_AO_ADD_KEY) return `+${bytes[203]}${bytes[196] === 3 ? '*' : ''}`
  if (name === LINUX.TCP_AO_INFO) return `*${bytes[6]}`
  return `-${bytes[139]}${bytes[132] === 4 ? '' : `>${bytes[141]}`}`
}

describe('keys of a socket', () => {
  for (const [what, from, to, expected] of [
    ['the first keys are added, and the preferred one is sent with', NO_OPTIONS, withKeys(key(1), key(2)), '+1* +2'],
    ['the same keys again are nothing to do', withKeys(key(1)), withKeys(key(1)), ''],
    ['a new preferred key is added before the old one goes', withKeys(key(1)), withKeys(key(2)), '+2* -1>2'],
    [
      'a rollover begins: both are accepted, the old one is sent with',
      withKeys(key(1)),
      withKeys(key(1), key(2)),
      '+2',
    ],
    ['a rollover ends: the new one is sent with', withKeys(key(1), key(2)), withKeys(key(2)), '-1>2'],
    ['the keys change places: the other one is sent with', withKeys(key(1), key(2)), withKeys(key(2), key(1)), '*2'],
    [
      'a key whose secret changes goes before it comes',
      withKeys(key(1), key(2)),
      withKeys(key(2), key(1, 'new')),
      '-1>2 +1',
    ],
    ['an MD5 key goes before AO keys come', withMd5, withKeys(key(1)), '-md5 +1*'],
    ['AO keys go before an MD5 key comes', withKeys(key(1)), withMd5, '-1 +md5'],
    ['another MD5 key takes the place of the old one', { ...withMd5, md5Password: 'old' }, withMd5, '+md5'],
  ] as const) {
    it(what, () => {
      const { native, options } = kernel()
      assert.equal(changeKeys(socketOf(native), from, to), undefined)
      assert.equal(options.map(said).join(' '), expected)
    })
  }

  it('a listener has no current key', () => {
    const { native, options } = kernel()
    assert.equal(changeKeys(socketOf(native, true), withKeys(key(1)), withKeys(key(2), key(3))), undefined)
    assert.equal(options.map(said).join(' '), '+2 +3 -1')
  })

  it('an MD5 key that is not there is no fault when it goes', () => {
    const { native } = kernel(() => 'ENOENT')
    assert.equal(changeKeys(socketOf(native), withMd5, NO_OPTIONS), undefined)
  })

  for (const [options, code, message] of [
    [withMd5, 'ENOPROTOOPT', /CONFIG_TCP_MD5SIG/],
    [withMd5, 'ENOMEM', /net\.core\.optmem_max/],
    [withMd5, 'EPERM', /^the TCP MD5 key for 192\.0\.2\.1 could not be set \(EPERM\)$/],
    [withKeys(key(1)), 'ENOPROTOOPT', /needs Linux 6\.7 or later, built with CONFIG_TCP_AO/],
    [withKeys(key(1)), 'ENOENT', /CONFIG_CRYPTO_CMAC/],
  ] as const) {
    it(`${options.tcpAo === undefined ? 'MD5' : 'AO'} refused with ${code} says why, and not the key`, () => {
      const { native } = kernel(() => code)
      const fault = changeKeys(socketOf(native), NO_OPTIONS, options)
      assert.equal(fault?.code, code)
      assert.match(fault.message, message)
      assert.ok(!JSON.stringify(fault).includes(SECRET))
    })
  }

  it('TTLs that are wanted no more are the system’s own again', () => {
    const { native, options } = kernel()
    const gtsm = { ...NO_OPTIONS, ttl: 255, minimumTtl: 255 }
    assert.equal(changeTtls(socketOf(native), gtsm, NO_OPTIONS), undefined)
    const told = options.map(({ level, name, value }) => [level, name, Buffer.from(value).readInt32LE(0)])
    assert.deepEqual(told, [
      [LINUX.IPPROTO_IP, LINUX.IP_TTL, -1],
      [LINUX.IPPROTO_IP, LINUX.IP_MINTTL, 0],
    ])
  })

  it('a system is asked for TCP-AO with made-up secrets on a socket that is closed again', () => {
    const { native, options, open } = kernel(() => 'ENOPROTOOPT')
    const fault = keyObstacle(native, withKeys(key(1)))
    assert.match(fault?.message ?? '', /6\.7/)
    assert.equal(open.size, 0)
    assert.equal(options.length, 1)
    assert.ok(!Buffer.from(options[0]!.value).toString('latin1').includes(SECRET))
  })
})
