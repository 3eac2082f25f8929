import { formatAddress } from '@holdfast/ip'
import type { PeerSpec } from '../schemas/peer.ts'
import type { BGPPeer, Meta } from '../types.ts'
import type { Built, Note } from './definition.ts'

/** A reason why no session to a peer may be opened, with the field that it comes from. */
export interface SessionObstacle {
  readonly path: string
  readonly reason: string
}

/**
 * Why no session to a peer may be opened; empty where one may. Each of these fields is valid, and a session that leaves
 * it out would be refused by the router, be less protected than asked, or run in another network than asked.
 */
export function sessionObstacles(peer: BGPPeer): readonly SessionObstacle[] {
  const obstacles: SessionObstacle[] = []
  const add = (path: string, reason: string): unknown => obstacles.push({ path, reason })
  if (peer.hasPassword) {
    const path = peer.passwordSecret === undefined ? 'spec.password' : 'spec.passwordSecret'
    add(path, 'TCP MD5 is not in force in this version, and no session is opened without it')
  }
  if (peer.interface !== undefined) {
    add('spec.interface', 'unnumbered sessions are not in force in this version: no session is opened')
  }
  if (peer.vrf !== undefined) add('spec.vrf', 'VRFs are not in force in this version: no session is opened')
  if (peer.localASN !== undefined && peer.localASN !== peer.myASN) {
    add('spec.localASN', 'a local AS of one peer is not in force in this version, and the router would refuse myASN')
  }
  if (hasForeignSource(peer)) {
    add('spec.sourceAddress', 'is of another family than peerAddress: no session can be opened from it')
  }
  return obstacles
}

const hasForeignSource = ({ sourceAddress, peerAddress }: BGPPeer): boolean =>
  sourceAddress !== undefined && peerAddress !== undefined && sourceAddress.family !== peerAddress.family

/** A BGPPeer of its spec, in the form of v1beta2. */
export function buildPeer(spec: PeerSpec, meta: Meta): Built {
  const resource = peerOf(spec, meta)
  return { resource, notes: notesOf(spec, resource), communities: [] }
}

const secretOf = (spec: PeerSpec, meta: Meta): BGPPeer['passwordSecret'] => {
  const name = orUndefined(spec.passwordSecret?.name)
  if (name === undefined) return undefined
  return { name, namespace: orUndefined(spec.passwordSecret?.namespace) ?? meta.ref.namespace }
}

/** The empty text and 0 mean unset. */
const orUndefined = <T extends string | number>(value: T | undefined): T | undefined =>
  value === '' || value === 0 ? undefined : value

function peerOf(spec: PeerSpec, meta: Meta): BGPPeer {
  const passwordSecret = secretOf(spec, meta)
  return {
    kind: 'BGPPeer',
    meta,
    myASN: spec.myASN,
    peerASN: orUndefined(spec.peerASN),
    dynamicASN: spec.dynamicASN,
    peerAddress: spec.peerAddress,
    interface: spec.interface,
    sourceAddress: spec.sourceAddress,
    peerPort: spec.peerPort,
    holdTimeMs: spec.holdTime,
    keepaliveTimeMs: spec.keepaliveTime,
    connectTimeMs: spec.connectTime,
    routerID: spec.routerID,
    nodeSelectors: spec.nodeSelectors,
    localASN: spec.localASN,
    ebgpMultiHop: spec.ebgpMultiHop === true,
    dualStackAddressFamily: spec.dualStackAddressFamily,
    hasPassword: spec.password !== undefined || passwordSecret !== undefined,
    passwordSecret,
    bfdProfile: orUndefined(spec.bfdProfile),
    enableGracefulRestart: spec.enableGracefulRestart === true,
    vrf: spec.vrf,
  }
}

function notesOf(spec: PeerSpec, peer: BGPPeer): readonly Note[] {
  const notes: Note[] = sessionObstacles(peer).map(({ path, reason }) => ({
    path: path.split('.'),
    value: obstacleValue(peer, path),
    reason,
  }))
  const add = (field: string, value: string | boolean, reason: string): unknown =>
    notes.push({ path: ['spec', field], value: String(value), reason })
  if (peer.bfdProfile !== undefined) {
    add('bfdProfile', peer.bfdProfile, 'BFD is not in force in this version: a dead peer is noticed by the hold time')
  }
  if (peer.enableGracefulRestart) {
    add('enableGracefulRestart', true, 'graceful restart is not in force in this version')
  }
  if (spec.disableMP) add('disableMP', true, 'the field is deprecated and has no effect in MetalLB either')
  return notes
}

function obstacleValue(peer: BGPPeer, path: string): string {
  switch (path) {
    case 'spec.interface':
      return peer.interface ?? ''
    case 'spec.vrf':
      return peer.vrf ?? ''
    case 'spec.localASN':
      return String(peer.localASN ?? '')
    case 'spec.sourceAddress':
      return peer.sourceAddress === undefined ? '' : formatAddress(peer.sourceAddress)
    case 'spec.passwordSecret':
      return peer.passwordSecret?.name ?? ''
    default:
      return '(secret)'
  }
}
