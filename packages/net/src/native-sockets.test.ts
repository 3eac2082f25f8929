import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { LINUX, loadNative, nativeSockets } from './native-sockets.ts'

describe('calls that Node does not offer', () => {
  it('where koffi has no binary for the platform, the fault says what to install', () => {
    const loaded = loadNative('linux', () => {
      throw new Error('Cannot find the native Koffi module; did you bundle it correctly?\nRequire stack: …')
    })
    assert.equal(loaded.kind, 'missing')
    assert.equal(loaded.fault.code, 'ENATIVE')
    assert.match(loaded.fault.message, /Cannot find the native Koffi module/)
    assert.match(loaded.fault.message, new RegExp(`@koromix/koffi-linux-${process.arch}`))
    assert.ok(!loaded.fault.message.includes('\n'))
  })

  it('a module of that name that is not koffi is not used', () => {
    assert.equal(loadNative('linux', () => ({ load: 1 })).kind, 'missing')
  })

  it('another system than Linux is named', () => {
    const loaded = loadNative('darwin', () => assert.fail('nothing to load'))
    assert.match(loaded.kind === 'missing' ? loaded.fault.message : '', /need Linux; this is darwin/)
  })

  it('an option that is set is read again, and a refused one has the code of the system', () => {
    const loaded = nativeSockets()
    assert.equal(loaded.kind, 'loaded')
    const { native } = loaded
    const opened = native.open(LINUX.AF_INET, LINUX.SOCK_STREAM, LINUX.IPPROTO_TCP)
    assert.equal(opened.kind, 'done')
    const set = (value: number): string | undefined =>
      native.setOption(opened.value, {
        level: LINUX.IPPROTO_IP,
        name: LINUX.IP_TTL,
        value: Uint8Array.of(value, 0, 0, 0),
      })
    assert.equal(set(77), undefined)
    const read = native.getOption(opened.value, LINUX.IPPROTO_IP, LINUX.IP_TTL, 4)
    assert.deepEqual(read, { kind: 'done', value: Uint8Array.of(77, 0, 0, 0) })
    const refused = { level: LINUX.IPPROTO_TCP, name: 9999, value: new Uint8Array(4) }
    assert.equal(native.setOption(opened.value, refused), 'ENOPROTOOPT')
    native.close(opened.value)
    assert.equal(set(77), 'EBADF')
  })

  it('plain connections never load koffi, protected ones do', () => {
    const transport = JSON.stringify(import.meta.resolve('./tcp-transport.ts'))
    const program = `
      import { readFileSync } from 'node:fs'
      import { createTcpTransport } from ${transport}
      const isLoaded = () => readFileSync('/proc/self/maps', 'utf8').includes('koffi')
      const quiet = { received() {}, drained() {}, closed() {} }
      const address = { family: 'ipv4', value: 0x7f000001 }
      const tcp = createTcpTransport()
      const at = await tcp.listen({ address, port: 0 }, { accepted: (one) => one.attach(quiet), faulted: console.error })
      at.listener.protect([])
      const dial = (socket) => new Promise((done) =>
        tcp.dial({ to: at.listener.local, from: undefined, timeoutMs: 5000, socket }, ({ connection }) => {
          connection.attach(quiet)
          connection.secure({ md5Password: undefined, tcpAo: undefined, ttl: socket?.ttl, minimumTtl: undefined, device: undefined })
          done(isLoaded())
        }))
      const plain = { md5Password: undefined, tcpAo: undefined, ttl: undefined, minimumTtl: undefined, device: undefined }
      console.log(await dial(undefined), await dial(plain), await dial({ ...plain, ttl: 9 }))
      process.exit(0)`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    assert.equal(`${stdout}${stderr}`, 'false false true\n')
  })
})
