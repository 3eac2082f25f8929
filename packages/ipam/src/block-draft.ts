import type { Address } from '@holdfast/ip'
import { compareAddresses, formatAddress, parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec, AddressHolder, HeldAddress, ReleasedAddress } from './address-block.ts'
import { holderKey } from './address-block.ts'

/** A block while it is being changed. Both maps are by the address in canonical form. */
export interface Draft {
  readonly cidr: string
  readonly held: Map<
    string,
    {
      readonly address: Address
      readonly pool: string
      /** By `namespace/name`; never empty. */
      readonly holders: Map<string, AddressHolder>
    }
  >
  readonly released: Map<string, { readonly address: Address; readonly service: string; readonly time: string }>
}

/** A draft of a block as it was. What of it cannot be read is left out. */
export function openDraft(cidr: string, spec: AddressBlockSpec | undefined): Draft {
  const draft: Draft = { cidr, held: new Map(), released: new Map() }
  for (const entry of spec?.addresses ?? []) {
    const parsed = parseAddress(entry.address)
    if (!parsed.ok) continue
    const holders = new Map(entry.holders.map((holder) => [holderKey(holder), holder] as const))
    draft.held.set(formatAddress(parsed.value), { address: parsed.value, pool: entry.pool, holders })
  }
  for (const { address: text, service, time } of spec?.released ?? []) {
    const parsed = parseAddress(text)
    if (parsed.ok) draft.released.set(formatAddress(parsed.value), { address: parsed.value, service, time })
  }
  return draft
}

/** What the draft says; `before` itself where that is the same, undefined where it is nothing. */
export function closeDraft(
  { cidr, held, released }: Draft,
  before: AddressBlockSpec | undefined,
): AddressBlockSpec | undefined {
  if (held.size === 0 && released.size === 0) return undefined
  const spec: AddressBlockSpec = {
    cidr,
    inUse: held.size,
    addresses: [...held].sort(inOrder).map(([address, { pool, holders }]): HeldAddress => ({
      address,
      pool,
      holders: [...holders].sort(byKey).map(([, holder]) => holder),
    })),
    released: [...released]
      .sort(inOrder)
      .map(([address, { service, time }]): ReleasedAddress => ({ address, service, time })),
  }
  return before !== undefined && equalBlocks(before, spec) ? before : spec
}

type Entry = readonly [string, { readonly address: Address }]

const inOrder = ([, a]: Entry, [, b]: Entry): number => compareAddresses(a.address, b.address)

const byKey = ([a]: readonly [string, AddressHolder], [b]: readonly [string, AddressHolder]): number => (a < b ? -1 : 1)

const equalBlocks = (a: AddressBlockSpec, b: AddressBlockSpec): boolean =>
  a.cidr === b.cidr &&
  a.inUse === b.inUse &&
  equalLists(a.addresses, b.addresses, equalHeld) &&
  equalLists(a.released, b.released, equalReleased)

const equalHeld = (a: HeldAddress, b: HeldAddress): boolean =>
  a.address === b.address && a.pool === b.pool && equalLists(a.holders, b.holders, equalHolders)

const equalHolders = (a: AddressHolder, b: AddressHolder): boolean =>
  a.namespace === b.namespace && a.name === b.name && a.uid === b.uid && a.terms === b.terms

const equalReleased = (a: ReleasedAddress, b: ReleasedAddress): boolean =>
  a.address === b.address && a.service === b.service && a.time === b.time

const equalLists = <T>(a: readonly T[], b: readonly T[], isEqual: (a: T, b: T) => boolean): boolean =>
  a.length === b.length && a.every((one, index) => b[index] !== undefined && isEqual(one, b[index]))
