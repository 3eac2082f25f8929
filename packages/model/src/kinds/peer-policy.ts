import type { Address, Family } from '@holdfast/ip'
import type { ExtendedCommunityValue, PeerPolicy, PeerPolicySettings } from '../peer-policy.ts'
import type { PeerPolicySpec } from '../schemas/peer-policy.ts'
import type { Meta } from '../types.ts'
import type { Built, Note } from './definition.ts'

type TcpAo = NonNullable<PeerPolicySettings['tcpAo']>

const algorithms = {
  'HMAC-SHA-1-96': 'hmac-sha-1-96',
  'AES-128-CMAC-96': 'aes-128-cmac-96',
} as const satisfies Readonly<Record<string, TcpAo[number]['algorithm']>>

/** A PeerPolicy of its spec; the Secrets of its TCP-AO keys are looked up later, when all objects are known. */
export const buildPeerPolicy = (spec: PeerPolicySpec, meta: Meta): Built => ({
  resource: policyOf(spec, meta),
  notes: notesOf(spec),
  communities: [],
})

const policyOf = (spec: PeerPolicySpec, meta: Meta): PeerPolicy => ({
  kind: 'PeerPolicy',
  meta,
  peers: spec.peers,
  peerSelectors: spec.peerSelectors,
  nodeSelectors: spec.nodeSelectors,
  tcpAoSecrets: (spec.tcpAO?.keys ?? []).map(({ secret: { name, namespace } }) => ({
    name,
    namespace: namespace === undefined || namespace === '' ? meta.ref.namespace : namespace,
  })),
  settings: { ...sessionSettingsOf(spec), ...restartSettingsOf(spec), ...routeSettingsOf(spec), tcpAo: tcpAoOf(spec) },
})

const sessionSettingsOf = (spec: PeerPolicySpec) => ({
  gtsmHops: spec.ttlSecurity?.hops,
  ttl: spec.ttl,
  prefixLimit: spec.prefixLimit,
  role: spec.role,
  isRoleStrict: spec.roleStrict,
  isAsReplaced: spec.localAS?.replaceAS,
  sendHoldSeconds: seconds(spec.sendHoldTime),
  isPassive: chosen(spec.connectionMode, 'Passive'),
  delayOpenSeconds: seconds(spec.delayOpenTime),
  withheldCapabilities: spec.withheldCapabilities,
})

const restartSettingsOf = ({ gracefulRestart, gracefulShutdown }: PeerPolicySpec) => ({
  hasGracefulRestart: chosen(gracefulRestart?.mode, 'Auto'),
  restartTimeSeconds: seconds(gracefulRestart?.restartTime),
  longLivedStaleSeconds: seconds(gracefulRestart?.longLivedStaleTime),
  gracefulShutdownMs: gracefulShutdown?.wait,
})

const routeSettingsOf = (spec: PeerPolicySpec) => ({
  asPathPrepend: spec.asPathPrepend,
  med: spec.med,
  linkBandwidthBytesPerSecond:
    spec.linkBandwidthMbps === undefined ? undefined : spec.linkBandwidthMbps * octetsPerMegabit,
  nextHops: nextHopsOf(spec.nextHop),
  extendedCommunities: ascending(spec.extendedCommunities),
  hasAddPath: chosen(spec.addPath, 'Send'),
  hasExtendedNextHop: chosen(spec.extendedNextHop, 'Enabled'),
})

const octetsPerMegabit = 125_000

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000)

/** Whether a field of two words holds the one that switches it on; undefined where it says nothing. */
const chosen = <T extends string>(value: T | undefined, on: T): boolean | undefined =>
  value === undefined ? undefined : value === on

function nextHopsOf(nextHop: PeerPolicySpec['nextHop']): Readonly<Partial<Record<Family, Address>>> {
  const { ipv4, ipv6 } = nextHop ?? {}
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) }
}

const ascending = (communities: readonly ExtendedCommunityValue[]): readonly ExtendedCommunityValue[] =>
  communities
    .toSorted((a, b) => a.high - b.high || a.low - b.low)
    .filter(({ high, low }, index, all) => all[index - 1]?.high !== high || all[index - 1]?.low !== low)

const tcpAoOf = ({ tcpAO }: PeerPolicySpec): TcpAo | undefined =>
  tcpAO?.keys.map(({ sendID, receiveID, algorithm }) => ({
    sendId: sendID,
    receiveId: receiveID,
    algorithm: algorithms[algorithm],
    secret: undefined,
  }))

/** Times of a graceful restart that the same policy switches off. */
function notesOf({ gracefulRestart }: PeerPolicySpec): readonly Note[] {
  if (gracefulRestart?.mode !== 'Disabled') return []
  return (['restartTime', 'longLivedStaleTime'] as const).flatMap((field) => {
    const ms = gracefulRestart[field]
    if (ms === undefined) return []
    const path = ['spec', 'gracefulRestart', field]
    return [{ path, value: `${ms / 1000}s`, reason: 'the same policy disables graceful restart' }]
  })
}
