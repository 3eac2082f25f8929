import { compareAddresses, formatAddress, parseAddress } from '@holdfast/ip'
import type { Address, Parsed } from '@holdfast/ip'
import type { AddressBlockSpec, AddressHolder, HeldAddress, ReleasedAddress, ReservedAddress } from './address-block.ts'
import { addressBlockCidr, addressBlockName } from './address-block.ts'
import { isBlockTime } from './block-time.ts'

/*
 * AddressBlocks as they are stored: maps from an address to a line of JSON, or to a number. For an API server each entry is two texts; with the
 * same in lists of objects it takes more than twice as long over a write (docs/adr/0009).
 */

/** spec of holdfast.dev/v1alpha1 AddressBlock. The maps are in the order of addresses. */
export interface StoredBlockSpec {
  readonly cidr: string
  readonly inUse: number
  /** By address in canonical form: `{"pool":"p","holders":[{"namespace":"n","name":"s","uid":"u","terms":"t"}]}`. */
  readonly addresses: Readonly<Record<string, string>>
  /** By address in canonical form: `{"service":"n/s","time":"2026-01-01T00:00:00.000000Z"}`. */
  readonly released: Readonly<Record<string, string>>
  /** By address in canonical form: the number of the leadership that set it aside. Left out where there are none. */
  readonly reserved?: Readonly<Record<string, string>> | undefined
}

/** Something in a block that cannot be. Nothing of such a block is read, and nothing is to be granted from it. */
export interface BlockFault {
  /** Name of the block. */
  readonly block: string
  /** Such as `spec.addresses["192.0.2.1"]`. */
  readonly path: string
  readonly message: string
}

export type BlockReading =
  | {
      readonly kind: 'read'
      readonly spec: AddressBlockSpec
      /** In the order of addresses. */
      readonly reserved: readonly ReservedAddress[]
    }
  | { readonly kind: 'unreadable'; readonly faults: readonly [BlockFault, ...BlockFault[]] }

/** A block as it is to be stored, with the addresses of it that are set aside. */
export const encodeBlock = (
  { cidr, inUse, addresses, released }: AddressBlockSpec,
  reserved: readonly ReservedAddress[] = [],
): StoredBlockSpec => ({
  cidr,
  inUse,
  addresses: Object.fromEntries(
    addresses.map(({ address, pool, holders }) => [
      address,
      JSON.stringify({
        pool,
        holders: holders.map(({ namespace, name, uid, terms }) => ({ namespace, name, uid, terms })),
      }),
    ]),
  ),
  released: Object.fromEntries(
    released.map(({ address, service, time }) => [address, JSON.stringify({ service, time })]),
  ),
  ...(reserved.length === 0
    ? {}
    : { reserved: Object.fromEntries(reserved.map(({ address, leadership }) => [address, leadership])) }),
})

/**
 * Reads the spec of a stored block, all of it or nothing; it never throws. The API server checks little of it, so that a write is cheap:
 * whatever a person may have made of it is told from what the controller wrote here. A list instead of a map is of a version before
 * this one: the API server hands it out without what was in it, so the block says nothing, and what Services have is adopted from
 * their statuses.
 *
 * @param name of the block, which says what addresses can be in it
 */
export function decodeBlock(name: string, spec: unknown): BlockReading {
  const reader = new Reader(name)
  const { cidr, addresses, released, reserved } = isRecord(spec) ? spec : {}
  if (typeof cidr !== 'string') reader.fault('spec.cidr', flawOf(cidr, 'a text'))
  const held = reader.entries(withoutList(addresses), 'spec.addresses', fromJson(heldOf))
  const isInUse = (address: string): boolean => isRecord(addresses) && Object.hasOwn(addresses, address)
  const free = reader.entries(withoutList(released), 'spec.released', (address, text) =>
    isInUse(address) ? flawed('is both in use and released') : fromJson(releasedOf)(address, text),
  )
  const marks = reader.entries(reserved, 'spec.reserved', reservedOf)
  const [first, ...others] = reader.faults
  if (first !== undefined) return { kind: 'unreadable', faults: [first, ...others] }
  const read = { cidr: String(cidr), inUse: held.length, addresses: held, released: free }
  return { kind: 'read', spec: read, reserved: marks }
}

/** What stands at an address. */
type ReadEntry<T> = (address: string, text: string) => Parsed<T>

/** Collects the faults of a block. */
class Reader {
  readonly faults: BlockFault[] = []
  readonly #block: string

  constructor(block: string) {
    this.#block = block
  }

  fault(path: string, message: string): void {
    this.faults.push({ block: this.#block, path, message })
  }

  /** The entries of a map in the order of addresses. */
  entries<T>(map: unknown, path: string, readEntry: ReadEntry<T>): readonly T[] {
    if (map === undefined || map === null) return []
    if (!isRecord(map)) {
      this.fault(path, flawOf(map, 'a mapping'))
      return []
    }
    const entries: { readonly address: Address; readonly value: T }[] = []
    for (const [key, text] of Object.entries(map)) {
      const address = this.#addressOf(key)
      const entry = address.ok ? fromText(key, text, readEntry) : address
      if (!entry.ok) this.fault(`${path}[${JSON.stringify(key)}]`, entry.fault.message)
      else if (address.ok) entries.push({ address: address.value, value: entry.value })
    }
    return entries.sort((a, b) => compareAddresses(a.address, b.address)).map(({ value }) => value)
  }

  #addressOf(text: string): Parsed<Address> {
    const parsed = parseAddress(text)
    if (!parsed.ok) return parsed
    const address = parsed.value
    if (formatAddress(address) !== text) return flawed(`has to be written ${formatAddress(address)}`)
    if (addressBlockName(address) !== this.#block)
      return flawed(`is not of this block, but of ${addressBlockCidr(address)}`)
    return parsed
  }
}

const fromText = <T>(address: string, text: unknown, readEntry: ReadEntry<T>): Parsed<T> =>
  typeof text === 'string' ? readEntry(address, text) : flawed(flawOf(text, 'a text'))

const fromJson =
  <T>(read: (address: string, value: unknown) => Parsed<T>): ReadEntry<T> =>
  (address, text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return flawed('is not JSON')
    }
    return read(address, value)
  }

function heldOf(address: string, value: unknown): Parsed<HeldAddress> {
  const { pool, holders } = isRecord(value) ? value : {}
  if (typeof pool !== 'string') return flawed('has no "pool"')
  if (!Array.isArray(holders) || holders.length === 0) return flawed('has no "holders"')
  const whole = holders.flatMap((holder: unknown) => holderOf(holder) ?? [])
  if (whole.length < holders.length) return flawed('has a holder without namespace, name or uid')
  return { ok: true, value: { address, pool, holders: whole } }
}

function holderOf(value: unknown): AddressHolder | undefined {
  const { namespace, name, uid, terms } = isRecord(value) ? value : {}
  if (!isName(namespace) || !isName(name) || !isName(uid)) return undefined
  return { namespace, name, uid, ...(typeof terms === 'string' ? { terms } : {}) }
}

function releasedOf(address: string, value: unknown): Parsed<ReleasedAddress> {
  const { service, time } = isRecord(value) ? value : {}
  if (!isName(service)) return flawed('has no "service"')
  if (typeof time !== 'string' || !isBlockTime(time)) return flawed('has no "time" in UTC with microseconds')
  return { ok: true, value: { address, service, time } }
}

/** So many digits has a resourceVersion at most: it is a number of 64 bits. */
const decimal = /^[1-9][0-9]{0,19}$/

const reservedOf: ReadEntry<ReservedAddress> = (address, text) =>
  decimal.test(text)
    ? { ok: true, value: { address, leadership: text } }
    : flawed('is not the number of a leadership, in decimal digits')

/** A list is of a version before this one, and says nothing. */
const withoutList = (map: unknown): unknown => (Array.isArray(map) ? undefined : map)

/** `message` continues the sentence whose subject is the field. */
const flawed = (message: string): Parsed<never> => ({ ok: false, fault: { message } })

const flawOf = (value: unknown, wanted: string): string =>
  value === undefined ? `is missing: ${wanted} is needed` : `is not ${wanted}`

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
