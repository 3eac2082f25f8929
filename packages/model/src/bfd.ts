import type { BFDProfile, BGPPeer, Model, NotInForce } from './types.ts'

/** What a BFD session is to do: a BFDProfile with its defaults filled in. Times in milliseconds. */
export interface BfdSettings {
  /** RFC 5880 section 6.8.1 bfd.DesiredMinTxInterval. */
  readonly transmitIntervalMs: number
  /** bfd.RequiredMinRxInterval. */
  readonly receiveIntervalMs: number
  readonly detectMultiplier: number
  readonly isPassive: boolean
  /** undefined: echo packets are not offered to be looped back. */
  readonly echoReceiveIntervalMs: number | undefined
  readonly isMultihop: boolean
  readonly minimumTtl: number
}

/** FRR's, which MetalLB leaves out what is unset for. */
const defaults = { intervalMs: 300, detectMultiplier: 3, echoIntervalMs: 50, multihopTtl: 254 } as const

/** GTSM of single-hop sessions (RFC 5881 section 5). */
const singleHopTtl = 255

/** What a profile asks of a session: echo packets and other TTLs than 255 each need one kind of session. */
export const bfdConfigOf = (profile: BFDProfile, isMultihop: boolean): BfdSettings => ({
  transmitIntervalMs: profile.transmitIntervalMs ?? defaults.intervalMs,
  receiveIntervalMs: profile.receiveIntervalMs ?? defaults.intervalMs,
  detectMultiplier: profile.detectMultiplier ?? defaults.detectMultiplier,
  isPassive: profile.passiveMode,
  echoReceiveIntervalMs:
    profile.echoMode && !isMultihop ? (profile.echoIntervalMs ?? defaults.echoIntervalMs) : undefined,
  isMultihop,
  minimumTtl: isMultihop ? (profile.minimumTtl ?? defaults.multihopTtl) : singleHopTtl,
})

/**
 * Whether the BFD session of a peer goes over several hops, by FRR's rule, which routers beside MetalLB are set up for: on
 * eBGP where ebgpMultiHop is set; on iBGP unless the peer is in a network that the node is in itself; never unnumbered.
 */
export function isBfdMultihop(peer: BGPPeer, isOnSharedNetwork: boolean): boolean {
  if (peer.peerAddress === undefined) return false
  return isInternalPeer(peer) ? !isOnSharedNetwork : peer.ebgpMultiHop
}

/** Whether a peer is in the AS that its session has as the local one. */
export const isInternalPeer = ({ dynamicASN, peerASN, localASN, myASN }: BGPPeer): boolean =>
  dynamicASN === 'internal' || peerASN === (localASN ?? myASN)

/** The BFDProfile of a peer; profiles are referred to by name, in whatever namespace they are. */
export function bfdProfileOf({ bfdProfiles }: Model, { bfdProfile, meta }: BGPPeer): BFDProfile | undefined {
  if (bfdProfile === undefined) return undefined
  const beside = bfdProfiles.get(`${meta.ref.namespace}/${bfdProfile}`)
  return beside ?? [...bfdProfiles.values()].find((profile) => profile.meta.ref.name === bfdProfile)
}

/** What a profile asks for in vain on a peer that is surely several hops away. */
export function bfdNotes(peer: BGPPeer, profile: BFDProfile | undefined): readonly NotInForce[] {
  if (profile?.echoMode !== true || !isBfdMultihop(peer, true)) return []
  const reason = 'echoMode of the profile has no effect over several hops'
  return [{ object: peer.meta.ref, path: 'spec.bfdProfile', value: profile.meta.ref.name, reason }]
}
