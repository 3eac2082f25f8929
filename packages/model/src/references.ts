import { compareText } from './compare.ts'
import { problem } from './rules.ts'
import type { Reading } from './schemas/rule.ts'
import { readCommunity } from './schemas/text.ts'
import type { Conflict } from './settle.ts'
import { closest } from './spelling.ts'
import type { BGPPeer, Community, Secret } from './types.ts'

/** The communities of an advertisement with its aliases looked up, each once and in order, and what is wrong in them. */
export function resolveCommunities(
  texts: readonly string[],
  aliases: ReadonlyMap<string, Community>,
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

function readCommunityOrAlias(text: string, aliases: ReadonlyMap<string, Community>): Reading<Community> {
  // An alias may look like anything, also like a community, and comes first as in MetalLB.
  const alias = aliases.get(text)
  if (alias !== undefined) return { ok: true, value: alias }
  if (text.includes(':')) return readCommunity(text)
  const detail = { alias: text, suggestion: closest(text, aliases.keys()) }
  return { ok: false, problem: problem('unknown-community-alias', detail) }
}

const padded = (value: number): string => String(value).padStart(10, '0')

const communityKey = (community: Community): string =>
  community.kind === 'standard'
    ? `standard ${padded(community.high)} ${padded(community.low)}`
    : `large ${padded(community.globalAdmin)} ${padded(community.data1)} ${padded(community.data2)}`

/** What peers may refer to. */
export interface Referables {
  /** Names of all BFDProfiles that have a valid version. */
  readonly bfdProfiles: ReadonlySet<string>
  /** By `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Secret>
}

/** What is wrong with a peer's references to other objects. */
export function danglingOf(peer: BGPPeer, { bfdProfiles, secrets }: Referables): readonly Conflict[] {
  const conflicts: Conflict[] = []
  if (peer.bfdProfile !== undefined && !bfdProfiles.has(peer.bfdProfile)) {
    const detail = { name: peer.bfdProfile, suggestion: closest(peer.bfdProfile, bfdProfiles) }
    conflicts.push({ path: ['spec', 'bfdProfile'], problem: problem('unknown-bfd-profile', detail) })
  }
  if (peer.passwordSecret !== undefined) {
    const found = secretProblem(peer.passwordSecret, peer.meta.ref.namespace, secrets)
    if (found !== undefined) conflicts.push({ path: ['spec', 'passwordSecret'], problem: found })
  }
  return conflicts
}

/** MetalLB looks in its own namespace, whatever the reference says; so the peer's namespace is good too. */
function secretProblem(
  { name, namespace }: NonNullable<BGPPeer['passwordSecret']>,
  peerNamespace: string,
  secrets: ReadonlyMap<string, Secret>,
): ReturnType<typeof problem> | undefined {
  const secret = secrets.get(`${namespace}/${name}`) ?? secrets.get(`${peerNamespace}/${name}`)
  if (secret === undefined) return problem('unknown-secret', { name, namespace })
  if (secret.type !== 'kubernetes.io/basic-auth') {
    return problem('unusable-secret', { name, why: `its type is "${secret.type}"` })
  }
  return secret.hasPassword
    ? undefined
    : problem('unusable-secret', { name, why: 'it has no value under the key password' })
}
