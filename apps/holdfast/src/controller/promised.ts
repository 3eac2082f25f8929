import type { Address } from '@holdfast/ip'
import { equalAddresses, formatAddress, parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec, AddressHolder, AllocationState, Assignment, Claim, Placed } from '@holdfast/ipam'
import { addressBlockName, keptTerms } from '@holdfast/ipam'
import type { ServiceView } from './service-object.ts'
import { ingressOf, isServed, poolAnnotation } from './service-object.ts'

/**
 * What a status names is what a Service was promised. Where it names some of what blocks grant, the rest is what was cut short on
 * its way in or out, perhaps of a pool that is gone, and must not cost the Service what it has. The terms are those of what is
 * promised: they tell which of several sharers has changed. What blocks grant only to another Service of the name that is gone is
 * left as it is, with that one's uid.
 */
export function asPromised(
  state: AllocationState,
  { specs, holders }: Pick<Grants, 'specs' | 'holders'>,
  services: ReadonlyMap<string, ServiceView>,
): AllocationState {
  const changed: [string, Assignment][] = []
  const dropped = new Set<string>()
  const granted = new Set([...holders.keys()].map((grant) => grant.slice(0, grant.indexOf(' '))))
  for (const [key, assignment] of state.assignments) {
    const view = services.get(key)
    const promised = promisedTo(assignment, view, { specs, holders, granted })
    if (isBesideLost(promised, view, specs)) dropped.add(key)
    const { addresses, terms, uid } = promised
    const isSame =
      addresses.length === assignment.addresses.length && terms === assignment.terms && uid === assignment.uid
    if (!isSame) changed.push([key, promised])
  }
  if (changed.length + dropped.size === 0) return state
  const kept = [...state.assignments, ...changed].filter(([key]) => !dropped.has(key))
  return { ...state, assignments: new Map(kept) }
}

/**
 * Whether a Service was granted an address beside the one that it has by its status, whose block is gone or cannot be read: by one who had
 * not heard that it has one. Then what its status names is its claim, as of a Service that blocks do not name at all.
 */
function isBesideLost({ addresses }: Assignment, view: ServiceView | undefined, specs: Grants['specs']): boolean {
  const named = addressesOf(view)
  const isNamed = ({ address }: Placed): boolean => named.some((one) => equalAddresses(one, address))
  const isLost = (address: Address): boolean =>
    !specs.has(addressBlockName(address)) && addresses.some((placed) => placed.address.family === address.family)
  return named.some(isLost) && !addresses.some(isNamed)
}

interface Grants {
  /** By name, the blocks that can be read. */
  readonly specs: ReadonlyMap<string, AddressBlockSpec>
  /** By address and Service. */
  readonly holders: ReadonlyMap<string, AddressHolder>
  /** All addresses that blocks grant to somebody. */
  readonly granted: ReadonlySet<string>
}

function promisedTo(
  assignment: Assignment,
  view: ServiceView | undefined,
  { holders, granted }: Grants,
): Assignment & { readonly uid: string } {
  const holderAt = ({ address }: Placed): AddressHolder | undefined =>
    holders.get(grantKey(formatAddress(address), assignment.service))
  const own = assignment.addresses.filter((placed) => holderAt(placed)?.uid === view?.uid)
  const recorded = promisedOf(own.length === 0 ? assignment.addresses : own, view)
  const found = new Set(recorded.map((placed) => termsOf(holderAt(placed))))
  const [only] = found
  const uid = recorded.map((placed) => holderAt(placed)?.uid).find((one) => one !== undefined) ?? assignment.uid ?? ''
  return {
    ...assignment,
    uid,
    addresses: uid === view?.uid ? withOther(recorded, view, granted) : recorded,
    terms: found.size === 1 ? only : mixedTerms,
  }
}

/** As they are kept, also where an older version kept more. */
const termsOf = (holder: AddressHolder | undefined): string | undefined =>
  holder?.terms === undefined ? undefined : keptTerms(holder.terms)

/** Equal to no terms. */
const mixedTerms = ' '

const grantKey = (address: string, service: string): string => `${address} ${service}`

export function holdersByGrant(specs: ReadonlyMap<string, AddressBlockSpec>): ReadonlyMap<string, AddressHolder> {
  const granted = new Map<string, AddressHolder>()
  for (const spec of specs.values()) {
    for (const { address, holders } of spec.addresses) {
      for (const holder of holders) granted.set(grantKey(address, `${holder.namespace}/${holder.name}`), holder)
    }
  }
  return granted
}

/** What a status names; of a Service whose status names nothing yet, what blocks grant it, and not another one of its name. */
export function preferredOf(
  view: ServiceView | undefined,
  holders: ReadonlyMap<string, AddressHolder>,
): readonly Address[] {
  const named = addressesOf(view)
  if (view === undefined || named.length > 0) return named
  const granted = [...holders].flatMap(([grant, { uid }]) =>
    uid === view.uid ? grant.slice(0, grant.indexOf(' ')) : [],
  )
  return parsed(granted)
}

function promisedOf(addresses: readonly Placed[], view: ServiceView | undefined): readonly Placed[] {
  const [first, second] = addresses
  if (first === undefined || second === undefined) return addresses
  const named = addressesOf(view)
  const promised = addresses.filter(({ address }) => named.some((one) => equalAddresses(one, address)))
  return promised.length > 0 ? promised : addresses.filter(({ pool }) => pool === first.pool)
}

/**
 * Of a pair the blocks of both addresses are two: where one of them is gone, or cannot be read, what the status names of it is a claim
 * as of a Service that blocks do not name at all. Not where anybody is granted it.
 */
function withOther(recorded: readonly Placed[], view: ServiceView, granted: ReadonlySet<string>): readonly Placed[] {
  const [first] = recorded
  if (first === undefined) return recorded
  const others = addressesOf(view).filter(
    (named) => !granted.has(formatAddress(named)) && recorded.every(({ address }) => address.family !== named.family),
  )
  return others.length === 0 ? recorded : [...recorded, ...others.map((address) => ({ address, pool: first.pool }))]
}

/** What statuses name, by the newest versions that are known, with the pools that they say it is from. */
export function claimsIn(
  services: ReadonlyMap<string, ServiceView>,
  loadBalancerClass: string | undefined,
): readonly Claim[] {
  return [...services].flatMap(([service, view]) => {
    const addresses = addressesOf(view)
    if (addresses.length === 0 || !isServed(view.object, loadBalancerClass)) return []
    const pool = view.object.metadata.annotations?.[poolAnnotation] ?? ''
    return [{ service, uid: view.uid, addresses, pool }]
  })
}

const addressesOf = (view: ServiceView | undefined): readonly Address[] =>
  view === undefined ? [] : parsed(ingressOf(view.object))

const parsed = (texts: readonly string[]): readonly Address[] =>
  texts.flatMap((text) => {
    const address = parseAddress(text)
    return address.ok ? [address.value] : []
  })
