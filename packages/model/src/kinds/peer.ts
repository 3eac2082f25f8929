import { formatAddress } from '@holdfast/ip'
import type { EffectivePeerPolicy } from '../peer-policy.ts'
import type { PeerSpec } from '../schemas/peer.ts'
import { SecretText } from '../secret-text.ts'
import type { BGPPeer, Meta } from '../types.ts'
import type { Built, Note } from './definition.ts'

/** A reason why no session to a peer may be opened, with the field that it comes from. */
export interface SessionObstacle {
  readonly path: string
  readonly reason: string
}

/**
 * Why no session to a peer may be opened; empty where one may. Each of these fields is valid by itself, and a session that
 * leaves it out would be refused by the router or be less protected than asked. `policy` is what `effectivePolicy` says.
 */
export function sessionObstacles(peer: BGPPeer, policy: EffectivePeerPolicy | undefined): readonly SessionObstacle[] {
  const obstacles: SessionObstacle[] = []
  const add = (path: string, reason: string): unknown => obstacles.push({ path, reason })
  if (hasForeignSource(peer)) add('spec.sourceAddress', foreignSource)
  if (peer.passwordSecret !== undefined && peer.password === undefined) {
    add('spec.passwordSecret', `${peer.passwordObstacle ?? 'The Secret is not there'}: no session is opened without it`)
  }
  const tcpAo = policy?.tcpAo ?? []
  for (const { sendId } of tcpAo.filter(({ secret }) => secret === undefined)) {
    const key = `the Secret of the TCP-AO key with sendID ${sendId}`
    add('spec.tcpAO', `${key} is not there or cannot be used: no session is opened without it (PeerPolicy)`)
  }
  if (tcpAo.length > 0 && asksForPassword(peer)) {
    add('spec.tcpAO', 'a connection has either a TCP MD5 password or TCP-AO keys, and the peer has both (PeerPolicy)')
  }
  return obstacles
}

const foreignSource = 'is of another family than peerAddress: no session can be opened from it'

const hasForeignSource = ({ sourceAddress, peerAddress }: BGPPeer): boolean =>
  sourceAddress !== undefined && peerAddress !== undefined && sourceAddress.family !== peerAddress.family

/** Whether a peer is to be protected by TCP MD5, with its password there or not. */
export const asksForPassword = ({ password, passwordSecret }: BGPPeer): boolean =>
  password !== undefined || passwordSecret !== undefined

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
    password: spec.password === undefined ? undefined : new SecretText(spec.password),
    passwordObstacle: undefined,
    passwordSecret: secretOf(spec, meta),
    bfdProfile: orUndefined(spec.bfdProfile),
    enableGracefulRestart: spec.enableGracefulRestart === true,
    vrf: spec.vrf,
  }
}

/** The fields that have no effect. */
function notesOf(spec: PeerSpec, peer: BGPPeer): readonly Note[] {
  const notes: Note[] = []
  const add = (field: string, value: string, reason: string): unknown =>
    notes.push({ path: ['spec', field], value, reason })
  if (peer.sourceAddress !== undefined && hasForeignSource(peer)) {
    add('sourceAddress', formatAddress(peer.sourceAddress), foreignSource)
  }
  if (spec.disableMP) add('disableMP', 'true', 'the field is deprecated and has no effect in MetalLB either')
  return notes
}
