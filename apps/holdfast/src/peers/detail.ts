import { protectedReasons } from '@holdfast/bgp'
import { age, heading, wrap } from '../output/text.ts'
import { isUp, stateText } from './list.ts'
import type { BfdView, PeersAnswer, PeerView } from './view.ts'

/** A label and what is said of it; absent things are left out. */
type Line = readonly [label: string, text: string | undefined]

/** Everything that is known of a session, for a person. */
export function detailLines(view: PeerView, { time }: PeersAnswer, columns: number): readonly string[] {
  const nowMs = Date.parse(time)
  const error = section('Last error', errorLines(view, nowMs), columns)
  // Of a session that is down the error is what one has come for, and the screen may be short.
  const isDown = !isUp(view)
  return [
    heading(`${view.node} -> ${view.peer} (${view.remote})`),
    ...block(stateLines(view, nowMs), columns),
    ...(isDown ? error : []),
    ...section('Ends', endLines(view), columns),
    ...section('Offered', offeredLines(view), columns),
    ...section('Negotiated', negotiatedLines(view), columns),
    ...section('Timers', timerLines(view, nowMs), columns),
    ...section('Traffic', trafficLines(view), columns),
    ...(isDown ? [] : error),
    ...section('BFD', view.bfd === null ? [] : bfdLines(view.bfd, nowMs), columns),
  ]
}

function section(title: string, lines: readonly Line[], columns: number): readonly string[] {
  const said = lines.filter(([, text]) => text !== undefined)
  return said.length === 0 ? [] : ['', `  ${heading(title)}`, ...block(said, columns)]
}

const labelWidth = 18

function block(lines: readonly Line[], columns: number): readonly string[] {
  return lines.flatMap(([label, text]) => {
    if (text === undefined) return []
    const [first = '', ...more] = wrap(text, columns - labelWidth - 4, 0)
    return [`    ${label.padEnd(labelWidth)}${first}`, ...more.map((one) => ' '.repeat(labelWidth + 4) + one)]
  })
}

const ago = (at: string | null, nowMs: number): string | undefined =>
  at === null ? undefined : `${age(nowMs - Date.parse(at))} ago`

function stateLines(view: PeerView, nowMs: number): readonly Line[] {
  const since = view.since === null ? '' : ` since ${view.since} (${ago(view.since, nowMs) ?? ''})`
  return [
    ['State', stateText(view) + since],
    ['Reason', view.reason ?? undefined],
  ]
}

function endLines(view: PeerView): readonly Line[] {
  const { local, neighbor } = view
  return [
    ['Local', local.routerId === '' ? undefined : `AS ${local.asn}, identifier ${local.routerId}${at(local.address)}`],
    ['Neighbour', neighborText(view)],
    ['Host name', neighbor?.hostName ?? undefined],
    ['Software', neighbor?.softwareVersion ?? undefined],
    ['Protection', protectionText(view)],
  ]
}

function protectionText(view: PeerView): string | undefined {
  if (view.protection.length > 0) return view.protection.join(', ')
  return isConfigurationKnown(view) ? 'none' : undefined
}

/** Of some sessions that cannot be opened nothing can be said but why. */
const isConfigurationKnown = ({ local }: PeerView): boolean => local.routerId !== ''

function neighborText({ neighbor, expectedAsn }: PeerView): string | undefined {
  if (neighbor !== null) return `AS ${neighbor.asn}, identifier ${neighbor.routerId}${at(neighbor.address)}`
  return expectedAsn === '' ? undefined : `AS ${expectedAsn} expected, nothing heard yet`
}

const at = (address: string | null): string => (address === null ? '' : `, address ${address}`)

const offeredLines = ({ offered: { local, peer } }: PeerView): readonly Line[] => [
  ['By us', listed(local)],
  ['By the peer', listed(peer)],
]

const listed = (texts: readonly string[]): string | undefined => (texts.length === 0 ? undefined : texts.join('; '))

function negotiatedLines({ negotiated }: PeerView): readonly Line[] {
  if (negotiated === null) return []
  const { addPath, extendedNextHop, role, longestMessage } = negotiated
  return [
    ['Session', negotiated.isInternal ? 'iBGP' : 'eBGP'],
    ['Families', negotiated.families.join(', ')],
    ['AS numbers', negotiated.fourOctetAs ? 'four octets' : 'two octets'],
    ['Route refresh', negotiated.routeRefresh],
    ['Longest message', `${longestMessage.sent} octets sent, ${longestMessage.received} received`],
    ['Graceful restart', restartText(negotiated.gracefulRestart)],
    ['Add-path', addPath.length === 0 ? undefined : `sent for ${addPath.join(', ')}`],
    ['Ext. next hop', extendedNextHop.length === 0 ? undefined : extendedNextHop.join(', ')],
    ['Role', role === null ? undefined : `ours ${role.local}, the peer's ${role.peer ?? 'not said'}`],
  ]
}

function restartText(restart: NonNullable<PeerView['negotiated']>['gracefulRestart']): string {
  if (restart === null) return 'no: when this process ends, the peer drops our routes'
  const families = restart.families.length === 0 ? 'no family' : restart.families.join(', ')
  const longLived = Object.entries(restart.longLivedStaleTime).map(([family, time]) => `${family} ${time} s longer`)
  const parts = [
    `the peer keeps our routes for ${restart.restartTime} s (${families})`,
    ...longLived,
    restart.notification ? 'also after a NOTIFICATION' : 'not after a NOTIFICATION',
  ]
  return parts.join(', ')
}

function timerLines(view: PeerView, nowMs: number): readonly Line[] {
  const {
    timers: { configured, running },
    negotiated,
  } = view
  const rings = Object.entries(running).map(([name, inSeconds]) => `${name} in ${inSeconds} s`)
  const keepalive = configured.keepalive === null ? 'a third of it' : `${configured.keepalive} s`
  return [
    [
      'Configured',
      isConfigurationKnown(view)
        ? `hold ${configured.holdTime} s, keepalive ${keepalive}, connect retry up to ${configured.connectRetry} s`
        : undefined,
    ],
    [
      'In force',
      negotiated === null
        ? undefined
        : `hold ${negotiated.holdTime} s, keepalive ${negotiated.keepalive} s, send hold ${negotiated.sendHoldTime} s`,
    ],
    ['Running', rings.length === 0 ? undefined : rings.join(', ')],
    ['Last received', ago(view.lastReceived, nowMs)],
    ['Last sent', ago(view.lastSent, nowMs)],
  ]
}

function trafficLines(view: PeerView): readonly Line[] {
  const { routes, bytes, updateFaults } = view
  const limit = routes.receivedLimit === null ? '' : ` of at most ${routes.receivedLimit}`
  return [
    ['Sent', messagesText(view.messages.sent, bytes.sent)],
    ['Received', messagesText(view.messages.received, bytes.received)],
    ['Waiting', bytes.waiting === 0 ? undefined : `${bytes.waiting} octets that the peer does not take`],
    ['Routes sent', String(routes.sent)],
    ['Routes received', routes.received === null ? 'passed over, not counted' : `${routes.received}${limit}`],
    [
      'End-of-RIB',
      routes.endOfRibReceived.length === 0 ? undefined : `received for ${routes.endOfRibReceived.join(', ')}`,
    ],
    [
      'UPDATE faults',
      updateFaults.count === 0 ? undefined : `${updateFaults.count}, the latest: ${updateFaults.latest ?? ''}`,
    ],
    ['Sessions', `${view.counts.established} established, ${triedText(view.counts.dials)}`],
  ]
}

const triedText = (dials: number): string => `${dials} ${dials === 1 ? 'connection' : 'connections'} tried`

const messageNames: Readonly<Record<string, string>> = {
  open: 'OPEN',
  update: 'UPDATE',
  notification: 'NOTIFICATION',
  keepalive: 'KEEPALIVE',
  routeRefresh: 'ROUTE-REFRESH',
}

const messagesText = (counts: Readonly<Record<string, number>>, bytes: number): string =>
  `${Object.entries(counts)
    .map(([kind, count]) => `${count} ${messageNames[kind] ?? kind}`)
    .join(', ')}; ${bytes} octets`

const byWhom = { us: 'we', peer: 'the peer', network: 'the network between' } as const

/** What keeps packets away without a word is not told from a network that loses them. */
function byText({ protection }: PeerView, { by, code }: NonNullable<PeerView['lastError']>): string {
  const isDoubtful = protectedReasons.some((one) => one === code) && protection.some((one) => /^(TCP|GTSM)/.test(one))
  return isDoubtful ? 'the network between, or a key or TTL that does not fit (Protection)' : byWhom[by]
}

function errorLines(view: PeerView, nowMs: number): readonly Line[] {
  const { lastError, lastNotification } = view
  const error: readonly Line[] =
    lastError === null
      ? []
      : [
          ['What', `${lastError.message} (${lastError.code})`],
          ['When', `${lastError.time}, ${ago(lastError.time, nowMs) ?? ''}`],
          ['By', byText(view, lastError)],
          ['Remedy', lastError.remedy],
        ]
  return [...error, ['NOTIFICATION', lastNotification === null ? undefined : notificationText(lastNotification, nowMs)]]
}

function notificationText(last: NonNullable<PeerView['lastNotification']>, nowMs: number): string {
  const said = last.communication === null ? '' : `: "${last.communication}"`
  return `${last.direction} ${last.code}/${last.subcode} ${last.text}${said}, ${ago(last.time, nowMs) ?? ''}`
}

function bfdLines(bfd: BfdView, nowMs: number): readonly Line[] {
  const dropped = Object.entries(bfd.counters.dropped).filter(([, count]) => count > 0)
  const { sent, received, upCount, downCount } = bfd.counters
  return [
    ['State', `${bfd.state} since ${bfd.since} (${ago(bfd.since, nowMs) ?? ''})${bfd.isMultihop ? ', multihop' : ''}`],
    ['Cannot run', bfd.obstacle ?? undefined],
    ['Peer', bfd.remoteState === null ? 'nothing heard yet' : `${bfd.remoteState}, ${bfd.remoteDiagnostic ?? ''}`],
    ['Diagnostic', bfd.diagnostic],
    ['Intervals', `sent every ${bfd.transmitIntervalMs} ms, ${detectionText(bfd.detectionTimeMs)}`],
    ['We ask for', offerText(bfd.local)],
    ['Peer offers', bfd.remote === null ? undefined : offerText(bfd.remote)],
    ['Packets', `${sent} sent, ${received} received; up ${upCount}, down ${downCount} times`],
    ['Dropped', dropped.length === 0 ? undefined : dropped.map(([why, count]) => `${count} ${why}`).join(', ')],
    ['Decision', bfd.decision],
  ]
}

const detectionText = (ms: number | null): string =>
  ms === null ? 'the detection time is not agreed yet' : `down after ${ms} ms without a packet`

const offerText = (offer: BfdView['local'] | NonNullable<BfdView['remote']>): string =>
  [
    `tx ${offer.desiredMinTxMs} ms`,
    `rx ${offer.requiredMinRxMs} ms`,
    `echo rx ${offer.requiredMinEchoRxMs} ms`,
    `multiplier ${offer.detectMultiplier}`,
    ...('isControlPlaneIndependent' in offer ? [`C bit ${offer.isControlPlaneIndependent ? 1 : 0}`] : []),
  ].join(', ')
