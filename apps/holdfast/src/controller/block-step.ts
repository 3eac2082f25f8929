import type { AddressBlockSpec, AddressHolder, HeldAddress, ReleasedAddress } from '@holdfast/ipam'

/** A holder that a block names and that is to leave. */
export interface Leaver {
  readonly address: string
  readonly holder: AddressHolder
}

/** One step of a block from what it says to what it is to say. */
export interface BlockStep {
  /** `current` itself where nothing may change yet; undefined: the block is not needed any more. */
  readonly spec: AddressBlockSpec | undefined
  /** Holders that have to be seen off before they can leave the block. */
  readonly leavers: readonly Leaver[]
}

/**
 * As much of the way from `current` to `target` as is allowed now. A holder leaves only where `mayLeave` says so; those who are to
 * get its address wait until then. A Service of the same name with another uid is another holder.
 */
export function stepOf(
  current: AddressBlockSpec | undefined,
  target: AddressBlockSpec | undefined,
  mayLeave: (leaver: Leaver) => boolean,
): BlockStep {
  if (current === undefined || current === target) return { spec: target, leavers: [] }
  const staying = new Map(target?.addresses.map(({ address, holders }) => [address, holders]))
  const kept = new Map<string, HeldAddress>()
  const leavers: Leaver[] = []
  for (const entry of current.addresses) {
    const leaving = leaversOf(entry, staying.get(entry.address) ?? [])
    const held = leaving.filter((leaver) => !mayLeave(leaver))
    if (held.length === 0) continue
    leavers.push(...held)
    const gone = leaving.filter((leaver) => !held.includes(leaver)).map(({ holder }) => holder)
    const holders = entry.holders.filter((holder) => !gone.includes(holder))
    kept.set(entry.address, gone.length === 0 ? entry : { ...entry, holders })
  }
  return { spec: kept.size === 0 && target === undefined ? undefined : merged(current, target, kept), leavers }
}

const leaversOf = ({ address, holders }: HeldAddress, staying: readonly AddressHolder[]): readonly Leaver[] =>
  holders.filter((holder) => !staying.some((other) => other.uid === holder.uid)).map((holder) => ({ address, holder }))

/**
 * What the target says, but for addresses that somebody has to leave first; `current` itself where that is what it says already. A
 * write of what a block says already makes no new version of it, so it must not be taken for a grant (docs/adr/0009).
 */
function merged(
  current: AddressBlockSpec,
  target: AddressBlockSpec | undefined,
  kept: ReadonlyMap<string, HeldAddress>,
): AddressBlockSpec | undefined {
  const others = (target?.addresses ?? []).filter(({ address }) => !kept.has(address))
  const released = (target?.released ?? []).filter(({ address }) => !kept.has(address))
  const addresses = inBlockOrder([...others, ...kept.values()])
  const isSame =
    sameItems(addresses, inBlockOrder(current.addresses), sameHeld) &&
    sameItems(inBlockOrder(released), inBlockOrder(current.released), sameReleased)
  if (isSame) return current
  return kept.size === 0 ? target : { cidr: current.cidr, inUse: addresses.length, addresses, released }
}

/** In the order in which blocks have them, more or less: always the same. */
export const inBlockOrder = <T extends { readonly address: string }>(entries: readonly T[]): readonly T[] =>
  [...entries].sort((a, b) => collate(a.address, b.address))

/** Numbers inside addresses by their value; what matters is only that it is always the same order. */
const collate = (a: string, b: string): number =>
  a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length

const sameItems = <T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean =>
  a.length === b.length && a.every((one, index) => b[index] !== undefined && same(one, b[index]))

const sameReleased = (a: ReleasedAddress, b: ReleasedAddress): boolean =>
  a === b || (a.address === b.address && a.service === b.service && a.time === b.time)

const sameHeld = (a: HeldAddress, b: HeldAddress): boolean =>
  a === b ||
  (a.address === b.address &&
    a.pool === b.pool &&
    sameItems(a.holders, b.holders, (one, other) => one.uid === other.uid && one.terms === other.terms))

/** Whom a block names as holders of an address. */
export const holdersAt = (spec: AddressBlockSpec | undefined, address: string): readonly AddressHolder[] =>
  spec?.addresses.find((entry) => entry.address === address)?.holders ?? []

/** Whether a block names a Service with this uid as a holder of the address. */
export const isHolder = (spec: AddressBlockSpec | undefined, address: string, uid: string): boolean =>
  holdersAt(spec, address).some((one) => one.uid === uid)
