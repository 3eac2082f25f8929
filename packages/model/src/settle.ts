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

/**
 * Chooses versions that agree with each other. What was in force and is unchanged comes first, then changed objects,
 * then new ones, each by kind and name: so nobody is displaced by a newcomer, and the outcome does not depend on the
 * order of reading. A changed object that conflicts returns to its version before, and the choice starts again with that
 * one among the unchanged: a new version that was admitted may be in its way. Each restart settles at least one object,
 * so there are at most as many as changed objects.
 */
export function settle<R extends Resource>(
  candidates: readonly Candidate<R>[],
  emptyWorld: () => World<R>,
): Settled<R> {
  const ordered = [...candidates].sort((a, b) => compareTurns(a.ref, b.ref))
  const known = ordered.filter(({ previous }) => previous !== undefined)
  const newcomers = ordered.filter(({ previous }) => previous === undefined)
  const conflicts = new Map<Candidate<R>, readonly Conflict[]>()
  const returned = new Set(known.filter(({ newest }) => newest === undefined))
  for (;;) {
    const attempt = new Attempt(new UniqueNames(emptyWorld()), conflicts)
    const isKept = (candidate: Candidate<R>): boolean =>
      returned.has(candidate) || candidate.newest === candidate.previous
    for (const candidate of known.filter(isKept)) attempt.admit(candidate, candidate.previous)
    const changed = known.filter((candidate) => !isKept(candidate))
    const refused = changed.filter((candidate) => !attempt.admit(candidate, candidate.newest))
    if (refused.length === 0) {
      for (const candidate of newcomers) attempt.admit(candidate, candidate.newest)
      attempt.review(ordered)
      return { inForce: attempt.inForce, conflicts }
    }
    for (const candidate of refused) returned.add(candidate)
  }
}

/** Of two kinds that are at odds the later one gives way: what refers to an object, not what is referred to. */
const turns: readonly string[] = ['Community', 'BFDProfile', 'IPAddressPool', 'BGPAdvertisement', 'BGPPeer']

const compareTurns = (a: ObjectRef, b: ObjectRef): number =>
  turns.indexOf(a.kind) - turns.indexOf(b.kind) || compareText(a.name, b.name) || compareText(a.namespace, b.namespace)

class Attempt<R extends Resource> {
  readonly inForce = new Map<Candidate<R>, R>()
  readonly #world: World<R>
  readonly #conflicts: Map<Candidate<R>, readonly Conflict[]>

  constructor(world: World<R>, conflicts: Map<Candidate<R>, readonly Conflict[]>) {
    this.#world = world
    this.#conflicts = conflicts
  }

  /** Whether the version was let in; where not, the conflicts are noted. */
  admit(candidate: Candidate<R>, version: R | undefined): boolean {
    if (version === undefined) return false
    const conflicts = this.#world.conflictsOf(version)
    if (conflicts.length > 0) {
      this.#conflicts.set(candidate, conflicts)
      return false
    }
    this.#world.add(version)
    this.inForce.set(candidate, version)
    return true
  }

  /** Notes for each version that stayed out all of its conflicts, also with what was let in after it was refused. */
  review(candidates: readonly Candidate<R>[]): void {
    for (const candidate of candidates) {
      if (candidate.newest === undefined || this.inForce.get(candidate) === candidate.newest) continue
      const conflicts = this.#world.conflictsOf(candidate.newest)
      // None are left where it was refused for the sake of a changed object that had to return itself.
      if (conflicts.length > 0) this.#conflicts.set(candidate, conflicts)
    }
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
