import { addressKey, addressToBytes, type Address } from '@holdfast/ip'
import {
  assemble,
  drop,
  loadByte,
  loadWord,
  shiftRight,
  skip,
  take,
  unlessAtLeastSkip,
  unlessEqualSkip,
  type Instruction,
} from './native-filter.ts'

/** A peer from which a listener takes only packets with this TTL (or hop limit) and above. */
export interface TtlDemand {
  readonly address: Address
  readonly minimumTtl: number
}

const IPV4 = { ttl: 8, source: 12 } as const
const IPV6 = { hopLimit: 7, source: 8 } as const

/**
 * A filter for a listening socket, which the kernel applies to each SYN and ACK before there is a connection; IP_MINTTL would
 * be one minimum for all peers (RFC 5082 section 3). Packets of others pass.
 *
 *     IPv6? · for each IPv4 peer: from it? · TTL high enough? take, else drop · … · take · the same for each IPv6 peer · take
 */
export function ttlFilter(demands: readonly TtlDemand[]): Uint8Array {
  // The same link-local address behind two devices: the lower minimum is for both, until the connection has its own.
  const lowest = new Map<string, TtlDemand>()
  for (const demand of demands) {
    const key = `${demand.address.family} ${addressKey(demand.address)}`
    if ((lowest.get(key)?.minimumTtl ?? Infinity) > demand.minimumTtl) lowest.set(key, demand)
  }
  const all = [...lowest.values()]
  const ipv4 = [
    loadWord(IPV4.source),
    ...all.filter(({ address }) => address.family === 'ipv4').flatMap(ipv4Peer),
    take,
  ]
  const ipv6 = [...all.filter(({ address }) => address.family === 'ipv6').flatMap(ipv6Peer), take]
  return assemble([loadByte(0), shiftRight(4), unlessEqualSkip(6, 1), skip(ipv4.length), ...ipv4, ...ipv6])
}

/** The source address is loaded, and stays so where it is another peer's. */
function ipv4Peer({ address, minimumTtl }: TtlDemand): readonly Instruction[] {
  const check = ttlCheck(IPV4.ttl, minimumTtl)
  return [unlessEqualSkip(wordsOf(address)[0] ?? 0, check.length), ...check]
}

function ipv6Peer({ address, minimumTtl }: TtlDemand): readonly Instruction[] {
  const check = ttlCheck(IPV6.hopLimit, minimumTtl)
  const words = wordsOf(address)
  const source = words.flatMap((word, index) => {
    const rest = 2 * (words.length - index - 1) + check.length
    return [loadWord(IPV6.source + 4 * index), unlessEqualSkip(word, rest)]
  })
  return [...source, ...check]
}

const ttlCheck = (at: number, minimumTtl: number): readonly Instruction[] => [
  loadByte(at),
  unlessAtLeastSkip(minimumTtl, 1),
  take,
  drop,
]

function wordsOf(address: Address): readonly number[] {
  const bytes = addressToBytes(address)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index))
}
