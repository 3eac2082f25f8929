import type { Fact, ServiceFact, Terms, Wish } from './facts.ts'
import { grant } from './facts.ts'
import type { Course, MarksFinding } from './judge-marks.ts'
import { createMarksJudge } from './judge-marks.ts'
import type { World } from './world.ts'
import { createWorld, grantsIn, poolOf, reservedIn, served } from './world.ts'

export interface Finding {
  readonly revision: number
  readonly rule: 'twice' | 'moved' | 'unasked' | 'ungranted' | 'end' | MarksFinding['rule']
  readonly text: string
}

export interface Judgement {
  readonly findings: readonly Finding[]
  /** How often a status began to name an address. */
  readonly given: number
  /** How many of these no block had granted until then. */
  readonly ahead: number
  /** How many leaderships that had set something aside gave the Lease back when nothing went wrong, and left no marks. */
  readonly gaveBack: number
  /** How often a status lost one that its Service or its pool did not let it keep. */
  readonly moved: number
}

/** That a Service's status names an address. */
interface Naming {
  readonly wish: string
  /** Since then no pool had it, or its Service asks for others. */
  mayGo: boolean
}

const unknown: Course = { ends: new Map(), ledOnce: new Set(), calmFrom: Infinity }

/**
 * Every state that the API server ever had, in its order.
 *
 * - twice: no address in two statuses, unless some terms that each Service ever had let them share it. (Whoever changes the terms of
 *   a Service that shares makes a conflict that only the controller can end; that it does is for the end.)
 * - moved: no status of a Service loses an address, while it is served, says what it said when it got it, does not ask for others, and
 *   a pool has had it all the time. Where one address of a pair may go, both may: pairs come from one pool.
 * - unasked: no status of a Service that asked for the same addresses all its life names another one. (One that has an address before
 *   it asks for another keeps it until it can have that.)
 * - ungranted: no status names what at that revision no block grants it or has set aside. (For whom something is set aside no block
 *   says; that two are not given it is for `twice`, and that blocks say it in the end for the end.)
 * - what becomes of marks: `createMarksJudge`.
 */
export function judge(facts: readonly Fact[], course: Course = unknown): Judgement {
  const world = createWorld()
  const findings: Finding[] = []
  const terms = new Map<string, Terms[]>()
  const namings = new Map<string, Map<string, Naming>>()
  const requests = new Map<string, Set<string>>()
  const count = { given: 0, ahead: 0, moved: 0 }
  const everGranted = new Set<string>()
  const marks = createMarksJudge(course)

  function noteTerms({ uid, wish }: ServiceFact): void {
    const known = terms.get(uid) ?? []
    if (!known.some((one) => JSON.stringify(one) === JSON.stringify(wish.terms))) known.push(wish.terms)
    terms.set(uid, known)
  }

  function noteRequests({ uid, name, wish, addresses, revision }: ServiceFact): void {
    const list = wish.requested.join()
    const known = (requests.get(uid) ?? new Set()).add(list)
    requests.set(uid, known)
    const unasked = addresses.filter((address) => isUnasked(address, wish))
    if (!wish.isServed || known.size > 1 || unasked.length === 0) return
    findings.push({
      revision,
      rule: 'unasked',
      text: `${name} has ${unasked.join()} and asked only for ${list}, always`,
    })
  }

  function noteNamings(service: ServiceFact): void {
    const wish = JSON.stringify(service.wish)
    const before = namings.get(service.uid) ?? new Map<string, Naming>()
    const mayGo = !service.wish.isServed || [...before.values()].some((one) => one.mayGo || one.wish !== wish)
    const lost = [...before.keys()].filter((address) => !service.addresses.includes(address))
    if (lost.length > 0 && mayGo) count.moved += 1
    if (lost.length > 0 && !mayGo) {
      const now = service.addresses.length === 0 ? 'none' : service.addresses.join()
      const text = `${service.name} may keep ${lost.join()} and lost it; it has ${now} now`
      findings.push({ revision: service.revision, rule: 'moved', text })
    }
    const after = service.addresses.map((address): [string, Naming] => {
      const known = before.get(address)
      if (known === undefined) count.given += 1
      if (known === undefined && !everGranted.has(grant(address, service.uid))) count.ahead += 1
      return [address, known ?? { wish, mayGo: isUnasked(address, service.wish) }]
    })
    namings.set(service.uid, new Map(after))
  }

  /** What no pool has at some time may go at any time after. */
  function notePools(): void {
    for (const known of namings.values()) {
      for (const [address, naming] of known) if (poolOf(world, address) === undefined) naming.mayGo = true
    }
  }

  function take(fact: Fact): void {
    world.take(fact)
    if (fact.kind === 'AddressBlock') for (const one of fact.grants) everGranted.add(one)
    if (fact.kind !== 'Service') return
    if (fact.isDeleted) {
      namings.delete(fact.uid)
      return
    }
    noteTerms(fact)
    noteRequests(fact)
    noteNamings(fact)
  }

  for (const fact of facts) {
    const { revision } = fact
    const found = (rule: Finding['rule'], text: string): void => void findings.push({ revision, rule, text })
    for (const { rule, text } of marks.look(world, fact)) found(rule, text)
    take(fact)
    if (fact.kind === 'Lease') continue
    notePools()
    const mayShare = (a: ServiceFact, b: ServiceFact): boolean =>
      (terms.get(a.uid) ?? []).some((one) => (terms.get(b.uid) ?? []).some((other) => areCompatible(one, other)))
    for (const text of sharedWrongly(world, mayShare)) found('twice', text)
    for (const text of ungranted(world)) found('ungranted', text)
  }
  return { findings: firstOfEach(findings), ...count, gaveBack: marks.gaveBack() }
}

/** A Service that comes to ask for what it cannot have keeps what it had. */
const isUnasked = (address: string, { requested }: Wish): boolean =>
  requested.length > 0 && !requested.includes(address)

export const areCompatible = (a: Terms, b: Terms): boolean =>
  a.key !== '' && a.key === b.key && !a.ports.some((port) => b.ports.includes(port))

/** Sentences about addresses that several statuses name, where they may not. */
export function sharedWrongly(world: World, mayShare: (a: ServiceFact, b: ServiceFact) => boolean): readonly string[] {
  const named = new Map<string, ServiceFact[]>()
  for (const service of served(world)) {
    for (const address of service.addresses) named.set(address, [...(named.get(address) ?? []), service])
  }
  return [...named].flatMap(([address, services]) =>
    pairsOf(services)
      .filter(([a, b]) => !mayShare(a, b))
      .map(([a, b]) => `${address} is in the status of ${a.name} and of ${b.name}`),
  )
}

const pairsOf = <T>(items: readonly T[]): readonly (readonly [T, T])[] =>
  items.flatMap((first, index) => items.slice(index + 1).map((second) => [first, second] as const))

function ungranted(world: World): readonly string[] {
  const grants = grantsIn(world)
  const reserved = reservedIn(world)
  return served(world).flatMap(({ name, uid, addresses }) =>
    addresses
      .filter((address) => !grants.has(grant(address, uid)) && !reserved.has(address))
      .map((address) => `${name} names ${address}, which no block grants it or has set aside`),
  )
}

/** What stays wrong is told once. */
function firstOfEach(findings: readonly Finding[]): readonly Finding[] {
  const told = new Set<string>()
  return findings.filter(({ rule, text }) => {
    const key = `${rule} ${text}`
    if (told.has(key)) return false
    told.add(key)
    return true
  })
}
