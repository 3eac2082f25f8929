import type { Address } from '@holdfast/ip'
import { addressFromBigInt, addressToBigInt, formatPrefix, maskAddress, parseAddress } from '@holdfast/ip'

/*
 * Who holds which address, cut into blocks of 64 addresses, so that each can be stored and written on its own: the spec of
 * holdfast.dev/v1alpha1 AddressBlock, as it is worked with. As it is stored it is in block-text.ts; the schema of that is in the package
 * model.
 */

/** A Service that holds an address. Those of one address differ in namespace or name. */
export interface AddressHolder {
  readonly namespace: string
  readonly name: string
  /** Of the Service: another one with the same name is not the holder. */
  readonly uid: string
  /** As in Assignment, and at most 71 characters where this version wrote it; left out for what somebody else had granted. */
  readonly terms?: string
}

/** An address in use. */
export interface HeldAddress {
  /** In canonical form. */
  readonly address: string
  readonly pool: string
  /** In the order of their keys `namespace/name`; several only where they share the address. */
  readonly holders: readonly AddressHolder[]
}

/** A free address that was in use. */
export interface ReleasedAddress {
  readonly address: string
  /** `namespace/name` of the last holder. */
  readonly service: string
  /** RFC 3339 in UTC with microseconds, unlike that of any other release: the order of releases is the order of times. */
  readonly time: string
}

/**
 * A mark at an address: a leadership set it aside for the Services that come next. Whoever led then may have given it by a status that no
 * block speaks of yet. The address can be in use or released besides.
 */
export interface ReservedAddress {
  /** In canonical form. */
  readonly address: string
  /** The number of the leadership: the resourceVersion of its Lease as the acquiring write made it. */
  readonly leadership: string
}

/** An address is in one of the two lists or in none; both are in the order of addresses. */
export interface AddressBlockSpec {
  readonly cidr: string
  /** How many `addresses` there are, for a person's eye. */
  readonly inUse: number
  readonly addresses: readonly HeldAddress[]
  readonly released: readonly ReleasedAddress[]
}

/** 64 addresses of either family. */
const hostBits = 6

const blockOf = (address: Address) => maskAddress(address, (address.family === 'ipv4' ? 32 : 128) - hostBits)

/** The CIDR of the block that an address lies in: `192.0.2.0/26`. */
export const addressBlockCidr = (address: Address): string => formatPrefix(blockOf(address))

/**
 * The name of the object for the block that an address lies in, by its first address: `ipv4-192.0.2.0`,
 * `ipv6-2001-db8-0-0-0-0-0-0` (eight groups, for a name holds no colon).
 */
export function addressBlockName(address: Address): string {
  const { address: first } = blockOf(address)
  if (first.family === 'ipv4') {
    const { value } = first
    return `ipv4-${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
  }
  const groups = Array.from({ length: 8 }, (_, index) => (first.value >> BigInt(112 - index * 16)) & 0xffffn)
  return `ipv6-${groups.map((group) => group.toString(16)).join('-')}`
}

/** All addresses of the block with a name; none where no block has that name. */
export function addressesOfBlock(name: string): readonly Address[] {
  const text = name.slice('ipvN-'.length)
  const parsed = parseAddress(name.startsWith('ipv6-') ? text.replaceAll('-', ':') : text)
  if (!parsed.ok || addressBlockName(parsed.value) !== name) return []
  const first = addressToBigInt(parsed.value)
  return Array.from({ length: 1 << hostBits }, (_, index) =>
    addressFromBigInt(parsed.value.family, first + BigInt(index)),
  )
}

/** `namespace/name` */
export const holderKey = ({ namespace, name }: AddressHolder): string => `${namespace}/${name}`
