import { compareText, named } from './compare.ts'
import type { Problem } from './problem.ts'
import { problem } from './rules.ts'
import type { FieldPath, ObjectRef, Resource } from './types.ts'

/** Why an object cannot stand beside those that were admitted. */
export interface Conflict {
  readonly path: FieldPath
  readonly problem: Problem
}

/** Objects that agree with each other, growing one by one. */
export interface World<R> {
  /** Everything that keeps a version out; another version of the same object does not. */
  readonly conflictsOf: (resource: R) => readonly Conflict[]
  /** Takes in an object that has no conflicts. */
  readonly add: (resource: R) => void
}

/** An object on its way into the model. */
export interface Candidate<R> {
  readonly ref: ObjectRef
  /** metadata.creationTimestamp; undefined where there is none, as in most manifests. */
  readonly created?: string | undefined
  /** Its newest version; undefined where that is broken by itself. */
  readonly newest: R | undefined
  /** The version in force before; identical to `newest` where nothing changed. */
  readonly previous: R | undefined
}

/** What became of the candidates: the version of each that is in force, and why a newest version is not. */
export interface Settled<R> {
  readonly inForce: ReadonlyMap<Candidate<R>, R>
  readonly conflicts: ReadonlyMap<Candidate<R>, readonly Conflict[]>
}

/** The version in force of each candidate that has one. */
type Versions<R> = ReadonlyMap<Candidate<R>, R>

/**
 * Chooses versions that agree with each other. What was in force and is unchanged comes first, then changed objects,
 * then new ones, each by age, kind and name: so nobody is displaced by a newcomer, a process that starts prefers whom the ones
 * before it had in force, and the outcome does not depend on the order of reading. The outcome lasts: settling the same candidates once more changes nothing, and each newest version
 * that stays out contradicts something that is in force.
 */
export function settle<R extends Resource>(
  candidates: readonly Candidate<R>[],
  emptyWorld: () => World<R>,
): Settled<R> {
  const ordered = candidates.toSorted(compareTurns)
  const before = new Map<Candidate<R>, R>()
  for (const candidate of ordered) if (candidate.previous !== undefined) before.set(candidate, candidate.previous)
  const known = ordered.filter((candidate) => before.has(candidate))
  // Changed objects get all their rounds before a newcomer takes what one of them may still need.
  const settled = settleAmong(known, before, emptyWorld)
  return known.length === ordered.length ? settled : settleAmong(ordered, settled.inForce, emptyWorld)
}

/**
 * Settles in rounds until one changes nothing. A single round is not enough: a version that was refused for the sake of
 * another is free to come once that one had to return itself, and a version that comes gives up what the one before it
 * held. From the second round on no newest version leaves and each round but the last brings one more into force, so
 * there are at most two rounds more than candidates.
 */
function settleAmong<R extends Resource>(
  ordered: readonly Candidate<R>[],
  before: Versions<R>,
  emptyWorld: () => World<R>,
): Settled<R> {
  let last = before
  for (;;) {
    const { inForce, conflicts, freed } = settleOnce(ordered, last, emptyWorld).outcome(ordered)
    if (freed === undefined && (conflicts.size === 0 || isSameMap(inForce, last))) return { inForce, conflicts }
    last = freed === undefined ? inForce : new Map([...inForce, freed])
  }
}

/**
 * Tries all changed objects together, so that two of them can swap what they hold. Those that conflict return to their
 * versions before, and the choice starts again with these among the unchanged: a new version that was admitted may be in
 * their way. Each restart settles at least one object, so there are at most as many as changed objects.
 */
function settleOnce<R extends Resource>(
  ordered: readonly Candidate<R>[],
  before: Versions<R>,
  emptyWorld: () => World<R>,
): Attempt<R> {
  const known = ordered.filter((candidate) => before.has(candidate))
  const newcomers = ordered.filter((candidate) => !before.has(candidate))
  const returned = new Set(known.filter(({ newest }) => newest === undefined))
  for (;;) {
    const attempt = new Attempt(new UniqueNames(emptyWorld()))
    const isKept = (candidate: Candidate<R>): boolean =>
      returned.has(candidate) || candidate.newest === before.get(candidate)
    for (const candidate of known.filter(isKept)) attempt.admit(candidate, before.get(candidate))
    const changed = known.filter((candidate) => !isKept(candidate))
    const refused = changed.filter((candidate) => !attempt.admit(candidate, candidate.newest))
    if (refused.length === 0) {
      for (const candidate of newcomers) attempt.admit(candidate, candidate.newest)
      return attempt
    }
    for (const candidate of refused) returned.add(candidate)
  }
}

const isSameMap = <K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)

/** Of two kinds that are at odds the later one gives way: what refers to an object, not what is referred to. */
const turns: readonly string[] = [
  'Community',
  'BFDProfile',
  'IPAddressPool',
  'BGPAdvertisement',
  'BGPPeer',
  'PeerPolicy',
]

function compareTurns(
  { ref: a, created: createdA = laterThanAll }: Candidate<unknown>,
  { ref: b, created: createdB = laterThanAll }: Candidate<unknown>,
): number {
  return (
    compareText(createdA, createdB) ||
    turns.indexOf(a.kind) - turns.indexOf(b.kind) ||
    compareText(a.name, b.name) ||
    compareText(a.namespace, b.namespace)
  )
}

/** What no API server has made comes after all that one has. */
const laterThanAll = '~'

class Attempt<R extends Resource> {
  readonly #inForce = new Map<Candidate<R>, R>()
  readonly #world: World<R>

  constructor(world: World<R>) {
    this.#world = world
  }

  /** Whether the version was let in. */
  admit(candidate: Candidate<R>, version: R | undefined): boolean {
    if (version === undefined || this.#world.conflictsOf(version).length > 0) return false
    this.#world.add(version)
    this.#inForce.set(candidate, version)
    return true
  }

  /**
   * What is in force, and all that each newest version contradicts that is not. `freed` is the first of these that
   * contradicts nothing any more: it can take the place of the version before it.
   */
  outcome(
    candidates: readonly Candidate<R>[],
  ): Settled<R> & { readonly freed: readonly [Candidate<R>, R] | undefined } {
    const conflicts = new Map<Candidate<R>, readonly Conflict[]>()
    let freed: readonly [Candidate<R>, R] | undefined
    for (const candidate of candidates) {
      const { newest } = candidate
      if (newest === undefined || this.#inForce.get(candidate) === newest) continue
      const found = this.#world.conflictsOf(newest)
      if (found.length === 0) freed ??= [candidate, newest]
      else conflicts.set(candidate, found)
    }
    return { inForce: this.#inForce, conflicts, freed }
  }
}

/** A world in which two objects of a kind may not share a name, as they are referred to by name alone. */
class UniqueNames<R extends Resource> implements World<R> {
  readonly #world: World<R>
  readonly #namespaces = new Map<string, string>()

  constructor(world: World<R>) {
    this.#world = world
  }

  conflictsOf(resource: R): readonly Conflict[] {
    const { kind, name } = resource.meta.ref
    const namespace = this.#namespaces.get(nameKey(resource.meta.ref))
    if (namespace === undefined || namespace === resource.meta.ref.namespace) return this.#world.conflictsOf(resource)
    // The other rules would only repeat what follows from the name.
    const detail = { kind, name, namespace }
    return [{ path: ['metadata', 'name'], problem: problem('same-name-in-other-namespace', detail) }]
  }

  add(resource: R): void {
    this.#namespaces.set(nameKey(resource.meta.ref), resource.meta.ref.namespace)
    this.#world.add(resource)
  }
}

const nameKey = (ref: ObjectRef): string => named({ ...ref, namespace: '' })
