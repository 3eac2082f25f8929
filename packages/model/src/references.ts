import { compareText } from './compare.ts'
import type { PeerPolicy } from './peer-policy.ts'
import type { Problem } from './problem.ts'
import { problem } from './rules.ts'
import type { Reading } from './schemas/rule.ts'
import { readCommunity } from './schemas/text.ts'
import { SecretText } from './secret-text.ts'
import type { Conflict } from './settle.ts'
import { closest } from './spelling.ts'
import type { BGPPeer, Community, Secret, SecretReference } from './types.ts'

/** What the aliases of Community objects mean. */
export interface Aliases {
  readonly inForce: ReadonlyMap<string, Community>
  /** By alias that nothing in force defines, the object that would, as a message names it: it is refused. */
  readonly refused: ReadonlyMap<string, string>
}

/** The communities of an advertisement with its aliases looked up, each once and in order, and what is wrong in them. */
export function resolveCommunities(
  texts: readonly string[],
  aliases: Aliases,
): { readonly communities: readonly Community[]; readonly conflicts: readonly Conflict[] } {
  const communities = new Map<string, Community>()
  const conflicts: Conflict[] = []
  for (const [index, text] of texts.entries()) {
    const reading = readCommunityOrAlias(text, aliases)
    if (reading.ok) communities.set(communityKey(reading.value), reading.value)
    else conflicts.push({ path: ['spec', 'communities', index], problem: reading.problem })
  }
  const sorted = [...communities].sort(([a], [b]) => compareText(a, b)).map(([, community]) => community)
  return { communities: sorted, conflicts }
}

function readCommunityOrAlias(text: string, { inForce, refused }: Aliases): Reading<Community> {
  // An alias may look like anything, also like a community, and comes first as in MetalLB.
  const alias = inForce.get(text)
  if (alias !== undefined) return { ok: true, value: alias }
  if (text.includes(':')) return readCommunity(text)
  const detail = { alias: text, suggestion: closest(text, inForce.keys()), refused: refused.get(text) }
  return { ok: false, problem: problem('unknown-community-alias', detail) }
}

const padded = (value: number): string => String(value).padStart(10, '0')

const communityKey = (community: Community): string =>
  community.kind === 'standard'
    ? `standard ${padded(community.high)} ${padded(community.low)}`
    : `large ${padded(community.globalAdmin)} ${padded(community.data1)} ${padded(community.data2)}`

/** What peers may refer to by name. */
export interface Referables {
  /** Names of all BFDProfiles that have a valid version. */
  readonly bfdProfiles: ReadonlySet<string>
  /** Of those that are there, and have none. */
  readonly refusedProfiles: ReadonlySet<string>
}

/** By `namespace/name`. */
type Secrets = ReadonlyMap<string, Secret>

/** What is wrong with a peer's reference to a BFDProfile. */
export function danglingOf({ bfdProfile }: BGPPeer, { bfdProfiles, refusedProfiles }: Referables): readonly Conflict[] {
  if (bfdProfile === undefined || bfdProfiles.has(bfdProfile)) return []
  const detail = {
    name: bfdProfile,
    suggestion: closest(bfdProfile, bfdProfiles),
    isRefused: refusedProfiles.has(bfdProfile),
  }
  return [{ path: ['spec', 'bfdProfile'], problem: problem('unknown-bfd-profile', detail) }]
}

/** An object with the passwords that it refers to, as far as they are there. */
export interface Unlocked<R> {
  readonly resource: R
  /** What is wrong with the references of those that are not there. */
  readonly conflicts: readonly Conflict[]
}

/** A peer with the password of its Secret. */
export function unlockPeer(peer: BGPPeer, secrets: Secrets): Unlocked<BGPPeer> {
  if (peer.passwordSecret === undefined) return { resource: peer, conflicts: [] }
  const found = passwordAt(peer.passwordSecret, peer.meta.ref.namespace, secrets)
  if (found instanceof SecretText) {
    return { resource: { ...peer, password: found, passwordObstacle: undefined }, conflicts: [] }
  }
  return {
    resource: { ...peer, password: undefined, passwordObstacle: found.message.replace(/\.$/, '') },
    conflicts: [{ path: ['spec', 'passwordSecret'], problem: found }],
  }
}

/** A policy with the secrets of its TCP-AO keys. */
export function unlockPolicy(policy: PeerPolicy, secrets: Secrets): Unlocked<PeerPolicy> {
  const { tcpAo } = policy.settings
  if (tcpAo === undefined) return { resource: policy, conflicts: [] }
  const found = policy.tcpAoSecrets.map((reference) => passwordAt(reference, policy.meta.ref.namespace, secrets))
  const keys = tcpAo.map((key, index) => {
    const secret = found[index]
    return { ...key, secret: secret instanceof SecretText ? secret : undefined }
  })
  const conflicts = found.flatMap((one, index): readonly Conflict[] =>
    one instanceof SecretText ? [] : [{ path: ['spec', 'tcpAO', 'keys', index, 'secret'], problem: one }],
  )
  return { resource: { ...policy, settings: { ...policy.settings, tcpAo: keys } }, conflicts }
}

/** MetalLB looks in its own namespace, whatever the reference says; so that of the referring object is good too. */
function passwordAt(
  { name, namespace }: SecretReference,
  ownNamespace: string,
  secrets: Secrets,
): SecretText | Problem {
  const secret = secrets.get(`${namespace}/${name}`) ?? secrets.get(`${ownNamespace}/${name}`)
  if (secret === undefined) return problem('unknown-secret', { name, namespace })
  const { password } = secret
  return password instanceof SecretText ? password : problem('unusable-secret', { name, why: password.obstacle })
}
