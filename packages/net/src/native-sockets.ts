import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'
import type { ConnectionFault } from './transport.ts'

/** The few calls of the system that Node does not offer. What they refuse is returned as the system's code (ENOPROTOOPT …). */
export interface NativeSockets {
  /** A new socket that does not block and is not inherited. */
  readonly open: (domain: number, type: number, protocol: number) => NativeResult<number>
  readonly close: (descriptor: number) => void
  readonly setOption: (descriptor: number, option: NativeOption) => string | undefined
  /** `byteCount`: how many bytes of the option are wanted at most. */
  readonly getOption: (
    descriptor: number,
    level: number,
    name: number,
    byteCount: number,
  ) => NativeResult<Uint8Array<ArrayBuffer>>
  /** A classic BPF program (struct sock_filter, 8 octets each): only packets that it passes are received. */
  readonly filter: (descriptor: number, program: Uint8Array) => string | undefined
  /** `to` is a struct sockaddr. */
  readonly send: (descriptor: number, bytes: Uint8Array, to: Uint8Array) => string | undefined
  /** The next packet and its sender's struct sockaddr; the code is EAGAIN where there is none. */
  readonly receive: (
    descriptor: number,
    byteCount: number,
  ) => NativeResult<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly from: Uint8Array<ArrayBuffer> }>
}

export type NativeResult<T> =
  { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly code: string }

export interface NativeOption {
  readonly level: number
  readonly name: number
  readonly value: Uint8Array
}

export type LoadedNative =
  | { readonly kind: 'loaded'; readonly native: NativeSockets }
  | { readonly kind: 'missing'; readonly fault: ConnectionFault }

/** Values of Linux on every platform that Node has binaries for. */
export const LINUX = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  IPPROTO_IP: 0,
  IPPROTO_TCP: 6,
  IPPROTO_IPV6: 41,
  IPPROTO_ICMPV6: 58,
  SOL_SOCKET: 1,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_DETACH_FILTER: 27,
  IP_TTL: 2,
  IP_MINTTL: 21,
  IPV6_UNICAST_HOPS: 16,
  IPV6_MULTICAST_IF: 17,
  IPV6_MULTICAST_HOPS: 18,
  IPV6_MULTICAST_LOOP: 19,
  IPV6_MINHOPCOUNT: 73,
  ICMP6_FILTER: 1,
  TCP_INFO: 11,
  TCP_MD5SIG: 14,
  TCP_AO_ADD_KEY: 38,
  TCP_AO_DEL_KEY: 39,
  TCP_AO_INFO: 40,
  MSG_DONTWAIT: 0x40,
} as const

const SOCKADDR_STORAGE_BYTES = 128
const FILTER_INSTRUCTION_BYTES = 8
/** struct sock_fprog where a pointer has 8 octets, as on all processors that Node 24 has binaries for. */
const FILTER_PROGRAM_BYTES = 16

let loaded: LoadedNative | undefined

/** Loads koffi at the first call; a session that is not protected never comes here. */
export function nativeSockets(): LoadedNative {
  loaded ??= loadNative(process.platform, createRequire(import.meta.url))
  return loaded
}

/** `nativeSockets` without a memory, for another platform or another way to load a module. */
export function loadNative(platform: string, load: (name: string) => unknown): LoadedNative {
  if (platform !== 'linux')
    return missing(`TCP MD5, TCP-AO, TTLs and devices of connections need Linux; this is ${platform}`)
  try {
    const koffi = load('koffi')
    if (!isKoffi(koffi)) return missing(explain('it is not the koffi that is expected'))
    return { kind: 'loaded', native: nativeOf(koffi) }
  } catch (error) {
    return missing(explain(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)))
  }
}

const missing = (message: string): LoadedNative => ({ kind: 'missing', fault: { code: 'ENATIVE', message } })

const explain = (reason: string): string =>
  `TCP MD5, TCP-AO, TTLs and devices of connections need the module koffi, which cannot be loaded (${reason}); ` +
  `install Holdfast with its optional package @koromix/koffi-${process.platform}-${process.arch}, ` +
  'and allow native add-ons where Node runs with --permission'

/** As much of koffi as is used here. */
interface Koffi {
  readonly load: (path: null) => { readonly func: (name: string, result: unknown, parameters: unknown[]) => unknown }
  readonly errno: () => number
  readonly struct: (definition: Readonly<Record<string, string>>) => unknown
  readonly pointer: (type: unknown) => unknown
}

const isKoffi = (module: unknown): module is Koffi =>
  typeof module === 'object' &&
  module !== null &&
  ['load', 'errno', 'struct', 'pointer'].every((name) => typeof Reflect.get(module, name) === 'function')

type Call = (...values: unknown[]) => NativeResult<number>

function nativeOf(koffi: Koffi): NativeSockets {
  // null: the program itself, since Node is linked with the C library.
  const library = koffi.load(null)
  const program = koffi.pointer(koffi.struct({ len: 'uint16', filter: 'void *' }))

  /** A call that returns -1 and sets errno where it fails. */
  function call(result: 'int' | 'long', name: string, ...parameters: unknown[]): Call {
    const run = library.func(name, result, parameters)
    if (typeof run !== 'function') throw new Error(`koffi made no function of ${name}`)
    return (...values) => {
      const value: unknown = Reflect.apply(run, undefined, values)
      return typeof value === 'number' && value >= 0
        ? { kind: 'done', value }
        : { kind: 'failed', code: getSystemErrorName(-koffi.errno()) }
    }
  }

  const open = call('int', 'socket', 'int', 'int', 'int')
  const close = call('int', 'close', 'int')
  const setOption = call('int', 'setsockopt', 'int', 'int', 'int', 'const void *', 'uint32')
  const setFilter = call('int', 'setsockopt', 'int', 'int', 'int', program, 'uint32')
  const getOption = call('int', 'getsockopt', 'int', 'int', 'int', 'void *', 'void *')
  const send = call('long', 'sendto', 'int', 'const void *', 'size_t', 'int', 'const void *', 'uint32')
  const receive = call('long', 'recvfrom', 'int', 'void *', 'size_t', 'int', 'void *', 'void *')

  return {
    open: (domain, type, protocol) => open(domain, type | LINUX.SOCK_NONBLOCK | LINUX.SOCK_CLOEXEC, protocol),
    close: (descriptor) => void close(descriptor),
    setOption: (descriptor, { level, name, value }) => codeOf(setOption(descriptor, level, name, value, value.length)),
    getOption: (descriptor, level, name, byteCount) => {
      const value = new Uint8Array(byteCount)
      const length = Uint32Array.of(byteCount)
      const result = getOption(descriptor, level, name, value, length)
      return result.kind === 'failed' ? result : { kind: 'done', value: value.subarray(0, length[0]) }
    },
    filter: (descriptor, instructions) => {
      const value = { len: instructions.length / FILTER_INSTRUCTION_BYTES, filter: instructions }
      return codeOf(setFilter(descriptor, LINUX.SOL_SOCKET, LINUX.SO_ATTACH_FILTER, value, FILTER_PROGRAM_BYTES))
    },
    send: (descriptor, bytes, to) => codeOf(send(descriptor, bytes, bytes.length, LINUX.MSG_DONTWAIT, to, to.length)),
    receive: (descriptor, byteCount) => {
      const bytes = new Uint8Array(byteCount)
      const from = new Uint8Array(SOCKADDR_STORAGE_BYTES)
      const result = receive(
        descriptor,
        bytes,
        byteCount,
        LINUX.MSG_DONTWAIT,
        from,
        Uint32Array.of(SOCKADDR_STORAGE_BYTES),
      )
      return result.kind === 'failed'
        ? result
        : { kind: 'done', value: { bytes: bytes.subarray(0, result.value), from } }
    },
  }
}

const codeOf = (result: NativeResult<number>): string | undefined =>
  result.kind === 'failed' ? result.code : undefined
