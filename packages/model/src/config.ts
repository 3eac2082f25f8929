import { CommunityWorld, aliasesOf } from './community-world.ts'
import { compareText, named } from './compare.ts'
import type { ConfigResource } from './config-world.ts'
import { ConfigWorld } from './config-world.ts'
import { NodeSets } from './node-sets.ts'
import type { Parse } from './parse.ts'
import { faultOf } from './parse.ts'
import type { Placement, PreviousOf } from './placement.ts'
import type { Referables } from './references.ts'
import { danglingOf, resolveCommunities } from './references.ts'
import type { Candidate, Conflict } from './settle.ts'
import { settle } from './settle.ts'
import type { BGPAdvertisement, Fault, Kind, Node, NotInForce, Resource, Secret } from './types.ts'
import type { ResourceOf } from './versions.ts'
import { isOfKind, sameOr, staleOf } from './versions.ts'

/** What the metallb.io objects come to beside each other. */
export interface Config {
  /** The version of each object that is in force; objects without one are left out. */
  readonly versions: ReadonlyMap<Parse, Resource>
  readonly faults: readonly Fault[]
  readonly notInForce: readonly NotInForce[]
}

/** The objects that the metallb.io kinds refer to. */
export interface Surroundings {
  readonly nodes: ReadonlyMap<string, Node>
  readonly secrets: ReadonlyMap<string, Secret>
}

const configKinds = ['BFDProfile', 'IPAddressPool', 'BGPAdvertisement', 'BGPPeer'] as const satisfies readonly Kind[]

/** The kinds that can be at odds with each other. */
export const settledKinds: readonly Kind[] = [...configKinds, 'Community']

/** A candidate, and the object that it comes from. */
interface Contender<R extends Resource> extends Candidate<R> {
  readonly parse: Parse
}

/** Chooses the versions of all metallb.io objects that agree with each other. */
export function settleConfig(placement: Placement, surroundings: Surroundings, previousOf: PreviousOf): Config {
  const outcome = new Outcome()
  const communities = placement.byKind.Community.map((parse) => contenderOf('Community', parse, previousOf))
  const aliases = aliasesOf(
    outcome.take(
      communities,
      settle(communities, () => new CommunityWorld()),
    ),
  )

  const profiles = placement.byKind.BFDProfile.map((parse) => contenderOf('BFDProfile', parse, previousOf))
  const referables: Referables = {
    bfdProfiles: new Set(
      profiles.filter(({ newest, previous }) => (newest ?? previous) !== undefined).map(({ ref }) => ref.name),
    ),
    secrets: surroundings.secrets,
  }
  const contenders: Contender<ConfigResource>[] = [
    ...profiles,
    ...placement.byKind.IPAddressPool.map((parse) => contenderOf('IPAddressPool', parse, previousOf)),
    ...placement.byKind.BGPAdvertisement.map((parse) => {
      const contender = contenderOf('BGPAdvertisement', parse, previousOf)
      const { communities, conflicts } = resolveCommunities(parse.built?.communities ?? [], aliases)
      outcome.report(parse, conflicts)
      return withNewest(contender, conflicts, (advertisement) => ({ ...advertisement, communities }))
    }),
    ...placement.byKind.BGPPeer.map((parse) => {
      const contender = contenderOf('BGPPeer', parse, previousOf)
      const conflicts = contender.newest === undefined ? [] : danglingOf(contender.newest, referables)
      outcome.report(parse, conflicts)
      return withNewest(contender, conflicts, (peer) => peer)
    }),
  ]
  const nodes = new NodeSets(surroundings.nodes.values())
  outcome.take(
    contenders,
    settle(contenders, () => new ConfigWorld(nodes)),
  )
  return outcome.config()
}

function contenderOf<K extends Kind>(kind: K, parse: Parse, previousOf: PreviousOf): Contender<ResourceOf<K>> {
  const before = previousOf(kind, parse.key)
  const previous = before !== undefined && isOfKind(before, kind) ? before : undefined
  const built = parse.built?.resource
  const fresh = built !== undefined && isOfKind(built, kind) ? built : undefined
  return { parse, ref: parse.ref, newest: fresh === undefined ? undefined : sameOr(fresh, previous), previous }
}

/** The contender with its newest version completed, or without one where its references lead nowhere. */
function withNewest<R extends Resource>(
  contender: Contender<R>,
  conflicts: readonly Conflict[],
  complete: (newest: R) => R,
): Contender<R> {
  const { newest, previous } = contender
  if (newest === undefined || conflicts.length > 0) return { ...contender, newest: undefined }
  return { ...contender, newest: sameOr(complete(newest), previous) }
}

/** Gathers what came out of one settlement after another. */
class Outcome {
  readonly #versions = new Map<Parse, Resource>()
  readonly #faults: Fault[] = []
  readonly #notInForce: NotInForce[] = []

  report(parse: Parse, conflicts: readonly Conflict[]): void {
    for (const { path, problem } of conflicts) this.#faults.push(faultOf(parse.raw, parse.ref, path, problem))
  }

  /** Notes what became of each contender, and returns the versions in force. */
  take<R extends Resource>(contenders: readonly Contender<R>[], settled: ReturnType<typeof settle<R>>): readonly R[] {
    const inForce: R[] = []
    for (const contender of contenders) {
      this.report(contender.parse, settled.conflicts.get(contender) ?? [])
      const version = settled.inForce.get(contender)
      if (version === undefined) continue
      const isNewest = version === contender.newest
      const marked = isNewest ? version : staleOf(version)
      if (isNewest) this.#notInForce.push(...contender.parse.notInForce)
      this.#versions.set(contender.parse, marked)
      inForce.push(marked)
    }
    return inForce
  }

  config(): Config {
    const versions = [...this.#versions.values()]
    const twins = twinsOf(versions.filter((version) => isOfKind(version, 'BGPAdvertisement')))
    return { versions: this.#versions, faults: this.#faults, notInForce: [...this.#notInForce, ...twins] }
  }
}

/** MetalLB accepts the same advertisement under two names. So do we, but the second one adds nothing. */
function twinsOf(advertisements: readonly BGPAdvertisement[]): readonly NotInForce[] {
  const firsts = new Map<string, BGPAdvertisement>()
  const twins: NotInForce[] = []
  const byName = [...advertisements].sort((a, b) => compareText(a.meta.ref.name, b.meta.ref.name))
  for (const advertisement of byName) {
    const { ref } = advertisement.meta
    const content = JSON.stringify({ ...advertisement, meta: undefined })
    const first = firsts.get(content)
    if (first === undefined) firsts.set(content, advertisement)
    else twins.push({ object: ref, path: '', value: ref.name, reason: `says the same as ${named(first.meta.ref)}` })
  }
  return twins
}
