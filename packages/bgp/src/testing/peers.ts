import { ipv4 } from '@holdfast/ip'
import type {
  Capability,
  GracefulRestartCapability,
  Message,
  NotificationMessage,
  OpenMessage,
  UpdateMessage,
} from '../messages.ts'
import type { Negotiated, PeerConfig, PeerInput, PeerOutput, Role, TimerName } from '../peer.ts'
import { plainSession } from '../plain-session.ts'
import type { RouteAttributes } from '../routes.ts'
import type { Connection } from '../session.ts'
import type { Peer } from '../step.ts'
import { createPeer, step } from '../step.ts'

/** 192.0.2.1 and 192.0.2.2: we and the router. */
export const local = ipv4(0xc0000201)
export const remote = ipv4(0xc0000202)

export const configOf = (changes: Partial<PeerConfig> = {}): PeerConfig => ({
  ...plainSession,
  localAsn: 65010,
  remoteAsn: 65020,
  routerId: 0x0a000001,
  ...changes,
})

export const fourOctet = (asn: number): Capability => ({ kind: 'fourOctetAs', asn })
export const unicast = (afi: number): Capability => ({ kind: 'multiprotocol', afi, safi: 1 })

/** RFC 4724 with the N bit of RFC 8538, as a router offers it for both families. */
export const gracefulRestart = (changes: Partial<GracefulRestartCapability> = {}): GracefulRestartCapability => ({
  kind: 'gracefulRestart',
  isRestarting: false,
  hasNotification: true,
  restartTimeSeconds: 120,
  families: [
    { afi: 1, safi: 1, isForwarding: true },
    { afi: 2, safi: 1, isForwarding: true },
  ],
  ...changes,
})

/** A session between AS 65010 and AS 65020 on which nothing beyond both families and the usual is negotiated. */
export const negotiatedOf = (changes: Partial<Negotiated> = {}): Negotiated => ({
  localAsn: 65010,
  remoteAsn: 65020,
  remoteRouterId: 0x0a000002,
  isInternal: false,
  holdTimeSeconds: 90,
  keepaliveSeconds: 30,
  families: ['ipv4', 'ipv6'],
  isFourOctetAs: true,
  hasRouteRefresh: true,
  hasEnhancedRefresh: false,
  maxReceivedLength: 4096,
  maxSentLength: 4096,
  addPath: [],
  extendedNextHop: [],
  gracefulRestart: undefined,
  role: undefined,
  sendHoldSeconds: 480,
  globalAsn: undefined,
  localAddress: local,
  remoteAddress: remote,
  ...changes,
})

export const attributesOf = (changes: Partial<RouteAttributes> = {}): RouteAttributes => ({
  origin: 'igp',
  localPref: undefined,
  med: undefined,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  prepend: 0,
  nextHop: undefined,
  ...changes,
})

/** The OPEN of a router in AS 65020 that speaks all that we speak. */
export const openOf = (changes: Partial<OpenMessage> = {}): OpenMessage => ({
  kind: 'open',
  version: 4,
  asn: 65020,
  holdTimeSeconds: 90,
  routerId: 0x0a000002,
  capabilities: [unicast(1), unicast(2), { kind: 'routeRefresh' }, fourOctet(65020)],
  ...changes,
})

export const keepalive: Message = { kind: 'keepalive' }

export const notificationOf = (code: number, subcode: number, data = new Uint8Array(0)): NotificationMessage => ({
  kind: 'notification',
  code,
  subcode,
  data,
})

export const emptyUpdate: UpdateMessage = {
  kind: 'update',
  withdrawn: [],
  announced: undefined,
  endOfRib: 'ipv4',
  faults: [],
}

export const received = (role: Role, message: Message): PeerInput => ({ kind: 'received', role, message })
export const connected = (role: Role): PeerInput => ({ kind: 'connected', role, local, remote })
export const timer = (role: Role, name: TimerName): PeerInput => ({ kind: 'timer', role, timer: name })
export const disconnected = (role: Role): PeerInput => ({
  kind: 'disconnected',
  role,
  code: 'ECONNRESET',
  message: 'reset by peer',
})

/** Inputs in sequence, a millisecond apart; all outputs together. */
export function feed(peer: Peer, inputs: readonly PeerInput[], now = 0): { peer: Peer; outputs: PeerOutput[] } {
  const outputs: PeerOutput[] = []
  let current = peer
  for (const [index, input] of inputs.entries()) {
    const next = step(current, input, now + index)
    current = next.peer
    outputs.push(...next.outputs)
  }
  return { peer: current, outputs }
}

/** What brings a started peer's connection up. */
export const opening = (role: Role, open = openOf()): readonly PeerInput[] => [
  connected(role),
  received(role, open),
  received(role, keepalive),
]

/** A peer with its session Established on the connection that it dialed. */
export const establishedPeer = (changes: Partial<PeerConfig> = {}, open = openOf()): Peer =>
  feed(createPeer(configOf(changes), 0), [{ kind: 'start' }, ...opening('active', open)]).peer

/** An output in one short line. Reasons are given by their codes. */
export function render(output: PeerOutput): string {
  switch (output.kind) {
    case 'dial':
      return 'dial'
    case 'hangUp':
      return output.isAbrupt === true ? 'abort' : 'hangUp'
    case 'codec':
    case 'established':
      return output.kind
    case 'send':
      return `send ${renderMessage(output.message)}`
    case 'arm':
      return `arm ${output.timer} ${Math.round(output.ms)}`
    case 'disarm':
      return `disarm ${output.timer}`
    case 'changed':
      return `${output.from} to ${output.to}: ${output.reason.code}`
    case 'lost':
      return `lost: ${output.reason.code}`
    case 'learned':
      return 'learned'
    case 'unsent':
      return `unsent ${output.routes.length}`
  }
}

const renderMessage = (message: Message): string =>
  message.kind === 'notification' ? `${message.code}/${message.subcode}` : message.kind

/** The outputs that concern one connection, rendered. */
export const rendered = (outputs: readonly PeerOutput[], role?: Role): string[] =>
  outputs.filter((output) => role === undefined || !('role' in output) || output.role === role).map(render)

export const sentMessages = (outputs: readonly PeerOutput[]): Message[] =>
  outputs.filter((output) => output.kind === 'send').map(({ message }) => message)

/** The reasons of all changes of state. */
export const reasonsOf = (outputs: readonly PeerOutput[]): string[] =>
  outputs.filter((output) => output.kind === 'changed').map(({ reason }) => `${reason.code}: ${reason.message}`)

export const statesOf = (peer: Peer): readonly [Connection['state'], Connection['state']] => [
  peer.connections.active.state,
  peer.connections.passive.state,
]
