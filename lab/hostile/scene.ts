import * as bytes from './bytes.ts'

/** One kind of session: who dials, over what, and in which AS the peer is. */
export interface Scene {
  readonly name: string
  readonly family: 'ipv4' | 'ipv6'
  readonly isInternal: boolean
  /** The program under test dials. */
  readonly isDialled: boolean
  readonly peerAsn: number
  /** The second or third part of its peers' addresses. */
  readonly number: number
}

export const localAsn = 64500
const externalAsn = 64512

/** The program's own addresses, also its BGP Identifier. */
export const speaker = {
  ipv4: '10.9.0.1',
  ipv6: 'fd09::1',
  port: 1790,
  hex: { ipv4: '0a090001', ipv6: 'fd090000000000000000000000000001' },
} as const

/** Where an attacker listens that is dialled. */
export const attackerPort = 1791

const scene = (number: number, family: Scene['family'], isInternal: boolean, isDialled: boolean): Scene => ({
  name: `${isInternal ? 'iBGP' : 'eBGP'} over ${family === 'ipv4' ? 'IPv4' : 'IPv6'}${isDialled ? ', dialled' : ''}`,
  family,
  isInternal,
  isDialled,
  peerAsn: isInternal ? localAsn : externalAsn,
  number,
})

export const scenes: readonly Scene[] = [
  scene(1, 'ipv4', false, false),
  scene(2, 'ipv6', false, false),
  scene(3, 'ipv4', true, false),
  scene(4, 'ipv6', true, false),
  scene(5, 'ipv4', false, true),
  scene(6, 'ipv6', true, true),
]

/**
 * What the program is told of a peer: `plain` is offered no extended messages, `limited` may announce 100 prefixes. A
 * `refuser` refuses capabilities, which are then not offered to it for a while.
 */
export type PeerKind = 'general' | 'plain' | 'limited' | 'refuser' | 'bystander'

/** Addresses that no BGPPeer names. */
export const strangers = { ipv4: '10.9.9.9', ipv6: 'fd09::9:9' } as const

/** One configured peer: an attacker uses it, or a bystander. */
export interface Slot {
  readonly scene: Scene
  readonly kind: PeerKind
  readonly number: number
  /** Of the BGPPeer. */
  readonly name: string
  readonly address: string
  /** Its BGP Identifier, in hexadecimal. */
  readonly identifier: string
}

export function slotOf(scene: Scene, kind: PeerKind, number: number): Slot {
  const { family, number: part } = scene
  return {
    scene,
    kind,
    number,
    name: `${kind}-${part}-${number}`,
    address: family === 'ipv4' ? `10.9.${part}.${number}` : `fd09::${part}:${number.toString(16)}`,
    identifier: `0a09${bytes.u8(part)}${bytes.u8(number)}`,
  }
}

const generalSlots = { inbound: 28, dialled: 18 } as const

/** Every peer of a scene. */
export function slotsOf(scene: Scene): readonly Slot[] {
  const count = scene.isDialled ? generalSlots.dialled : generalSlots.inbound
  const general = Array.from({ length: count }, (_, index) => slotOf(scene, 'general', index + 10))
  return scene.isDialled
    ? [...general, slotOf(scene, 'refuser', 1), slotOf(scene, 'refuser', 2)]
    : [...general, slotOf(scene, 'plain', 1), slotOf(scene, 'limited', 2), slotOf(scene, 'bystander', 3)]
}

/** An OPEN that is as it should be, with changes; `extra` are further capabilities. */
export function openOf(slot: Slot, changes: Partial<bytes.OpenParts> & { readonly extra?: string } = {}): string {
  const { extra = '', ...parts } = changes
  const { peerAsn } = slot.scene
  const value =
    bytes.capabilities.ipv4 +
    bytes.capabilities.ipv6 +
    bytes.capabilities.routeRefresh +
    bytes.capabilities.fourOctetAs(peerAsn) +
    extra
  return bytes.open({ asn: peerAsn, identifier: slot.identifier, parameters: bytes.parameter(value), ...parts })
}

/** The mandatory attributes of IPv4 routes, as this kind of session has them. */
export const baseAttributes = (scene: Scene): string =>
  bytes.origin + pathOf(scene) + bytes.nextHop() + localPrefOf(scene)

/** Those of routes in MP_REACH_NLRI. */
export const mpAttributes = (scene: Scene): string => bytes.origin + pathOf(scene) + localPrefOf(scene)

/** AS_PATH: the peer's AS, or empty within an AS. */
export const pathOf = (scene: Scene, width: 2 | 4 = 4): string =>
  bytes.asPath(scene.isInternal ? [] : [scene.peerAsn], width)

export const localPrefOf = (scene: Scene): string => (scene.isInternal ? bytes.localPref : '')
