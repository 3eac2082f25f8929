import type { Family } from '@holdfast/ip'
import { addressKey, equalAddresses } from '@holdfast/ip'
import { keptTerms } from './terms.ts'
import type { FamilyRequest, ServiceRequest } from './types.ts'

/** A request with what is derived from it, once, because it is compared and looked up many times. */
export interface Want {
  readonly key: string
  readonly request: ServiceRequest
  /** Sharing key and backend as one text; undefined: shares with nobody. */
  readonly group: string | undefined
  /** `TCP/80`, sorted, without duplicates. */
  readonly ports: readonly string[]
  /** The ports as one text. */
  readonly portsKey: string
  /** What `Assignment.terms` records. */
  readonly terms: string
  /** Equal for requests that any free or shared address would serve or fail alike. */
  readonly signature: string
}

/** What many requests have in common, kept once: most have the same port and no other wish. */
export class Commonplaces {
  readonly #ports = new Map<string, readonly string[]>()
  readonly #texts = new Map<string, string>()

  /** The first list that was given with this text. */
  ports(portsKey: string, ports: readonly string[]): readonly string[] {
    return kept(this.#ports, portsKey, ports)
  }

  text(text: string): string {
    return kept(this.#texts, text, text)
  }
}

/** Beyond so many different ones, keeping them is not worth its memory. */
const mostKept = 10_000

function kept<T>(known: Map<string, T>, key: string, value: T): T {
  const found = known.get(key)
  if (found !== undefined) return found
  if (known.size >= mostKept) known.clear()
  known.set(key, value)
  return value
}

/** Derives a `Want`. */
export function toWant(request: ServiceRequest, common = new Commonplaces()): Want {
  const list = [...new Set(request.ports.map(({ protocol, port }) => `${protocol}/${port}`))].sort()
  const portsKey = common.text(list.join())
  const ports = common.ports(portsKey, list)
  const { sharing } = request
  const group = sharing === undefined ? undefined : JSON.stringify([sharing.key, sharing.backend])
  const terms = group === undefined ? '' : keptTerms(`${group} ${portsKey}`)
  const signature = common.text(signatureOf(request, terms))
  return { key: request.key, request, group, ports, portsKey, terms, signature }
}

/** The pool asked for by annotation, or undefined. */
export const requestedPoolOf = (request: ServiceRequest): string | undefined =>
  request.requestedPool === '' ? undefined : request.requestedPool

/** True where the Service wants particular addresses, readable or not. */
export const asksForAddresses = (request: ServiceRequest): boolean =>
  request.requestFault !== undefined || request.requestedAddresses.length > 0

/** The families to ask for, best first: each element is a set that one pool must provide whole. */
export function familyChoices(families: FamilyRequest): readonly (readonly Family[])[] {
  switch (families.kind) {
    case 'unknown':
    case 'notEnoughClusterIPs':
      return []
    case 'single':
      return [[families.family]]
    case 'requireDual':
      return [['ipv4', 'ipv6']]
    case 'preferDual': {
      const { first, available } = families
      if (available.length < 2) return available.map((family) => [family])
      return [['ipv4', 'ipv6'], [first], [first === 'ipv4' ? 'ipv6' : 'ipv4']]
    }
  }
}

/** All families that the Service can use. */
export const wantedFamilies = (families: FamilyRequest): readonly Family[] => familyChoices(families)[0] ?? []

/** True where `known` is of another Service than the one with this uid, which has the key now. */
export const isOfNamesake = (known: { readonly uid?: string | undefined }, uid: string | undefined): boolean =>
  known.uid !== undefined && uid !== undefined && known.uid !== uid

/** True where two requests ask for the same, whether or not they are the same object. */
export const sameRequest = (a: ServiceRequest, b: ServiceRequest): boolean =>
  a === b ||
  (a.key === b.key && a.uid === b.uid && sameFamilies(a.families, b.families) && sameWishes(a, b) && sameTerms(a, b))

const sameWishes = (a: ServiceRequest, b: ServiceRequest): boolean =>
  a.requestFault === b.requestFault &&
  a.requestedPool === b.requestedPool &&
  sameLists(a.requestedAddresses, b.requestedAddresses, equalAddresses) &&
  sameLists(a.pinnedPools, b.pinnedPools, (one, other) => one === other)

const sameTerms = (a: ServiceRequest, b: ServiceRequest): boolean =>
  a.sharing?.key === b.sharing?.key &&
  a.sharing?.backend === b.sharing?.backend &&
  sameLists(a.ports, b.ports, (one, other) => one.port === other.port && one.protocol === other.protocol)

function sameFamilies(a: FamilyRequest, b: FamilyRequest): boolean {
  if (a.kind === 'single') return b.kind === 'single' && a.family === b.family
  if (a.kind !== 'preferDual') return a.kind === b.kind
  return b.kind === 'preferDual' && a.first === b.first && sameLists(a.available, b.available, (x, y) => x === y)
}

/** Compares two lists place by place. */
export const sameLists = <T>(a: readonly T[], b: readonly T[], equal: (a: T, b: T) => boolean): boolean =>
  a === b || (a.length === b.length && a.every((item, index) => same(item, b[index], equal)))

const same = <T>(a: T, b: T | undefined, equal: (a: T, b: T) => boolean): boolean => b !== undefined && equal(a, b)

const signatureOf = (request: ServiceRequest, terms: string): string =>
  JSON.stringify([
    familyChoices(request.families),
    request.families.kind,
    request.requestedAddresses.map(addressKey),
    request.requestFault ?? null,
    requestedPoolOf(request) ?? null,
    terms,
    request.pinnedPools,
  ])
