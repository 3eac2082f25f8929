import { bfdNotes } from './bfd.ts'
import { CommunityWorld, aliasesOf, refusedAliases } from './community-world.ts'
import { compareText, named } from './compare.ts'
import type { ConfigResource } from './config-world.ts'
import { ConfigWorld } from './config-world.ts'
import { isRecord } from './fields.ts'
import { missingNames } from './missing-names.ts'
import { NodeSets } from './node-sets.ts'
import type { Parse } from './parse.ts'
import { faultOf } from './parse.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { Placement, PreviousOf } from './placement.ts'
import { policyFindings } from './policy-conflicts.ts'
import type { Referables, Unlocked } from './references.ts'
import { danglingOf, resolveCommunities, unlockPeer, unlockPolicy } from './references.ts'
import type { Candidate, Conflict, World } from './settle.ts'
import { settle } from './settle.ts'
import type { BGPAdvertisement, BGPPeer, Fault, Kind, Node, NotInForce, Resource, Secret } from './types.ts'
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
export const settledKinds: readonly Kind[] = [...configKinds, 'Community', 'PeerPolicy']

/** A candidate, and the object that it comes from. */
interface Contender<R extends Resource> extends Candidate<R> {
  readonly parse: Parse
}

/** Chooses the versions of all metallb.io objects that agree with each other. */
export function settleConfig(placement: Placement, surroundings: Surroundings, previousOf: PreviousOf): Config {
  const outcome = new Outcome()
  const parsesOf = (kind: Kind): readonly Parse[] => [...placement.byKind[kind].values()]
  const communities = parsesOf('Community').map((parse) => contenderOf('Community', parse, previousOf))
  const inForce = aliasesOf(
    outcome.take(
      communities,
      settle(communities, () => new CommunityWorld()),
    ),
  )
  const aliases = { inForce, refused: refusedAliases(parsesOf('Community'), inForce) }

  const profiles = parsesOf('BFDProfile').map((parse) => contenderOf('BFDProfile', parse, previousOf))
  const names = Map.groupBy(profiles, ({ newest, previous }) => (newest ?? previous) !== undefined)
  const namesWhere = (isValid: boolean) => new Set(names.get(isValid)?.map(({ ref }) => ref.name))
  const referables: Referables = { bfdProfiles: namesWhere(true), refusedProfiles: namesWhere(false) }
  const contenders: Contender<ConfigResource>[] = [
    ...profiles,
    ...parsesOf('IPAddressPool').map((parse) => contenderOf('IPAddressPool', parse, previousOf)),
    ...parsesOf('BGPAdvertisement').map((parse) => {
      const contender = contenderOf('BGPAdvertisement', parse, previousOf)
      const { communities, conflicts } = resolveCommunities(parse.built?.communities ?? [], aliases)
      outcome.report(parse, conflicts)
      return withNewest(contender, conflicts, (advertisement) => ({ ...advertisement, communities }))
    }),
    ...parsesOf('BGPPeer').map((parse) => {
      const { contender, conflicts } = unlocked(contenderOf('BGPPeer', parse, previousOf), (peer) =>
        unlockPeer(peer, surroundings.secrets),
      )
      const dangling = contender.newest === undefined ? [] : danglingOf(contender.newest, referables)
      outcome.report(parse, [...dangling, ...conflicts])
      return withNewest(contender, dangling, (peer) => peer)
    }),
  ]
  const nodes = new NodeSets(surroundings.nodes.values())
  outcome.take(
    contenders,
    settle(contenders, () => new ConfigWorld(nodes)),
  )
  const policies = parsesOf('PeerPolicy').map((parse) => {
    const { contender, conflicts } = unlocked(contenderOf('PeerPolicy', parse, previousOf), (policy) =>
      unlockPolicy(policy, surroundings.secrets),
    )
    outcome.report(parse, conflicts)
    return contender
  })
  outcome.take(
    policies,
    settle(policies, () => peaceful),
  )
  return outcome.config(placement, nodes)
}

function contenderOf<K extends Kind>(kind: K, parse: Parse, previousOf: PreviousOf): Contender<ResourceOf<K>> {
  const before = previousOf(kind, parse.key)
  const previous = before !== undefined && isOfKind(before, kind) ? before : undefined
  const built = parse.built?.resource
  const fresh = built !== undefined && isOfKind(built, kind) ? built : undefined
  const created = createdAt(parse.raw.value)
  return { parse, ref: parse.ref, created, newest: fresh === undefined ? undefined : sameOr(fresh, previous), previous }
}

/** Times as an API server writes them, to the second and in UTC: as texts they are in the order of time. */
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/** metadata.creationTimestamp, where it is the time that an API server has written. */
function createdAt(object: unknown): string | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined
  const time = isRecord(metadata) ? metadata['creationTimestamp'] : undefined
  return typeof time === 'string' && timeForm.test(time) ? time : undefined
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

/** Policies keep none of their kind out (see `policyFindings`). */
const peaceful: World<PeerPolicy> = { conflictsOf: () => [], add: () => undefined }

/**
 * The contender with the passwords of its Secrets. Where one is not there, the version in force stays if it has all that
 * it asks for; else the newest comes into force without it, so that its session is refused rather than opened as it was.
 */
function unlocked<R extends Resource>(
  contender: Contender<R>,
  unlock: (resource: R) => Unlocked<R>,
): { readonly contender: Contender<R>; readonly conflicts: readonly Conflict[] } {
  const previous = contender.previous === undefined ? undefined : withNewPasswords(contender.previous, unlock)
  if (contender.newest === undefined) return { contender: { ...contender, previous }, conflicts: [] }
  const { resource, conflicts } = unlock(contender.newest)
  const isOutdone = conflicts.length > 0 && previous !== undefined && hasItsPasswords(previous)
  return {
    contender: { ...contender, previous, newest: isOutdone ? undefined : sameOr(resource, previous) },
    conflicts,
  }
}

/** The version in force with what its Secrets hold now, as far as they are there. */
function withNewPasswords<R extends Resource>(previous: R, unlock: (resource: R) => Unlocked<R>): R {
  const { resource, conflicts } = unlock(previous)
  return conflicts.length > 0 ? previous : sameOr(resource, previous)
}

/** Whether a resource asks for passwords and has them all. */
function hasItsPasswords(resource: Resource): boolean {
  if (resource.kind === 'BGPPeer') return resource.password !== undefined
  if (resource.kind !== 'PeerPolicy') return false
  return resource.settings.tcpAo?.every(({ secret }) => secret !== undefined) ?? false
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

  config(placement: Placement, nodes: NodeSets): Config {
    const versions = [...this.#versions.values()]
    const advertisements = versions.filter((version) => isOfKind(version, 'BGPAdvertisement'))
    const policies = versions.filter((version) => isOfKind(version, 'PeerPolicy'))
    const peers = versions.filter((version) => isOfKind(version, 'BGPPeer'))
    this.#reportPolicies(policies, peers, nodes)
    const names = {
      pools: namesOf(placement.byKind.IPAddressPool),
      peers: namesOf(placement.byKind.BGPPeer),
    }
    const newest = [...advertisements, ...policies].filter(({ meta }) => !meta.isStale)
    const missing = newest.flatMap((object) => missingNames(object, names))
    const profiles = new Map(
      versions.filter((version) => isOfKind(version, 'BFDProfile')).map((profile) => [profile.meta.ref.name, profile]),
    )
    const echoes = peers.flatMap((peer) => bfdNotes(peer, profiles.get(peer.bfdProfile ?? '')))
    const notInForce = [...this.#notInForce, ...twinsOf(advertisements), ...missing, ...echoes]
    return { versions: this.#versions, faults: this.#faults, notInForce }
  }

  #reportPolicies(policies: readonly PeerPolicy[], peers: readonly BGPPeer[], nodes: NodeSets): void {
    const parses = new Map([...this.#versions].map(([parse, version]) => [version, parse] as const))
    for (const { policy, conflict } of policyFindings(policies, peers, nodes)) {
      const parse = parses.get(policy)
      if (parse !== undefined) this.report(parse, [conflict])
    }
  }
}

const namesOf = (parses: ReadonlyMap<string, Parse>): ReadonlySet<string> =>
  new Set(Array.from(parses.values(), ({ ref }) => ref.name))

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
