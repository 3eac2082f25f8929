import type { OpenMessage } from '@holdfast/bgp'
import { describeText } from '@holdfast/bgp'
import { diagnosticName } from '@holdfast/bfd'
import type { Family } from '@holdfast/ip'
import { formatAddress, ipv4 } from '@holdfast/ip'
import type { PeerSnapshot } from '@holdfast/net'
import { stateLabel } from '../output/labels.ts'
import type { SessionNow } from '../sessions/session.ts'
import type { SessionSettings } from '../sessions/session-settings.ts'
import type { HeldTerms } from '../sessions/wanted-sessions.ts'
import type { SessionsView } from '../sessions/announcements.ts'
import { version } from '../version.ts'
import { capabilityTexts } from './capabilities.ts'
import type { Moment } from './clocks.ts'
import { iso, onOneClock } from './clocks.ts'
import { lastError, lastNotification, reasonText } from './errors.ts'
import type { BfdView, PeersAnswer, PeerView } from './view.ts'

/** All sessions that the manifests want, also those that cannot be opened, sorted by node and peer. */
export function peersAnswer(view: SessionsView, now: { readonly nowMs: number; readonly nowIso: string }): PeersAnswer {
  const moment = onOneClock(view, now)
  const running = new Map(view.sessions().map((session) => [session.wanted.key, session]))
  const peers = view
    .wanted()
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .flatMap((wanted) => {
      const { terms } = wanted
      const session = running.get(wanted.key)
      if (session !== undefined) return [peerView(session, moment)]
      return 'obstacle' in terms ? [obstructedView(wanted, terms)] : [heldView(wanted, 'is being opened')]
    })
  return { version, time: now.nowIso, peers }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10

const familyName: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

const nothing = { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 }

function heldView({ node, peer, remoteText }: SessionNow['wanted'], reason: string): PeerView {
  return {
    node,
    peer,
    remote: remoteText,
    vrf: null,
    state: 'not opened',
    since: null,
    seconds: null,
    reason,
    local: { asn: 0, routerId: '', address: null },
    neighbor: null,
    expectedAsn: '',
    offered: { local: [], peer: [] },
    negotiated: null,
    timers: { configured: { holdTime: 0, keepalive: null, connectRetry: 0 }, running: {} },
    lastReceived: null,
    lastSent: null,
    messages: { sent: nothing, received: nothing },
    bytes: { sent: 0, received: 0, waiting: 0 },
    routes: { offered: 0, sent: 0, received: null, receivedLimit: null, endOfRibReceived: [] },
    updateFaults: { count: 0, latest: null },
    counts: { established: 0, dials: 0 },
    lastError: null,
    lastNotification: null,
    protection: [],
    bfd: null,
  }
}

/** What a session would be made of, as far as that is known. */
function obstructedView(wanted: SessionNow['wanted'], { obstacle, shown, missing = [] }: HeldTerms): PeerView {
  const held = { ...heldView(wanted, obstacle), protection: missing }
  return shown === undefined ? held : { ...held, ...configuredView(shown) }
}

const configuredView = (
  settings: Pick<SessionSettings, 'identity'>,
): Pick<PeerView, 'local' | 'expectedAsn' | 'timers' | 'vrf'> => ({
  local: {
    asn: settings.identity.config.localAsn,
    routerId: formatAddress(ipv4(settings.identity.config.routerId)),
    address: null,
  },
  expectedAsn: String(settings.identity.config.remoteAsn),
  timers: { configured: configuredTimers(settings), running: {} },
  vrf: vrfOf(settings),
})

function peerView(session: SessionNow, moment: Moment): PeerView {
  const { wanted, settings, snapshot } = session
  const { config } = settings.identity
  const held = heldView(wanted, session.obstacle ?? 'the peer is looked for by its router advertisements')
  const common = {
    ...held,
    ...configuredView(settings),
    protection: protectionOf(settings),
    bfd: bfdView(session, moment),
  }
  if (snapshot === undefined) return common
  return {
    ...common,
    state: stateLabel[snapshot.state],
    since: iso(snapshot.sinceMs, moment),
    seconds: seconds(moment.nowMs - snapshot.sinceMs),
    reason: reasonText(snapshot, settings, moment),
    local: {
      ...common.local,
      address: snapshot.ends === undefined ? null : formatAddress(snapshot.ends.local.address),
    },
    neighbor: neighborView(snapshot),
    offered: { local: capabilityTexts(snapshot.offered.local), peer: capabilityTexts(snapshot.offered.peer) },
    negotiated: negotiatedView(snapshot),
    timers: { configured: configuredTimers(settings), running: runningTimers(snapshot, moment) },
    ...traffic(snapshot, moment),
    routes: {
      offered: session.offeredRoutes,
      sent: snapshot.sentPrefixes,
      received: snapshot.receivedPrefixes ?? null,
      receivedLimit: config.prefixLimit ?? null,
      endOfRibReceived: snapshot.endOfRibReceived.map((family) => familyName[family]),
    },
    updateFaults: { count: snapshot.updateFaults.count, latest: snapshot.updateFaults.latest ?? null },
    counts: { established: snapshot.establishedCount, dials: snapshot.dialCount },
    lastError: lastError(session, moment),
    lastNotification: lastNotification(snapshot, moment),
  }
}

/** An unnumbered session is bound to its interface, any other only to a VRF. */
const vrfOf = ({ identity: { remote, device } }: Pick<SessionSettings, 'identity'>): string | null =>
  remote.kind === 'interface' ? null : (device ?? null)

const configuredTimers = ({
  identity: { config },
}: Pick<SessionSettings, 'identity'>): PeerView['timers']['configured'] => ({
  holdTime: config.holdTimeSeconds,
  keepalive: config.keepaliveSeconds ?? null,
  connectRetry: config.connectRetrySeconds,
})

const runningTimers = ({ timers }: PeerSnapshot, { nowMs }: Moment): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(timers)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, atMs]) => [name, Math.max(0, seconds(atMs - nowMs))]),
  )

function traffic(
  { sent, received, pendingBytes, lastReceivedMs, lastSentMs }: PeerSnapshot,
  moment: Moment,
): Pick<PeerView, 'messages' | 'bytes' | 'lastReceived' | 'lastSent'> {
  return {
    messages: { sent: { ...sent.messages }, received: { ...received.messages } },
    bytes: { sent: sent.bytes, received: received.bytes, waiting: pendingBytes },
    lastReceived: lastReceivedMs === undefined ? null : iso(lastReceivedMs, moment),
    lastSent: lastSentMs === undefined ? null : iso(lastSentMs, moment),
  }
}

function neighborView({ negotiated, offered, ends }: PeerSnapshot): PeerView['neighbor'] {
  const open = offered.peer
  if (open === undefined) return null
  return {
    asn: negotiated?.remoteAsn ?? asnOf(open),
    routerId: formatAddress(ipv4(open.routerId)),
    address: ends === undefined ? null : formatAddress(ends.remote.address),
    hostName: hostNameOf(open),
    softwareVersion: softwareOf(open),
  }
}

const asnOf = (open: OpenMessage): number =>
  open.capabilities.find((capability) => capability.kind === 'fourOctetAs')?.asn ?? open.asn

function hostNameOf({ capabilities }: OpenMessage): string | null {
  const fqdn = capabilities.find((capability) => capability.kind === 'fqdn')
  if (fqdn === undefined) return null
  return describeText([fqdn.hostName, fqdn.domainName].filter((part) => part !== '').join('.'))
}

function softwareOf({ capabilities }: OpenMessage): string | null {
  const software = capabilities.find((capability) => capability.kind === 'softwareVersion')
  return software === undefined ? null : describeText(software.version)
}

function negotiatedView({ negotiated }: PeerSnapshot): PeerView['negotiated'] {
  if (negotiated === undefined) return null
  const { gracefulRestart: restart, role } = negotiated
  return {
    holdTime: negotiated.holdTimeSeconds,
    keepalive: negotiated.keepaliveSeconds,
    sendHoldTime: negotiated.sendHoldSeconds,
    families: names(negotiated.families),
    isInternal: negotiated.isInternal,
    fourOctetAs: negotiated.isFourOctetAs,
    routeRefresh: negotiated.hasEnhancedRefresh ? 'enhanced' : negotiated.hasRouteRefresh ? 'plain' : 'none',
    longestMessage: { sent: negotiated.maxSentLength, received: negotiated.maxReceivedLength },
    addPath: names(negotiated.addPath),
    extendedNextHop: names(negotiated.extendedNextHop),
    role: role === undefined ? null : { local: role.local, peer: role.peer ?? null },
    gracefulRestart:
      restart === undefined
        ? null
        : {
            restartTime: restart.restartTimeSeconds,
            peerRestartTime: restart.peerRestartTimeSeconds,
            notification: restart.hasNotification,
            families: names(restart.families),
            longLivedStaleTime: Object.fromEntries(
              restart.longLived.map(({ family, staleTimeSeconds }) => [familyName[family], staleTimeSeconds]),
            ),
          },
  }
}

const names = (families: readonly Family[]): readonly string[] => families.map((family) => familyName[family])

/** What the session is protected with; never with which key. */
function protectionOf({ socket }: SessionSettings): readonly string[] {
  if (socket === undefined) return []
  return [
    ...(socket.md5Password === undefined ? [] : ['TCP MD5']),
    ...(socket.tcpAo === undefined ? [] : [`TCP-AO, ${socket.tcpAo.keys.length} keys`]),
    ...(socket.minimumTtl === undefined ? [] : [`GTSM: TTL ${socket.minimumTtl} or more`]),
    ...(socket.minimumTtl !== undefined || socket.ttl === undefined ? [] : [`TTL ${socket.ttl}`]),
    ...(socket.device === undefined ? [] : [`device ${socket.device}`]),
  ]
}

function bfdView({ bfd, settings, snapshot }: SessionNow, moment: Moment): BfdView | null {
  if (bfd === undefined || settings.bfd === undefined) return null
  return {
    state: bfd.state,
    since: iso(bfd.sinceMs, moment),
    remoteState: bfd.remoteState ?? null,
    diagnostic: diagnosticName(bfd.localDiagnostic),
    remoteDiagnostic: bfd.remoteDiagnostic === undefined ? null : diagnosticName(bfd.remoteDiagnostic),
    transmitIntervalMs: bfd.transmitIntervalMs,
    detectionTimeMs: bfd.detectionTimeMs ?? null,
    isMultihop: settings.bfd.isMultihop,
    local: {
      detectMultiplier: settings.bfd.detectMultiplier,
      desiredMinTxMs: settings.bfd.transmitIntervalMs,
      requiredMinRxMs: settings.bfd.receiveIntervalMs,
      requiredMinEchoRxMs: settings.bfd.echoReceiveIntervalMs ?? 0,
    },
    remote: bfd.remote ?? null,
    counters: bfd.counters,
    decision: decisionOf(snapshot),
    obstacle: bfd.obstacle ?? null,
  }
}

const decisionOf = (snapshot: PeerSnapshot | undefined): string =>
  snapshot?.negotiated?.gracefulRestart === undefined
    ? 'when BFD goes down the session ends, and the peer drops our routes'
    : 'when BFD goes down the session ends; the peer may keep our routes for the restart time, since our BFD ends with our ' +
      'process (C bit 0, RFC 5882 section 4.3.2)'
