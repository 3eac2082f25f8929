import { keyBytes, LONGEST_KEY_BYTES } from './native-layout.ts'
import type { ConnectionFault, SocketOptions, TcpAo } from './transport.ts'

/** An ordinary connection. */
export const NO_OPTIONS: SocketOptions = {
  md5Password: undefined,
  tcpAo: undefined,
  ttl: undefined,
  minimumTtl: undefined,
  device: undefined,
}

/** Whether these options leave a connection as it is without them. */
export const areOrdinary = (options: SocketOptions): boolean =>
  options.md5Password === undefined &&
  options.tcpAo === undefined &&
  options.ttl === undefined &&
  options.minimumTtl === undefined &&
  options.device === undefined

/** Linux's IFNAMSIZ without the NUL at the end. */
const LONGEST_DEVICE_BYTES = 15

/** What no system could do; never with a secret in it. undefined: nothing. */
export function optionsFault(options: SocketOptions): ConnectionFault | undefined {
  const message = keyProblem(options) ?? ttlProblem('TTL', options.ttl) ?? otherProblem(options)
  return message === undefined ? undefined : { code: 'EINVAL', message }
}

function keyProblem({ md5Password, tcpAo }: SocketOptions): string | undefined {
  if (md5Password !== undefined && tcpAo !== undefined)
    return 'a connection has either a TCP MD5 password or TCP-AO keys'
  if (md5Password !== undefined && !isKeyLong(md5Password))
    return `a TCP MD5 password has 1 to ${LONGEST_KEY_BYTES} octets of UTF-8; this one has ${keyBytes(md5Password).length}`
  return tcpAo === undefined ? undefined : aoProblem(tcpAo)
}

function aoProblem({ keys }: TcpAo): string | undefined {
  if (keys.length === 0) return 'TCP-AO needs a key'
  // RFC 5925 section 3.1: an ID has 8 bits, and no two keys of a connection share one.
  const ids = keys.flatMap(({ sendId, receiveId }) => [sendId, receiveId])
  if (ids.some((id) => !isWhole(id, 0, 255))) return 'the SendID and RecvID of a TCP-AO key are 0 to 255'
  if (new Set(keys.map(({ sendId }) => sendId)).size < keys.length) return 'two TCP-AO keys have the same SendID'
  if (new Set(keys.map(({ receiveId }) => receiveId)).size < keys.length) return 'two TCP-AO keys have the same RecvID'
  return keys.every(({ secret }) => isKeyLong(secret))
    ? undefined
    : `the secret of a TCP-AO key has 1 to ${LONGEST_KEY_BYTES} octets of UTF-8`
}

const ttlProblem = (name: string, ttl: number | undefined): string | undefined =>
  ttl === undefined || isWhole(ttl, 1, 255) ? undefined : `the ${name} of a connection is 1 to 255, not ${ttl}`

function otherProblem({ minimumTtl, device }: SocketOptions): string | undefined {
  const problem = ttlProblem('minimum TTL', minimumTtl)
  if (problem !== undefined || device === undefined) return problem
  return isDeviceName(device)
    ? undefined
    : `${JSON.stringify(device)} is no name of a network device: 1 to ${LONGEST_DEVICE_BYTES} octets without "/" and spaces`
}

const isDeviceName = (name: string): boolean =>
  /^[^/\s\0%]+$/.test(name) && keyBytes(name).length <= LONGEST_DEVICE_BYTES

const isWhole = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most

function isKeyLong(secret: string): boolean {
  const { length } = keyBytes(secret)
  return length >= 1 && length <= LONGEST_KEY_BYTES
}
