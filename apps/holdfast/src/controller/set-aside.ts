import { isComparable, isOlder } from '@holdfast/cluster'
import { parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec, HeldAddress, ReservedAddress } from '@holdfast/ipam'
import { addressBlockCidr } from '@holdfast/ipam'
import type { BlockStep } from './block-step.ts'
import { holdersAt, inBlockOrder, isHolder } from './block-step.ts'
import type { Leadership } from './leadership.ts'

/** An address that was given by a status alone, until its block says so or who has it was seen off. */
export interface Given {
  readonly block: string
  /** With its only holder. */
  readonly entry: HeldAddress
}

/** What is known of marks: addresses that a leadership set aside in their blocks (docs/adr/0014). */
export interface SetAside {
  /**
   * Begins anew. What this very leadership gave and forgot it cannot tell from what it has still to give, so that its own marks are
   * from then on like those of another one.
   */
  readonly begin: (leadership: Leadership | undefined, nowMs: number) => void
  /** The number under which addresses may be set aside and given; undefined: under none. */
  readonly own: () => string | undefined
  readonly isOwn: (mark: ReservedAddress) => boolean
  /** Whether a mark of another leadership keeps an address from everybody who has not got it. */
  readonly isBinding: (mark: ReservedAddress) => boolean
  /** Whether a mark is of a leadership before this one, or of this one before it forgot: it can be reclaimed. */
  readonly isPast: (mark: ReservedAddress) => boolean
  /** Since when, by `clock.now()`, no earlier leadership, nor this one before it forgot, has had the Lease. */
  readonly sinceMs: () => number
  /** When it was last tried in vain to reclaim them. */
  readonly triedMs: () => number
  readonly tried: (nowMs: number) => void
  /** Whether an earlier leadership may know the Service with this uid as it is: it is one of `setKnown`, or those were not said yet. */
  readonly mayBeKnown: (uid: string) => boolean
  readonly setKnown: (uids: readonly string[]) => void
  /** No write of an earlier leadership can be carried out any more: its marks count for nothing. */
  readonly reclaimed: () => void
  /** Whether an address may be given to a Service with this uid as far as it is not being given to another one. */
  readonly isFreeFor: (address: string, uid: string) => boolean
  readonly spend: (given: Given) => void
  readonly isSpentOn: (address: string, uid: string) => boolean
  readonly isSpent: (address: string) => boolean
  /** What a block says, with those to whom its addresses were given by statuses alone. */
  readonly withSpent: (block: string, spec: AddressBlockSpec | undefined) => AddressBlockSpec | undefined
  /** Forgets whom a step lets go although the block never named them. True: there were such. */
  readonly letGo: (block: string, step: BlockStep) => boolean
  /** A block was written: it names whom it is to name. */
  readonly recorded: (block: string) => void
}

export function createSetAside(): SetAside {
  /** The last leadership, whether or not anything may be given under it. */
  let number: string | undefined
  let isUsable = false
  let isReclaimed = false
  let sinceMs = 0
  let triedMs = -Infinity
  let known: ReadonlySet<string> | undefined
  /** By address. */
  const spent = new Map<string, Given>()

  const spentIn = (block: string): readonly Given[] => [...spent.values()].filter((one) => one.block === block)
  const isOwn = ({ leadership }: ReservedAddress): boolean => isUsable && leadership === number
  const isPast = ({ leadership }: ReservedAddress): boolean =>
    number !== undefined && ((!isUsable && leadership === number) || isOlder(leadership, number))

  return {
    begin: (leadership, nowMs) => {
      const isOther = leadership !== undefined && leadership.number !== number
      number = leadership?.number ?? number
      // Of what is no number nobody could tell whether it came before: `isOlder`.
      isUsable = isOther && isComparable(leadership.number)
      isReclaimed = false
      sinceMs = isOther ? leadership.sinceMs : nowMs
      triedMs = -Infinity
      known = undefined
      spent.clear()
    },
    own: () => (isUsable ? number : undefined),
    isOwn,
    isPast,
    isBinding: (mark) => !isOwn(mark) && !(isReclaimed && isPast(mark)),
    sinceMs: () => sinceMs,
    triedMs: () => triedMs,
    tried: (nowMs) => void (triedMs = nowMs),
    mayBeKnown: (uid) => known?.has(uid) !== false,
    setKnown: (uids) => void (known = new Set(uids)),
    reclaimed: () => {
      isReclaimed = true
    },
    isFreeFor: (address, uid) => !spent.has(address) || uidOf(spent.get(address)) === uid,
    spend: (one) => void spent.set(one.entry.address, one),
    isSpentOn: (address, uid) => uidOf(spent.get(address)) === uid,
    isSpent: (address) => spent.has(address),
    withSpent: (block, spec) => (spent.size === 0 ? spec : merged(spec, spentIn(block))),
    letGo: (block, { spec, leavers }) => {
      const gone = spentIn(block).filter(({ entry: { address, holders } }) =>
        holders.every(
          ({ uid }) =>
            !isHolder(spec, address, uid) &&
            !leavers.some((leaver) => leaver.address === address && leaver.holder.uid === uid),
        ),
      )
      for (const { entry } of gone) spent.delete(entry.address)
      return gone.length > 0
    },
    recorded: (block) => {
      for (const { entry } of spentIn(block)) spent.delete(entry.address)
    },
  }
}

const uidOf = (spent: Given | undefined): string | undefined => spent?.entry.holders[0]?.uid

/** The block with more holders; the block itself where it names them all. */
export function merged(spec: AddressBlockSpec | undefined, more: readonly Given[]): AddressBlockSpec | undefined {
  const missing = more.filter(({ entry }) => !isNamed(spec, entry))
  const base = missing.length === 0 ? undefined : (spec ?? emptyAt(missing[0]?.entry.address ?? ''))
  if (base === undefined) return spec
  const addresses = new Map(base.addresses.map((entry) => [entry.address, entry]))
  for (const { entry } of missing) {
    const holders = [...holdersAt(base, entry.address), ...entry.holders]
    addresses.set(entry.address, { ...entry, holders })
  }
  const released = base.released.filter(({ address }) => !addresses.has(address))
  return { ...base, inUse: addresses.size, addresses: inBlockOrder([...addresses.values()]), released }
}

const isNamed = (spec: AddressBlockSpec | undefined, { address, holders }: HeldAddress): boolean =>
  holders.every(({ uid }) => isHolder(spec, address, uid))

/** The block of an address, that says nothing. */
function emptyAt(address: string): AddressBlockSpec | undefined {
  const parsed = parseAddress(address)
  return parsed.ok ? { cidr: addressBlockCidr(parsed.value), inUse: 0, addresses: [], released: [] } : undefined
}
