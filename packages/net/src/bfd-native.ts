import type * as koffiModule from 'koffi'
import { createRequire } from 'node:module'
import { endianness } from 'node:os'

/** A call to the system that failed: the name of the errno, and which call it was. */
export class SystemError extends Error {
  readonly code: string

  constructor(call: string, code: string) {
    super(`${call}: ${code}`)
    this.code = code
  }
}

/** The system calls that Node has no interface for. Each throws a `SystemError`. */
export interface Native {
  readonly socket: (family: 'ipv4' | 'ipv6') => number
  readonly setOption: (fd: number, level: number, option: number, value: Uint8Array) => void
  readonly getOption: (fd: number, level: number, option: number, length: number) => Uint8Array
  /** SO_ATTACH_FILTER: replaces the one before, without a moment in between. */
  readonly attachFilter: (fd: number, program: Uint8Array) => void
  readonly bind: (fd: number, address: Uint8Array) => void
  readonly send: (fd: number, bytes: Uint8Array, to: Uint8Array) => void
  readonly close: (fd: number) => void
  /** 0: there is no such device. */
  readonly deviceIndex: (name: string) => number
  /**
   * Lets the calling thread run before others, as far as it is allowed: before all that have no such right, or at least
   * (`nice`) before others of its group.
   */
  readonly raisePriority: () => 'realTime' | 'nice' | 'none'
}

/** From the headers of Linux, where they are the same on x86-64 and arm64. */
export const linux = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM: 2,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_RCVBUF: 8,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_RCVBUFFORCE: 33,
  SO_MEMINFO: 55,
  IPPROTO_IP: 0,
  IP_TOS: 1,
  IP_TTL: 2,
  IPPROTO_IPV6: 41,
  IPV6_UNICAST_HOPS: 16,
  IPV6_V6ONLY: 26,
  IPV6_TCLASS: 67,
  SCHED_RR: 2,
  SCHED_RESET_ON_FORK: 0x40000000,
} as const

/** Low among those that run before all ordinary work: the kernel's own threads stay ahead. */
const realTimePriority = 10

/** Where that is not allowed. */
const nice = -15

/** Errors that are told apart; any other is shown by its number. */
const errorNames: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  19: 'ENODEV',
  22: 'EINVAL',
  24: 'EMFILE',
  90: 'EMSGSIZE',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  105: 'ENOBUFS',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
}

/** The system's C library, or why it cannot be reached: then there is no BFD, since nothing else can check a TTL. */
export function loadNative(): Native | { readonly obstacle: string } {
  if (process.platform !== 'linux') {
    return { obstacle: `BFD needs Linux to check the TTL of what it receives; this is ${process.platform}` }
  }
  if (endianness() !== 'LE') return { obstacle: 'BFD is not made for big-endian processors' }
  try {
    return bindings(loadKoffi())
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return {
      obstacle: `BFD cannot call the system on this machine (koffi does not load: ${why}), and without it cannot check the TTL`,
    }
  }
}

type Koffi = typeof koffiModule

/** Required when it is needed, so that a machine without its binary lacks BFD only. */
function loadKoffi(): Koffi {
  const load: (name: string) => Koffi = createRequire(import.meta.url)
  return load('koffi')
}

type Call = (...values: readonly (number | string | Uint8Array | null)[]) => number

function bindings(koffi: Koffi): Native {
  const library = koffi.load(null)
  const declare = (prototype: string): Call => library.func(prototype)
  const socket = declare('int socket(int, int, int)')
  const setsockopt = declare('int setsockopt(int, int, int, const void *, uint32_t)')
  const getsockopt = declare('int getsockopt(int, int, int, void *, void *)')
  const bind = declare('int bind(int, const void *, uint32_t)')
  const sendto = declare('int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)')
  const close = declare('int close(int)')
  const nameToIndex = declare('uint32_t if_nametoindex(const char *)')
  const setpriority = declare('int setpriority(int, uint32_t, int)')
  const schedule = declare('int sched_setscheduler(int, int, const void *)')

  const check = (call: string, result: number): number => {
    if (result >= 0) return result
    const code = koffi.errno()
    throw new SystemError(call, errorNames[code] ?? `errno ${code}`)
  }
  const setOption: Native['setOption'] = (fd, level, option, value) =>
    void check('setsockopt', setsockopt(fd, level, option, value, value.length))

  return {
    socket: (family) => {
      const type = linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
      return check('socket', socket(family === 'ipv4' ? linux.AF_INET : linux.AF_INET6, type, 0))
    },
    setOption,
    getOption: (fd, level, option, length) => {
      const value = new Uint8Array(length)
      const size = Uint8Array.of(length, 0, 0, 0)
      check('getsockopt', getsockopt(fd, level, option, value, size))
      return value.subarray(0, size[0])
    },
    attachFilter: (fd, program) => {
      // struct sock_fprog: the number of instructions, and where they are.
      const description = new DataView(new ArrayBuffer(16))
      description.setUint16(0, program.length / 8, true)
      description.setBigUint64(8, koffi.address(program), true)
      setOption(fd, linux.SOL_SOCKET, linux.SO_ATTACH_FILTER, new Uint8Array(description.buffer))
    },
    bind: (fd, address) => void check('bind', bind(fd, address, address.length)),
    send: (fd, bytes, to) => {
      const flags = linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL
      check('sendto', sendto(fd, bytes, bytes.length, flags, to, to.length))
    },
    close: (fd) => void close(fd),
    deviceIndex: (name) => nameToIndex(name),
    raisePriority: () => {
      // On Linux, "this process" (0) is the calling thread. A nice value counts inside a group of processes only.
      const parameters = Uint8Array.of(realTimePriority, 0, 0, 0)
      if (schedule(0, linux.SCHED_RR | linux.SCHED_RESET_ON_FORK, parameters) === 0) return 'realTime'
      return setpriority(0, 0, nice) === 0 ? 'nice' : 'none'
    },
  }
}
