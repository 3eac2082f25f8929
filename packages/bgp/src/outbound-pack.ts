import type { Family, Prefix } from '@holdfast/ip'
import type { UpdateMessage } from './messages.ts'
import { contextOf } from './negotiate.ts'
import { attributesKey, capacityOf, equalAttributes, nextHopOf, pathAttributes } from './outbound-attributes.ts'
import type { Negotiated } from './peer.ts'
import type { Route, RouteAttributes } from './routes.ts'
import { nlriLength, pathIdentifierLength, updateCapacity } from './update-size.ts'

/** Routes of one family that differ in nothing but their prefix, so that one UPDATE can carry them. */
interface Group {
  readonly family: Family
  readonly attributes: RouteAttributes
  readonly prefixes: Prefix[]
}

/** UPDATEs that announce routes: for each set of equal attributes as few as the size of a message allows. */
export function packAnnouncements(routes: readonly Route[], session: Negotiated): UpdateMessage[] {
  return groupsOf(routes, session).flatMap(({ family, attributes, prefixes }) => {
    const path = pathAttributes(attributes, session)
    const nextHop = nextHopOf(attributes, session)
    const room = {
      capacity: capacityOf(attributes, family, session),
      identifierLength: identifierLength(family, session),
    }
    return fill(prefixes, room).map((part) => ({
      ...emptyUpdate,
      announced: { attributes: path, reach: [{ nextHop, prefixes: part }] },
    }))
  })
}

/** UPDATEs that withdraw prefixes: one family each, and nothing announced in them (RFC 7606 section 5.1). */
export function packWithdrawals(prefixes: readonly Prefix[], session: Negotiated): UpdateMessage[] {
  return session.families.flatMap((family) => {
    const own = prefixes.filter((prefix) => prefix.address.family === family)
    const capacity = updateCapacity(undefined, family, contextOf(session))
    return fill(own, { capacity, identifierLength: identifierLength(family, session) }).map((withdrawn) => ({
      ...emptyUpdate,
      withdrawn,
    }))
  })
}

const identifierLength = (family: Family, session: Negotiated): number =>
  pathIdentifierLength(family, contextOf(session))

/** RFC 4724 section 2. */
export const endOfRib = (family: Family): UpdateMessage => ({ ...emptyUpdate, endOfRib: family })

const emptyUpdate: UpdateMessage = {
  kind: 'update',
  withdrawn: [],
  announced: undefined,
  endOfRib: undefined,
  faults: [],
}

/** Mostly a route has the attributes of the one before it: that is seen without building a key. */
function groupsOf(routes: readonly Route[], session: Negotiated): readonly Group[] {
  const groups = new Map<string, Group>()
  let last: Group | undefined
  for (const { prefix, attributes } of routes) {
    const { family } = prefix.address
    if (last?.family !== family || !equalAttributes(last.attributes, attributes, session)) {
      const key = `${family} ${attributesKey(attributes, session)}`
      last = groups.get(key) ?? { family, attributes, prefixes: [] }
      groups.set(key, last)
    }
    last.prefixes.push(prefix)
  }
  return [...groups.values()]
}

/** How much NLRI a message holds, and what stands in front of each prefix. */
interface Room {
  readonly capacity: number
  readonly identifierLength: number
}

/** Cuts a list into parts that fill a message each, as far as whole prefixes can. */
function fill(prefixes: readonly Prefix[], { capacity, identifierLength }: Room): readonly (readonly Prefix[])[] {
  const parts: (readonly Prefix[])[] = []
  let start = 0
  let used = 0
  for (const [index, prefix] of prefixes.entries()) {
    const length = nlriLength(prefix, identifierLength)
    if (used + length > capacity) {
      parts.push(prefixes.slice(start, index))
      start = index
      used = 0
    }
    used += length
  }
  if (start < prefixes.length) parts.push(start === 0 ? prefixes : prefixes.slice(start))
  return parts
}
