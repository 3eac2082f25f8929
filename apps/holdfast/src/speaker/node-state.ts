import type { KubeObject } from '@holdfast/cluster'
import { fieldsOf, listAt, textAt, valueAt, type Fields } from '../kubernetes/fields-at.ts'
import { answerTo } from '../kubernetes/question.ts'
import type { PeersAnswer, PeerView } from '../peers/view.ts'
import { version } from '../version.ts'
import type { ConditionSaying } from './conditions.ts'
import { conditionsOf } from './conditions.ts'
import type { Connections } from './conntrack.ts'
import type { Hold, LifecycleState } from './lifecycle.ts'
import type { Gate, Knowledge } from './speaker.ts'

/** Everything that a NodeState says, as it is at one moment. */
export interface NodeStateInput {
  readonly peers: PeersAnswer['peers']
  /** Prefixes that at least one router has from this node now. */
  readonly routes: number
  /** Whether ServiceBGPStatus objects tell of what is announced. */
  readonly serviceStatuses: 'all' | 'none'
  readonly lifecycle: LifecycleState
  /** RFC 3339: when `lifecycle` began. */
  readonly lifecycleSince: string
  /** `spec` of the NodeState that all of this follows from. */
  readonly asked: unknown
  readonly connections: Connections | undefined
  readonly gate: Gate
  readonly knowledge: Knowledge
  /** What is doubted now. */
  readonly doubt: string | undefined
  /** How many faults the configuration has; undefined: nothing is known yet. */
  readonly faults: number | undefined
  /** The status as it was last; its conditions tell when each changed. */
  readonly before: unknown
  readonly now: string
}

export const nodeStateObject = (node: string, namespace: string): KubeObject => ({
  apiVersion: 'holdfast.dev/v1alpha1',
  kind: 'NodeState',
  metadata: { name: node, namespace },
})

/** The status of a NodeState. Nothing in it changes by itself while everything stays as it is: no counters, no ages. */
export function nodeStateStatus(input: NodeStateInput): object {
  const { peers, lifecycle, before, now } = input
  const known = new Map(listAt(before, 'sessions').map((one) => [textAt(one, 'peer'), fieldsOf(one)]))
  const established = peers.filter(({ state }) => state === 'Established').length
  return {
    version,
    sessionsReady: `${established}/${peers.length}`,
    sessions: peers.map((view) => sessionOf(view, known.get(view.peer) ?? {})),
    routes: input.routes,
    // Who finds no ServiceBGPStatus of this node is not to take it for one that announces nothing.
    ...(input.serviceStatuses === 'all' ? {} : { serviceStatuses: 'None' }),
    ...(lifecycle.phase === 'Active' ? {} : { drain: drainOf(lifecycle, input) }),
    ...answerTo(input.asked),
    conditions: conditionsOf(sayingsOf(input), valueAt(before, 'conditions'), now),
  }
}

/** A step that passes is none to write down; one that lasts is. */
const lastingSeconds = 2

function sessionOf(view: PeerView, before: Fields): object {
  const { peer, remote, lastError, bfd, routes } = view
  const error = lastError === null ? {} : { lastError: errorText(lastError), lastErrorTime: timeOf(before, lastError) }
  return {
    peer,
    address: view.neighbor?.address ?? remote,
    ...(view.vrf === null ? {} : { vrf: view.vrf }),
    ...standingOf(view, before),
    ...error,
    ...(view.negotiated === null ? {} : { negotiated: negotiatedOf(view, view.negotiated) }),
    ...(bfd === null ? {} : { bfd: bfd.obstacle === null ? bfdStates[bfd.state] : 'CannotRun' }),
    routes: routes.sent,
  }
}

/** The state, and since when it stands or why it is no better. */
function standingOf(view: PeerView, before: Fields): object {
  const { since, reason, lastError } = view
  const state = stateOf(view)
  if (state === 'Established') return { state, ...(since === null ? {} : { since: sinceOf(before, since) }) }
  const isSaid = lastError === null || (isUnanswered(view) && lastError.code !== 'connectTimeout')
  return { state, ...(reason === null || !isSaid ? {} : { reason }) }
}

/** Longer than the kernel takes to find out that a host of the own network is not there, so that this is not said before and taken back. */
const unansweredSeconds = 4

/** What is tried now has had no answer for long: the last error, of before, does not tell why. */
const isUnanswered = ({ state, seconds }: PeerView): boolean =>
  state === 'Connect' && (seconds ?? 0) > unansweredSeconds

/** Of a session that is down, time alone makes the status another one; of one that nobody answers no more, and not of others. */
export const isToBeLookedAt = (peers: NodeStateInput['peers']): boolean =>
  peers.some((view) => view.state !== 'Established' && view.state !== 'not opened' && !isUnanswered(view))

const bfdStates = { adminDown: 'AdminDown', down: 'Down', init: 'Init', up: 'Up' } as const

/**
 * A session that does not come up goes round through its states with every attempt: as long as none of them lasts it is Active,
 * which is what RFC 4271 calls a session that is trying.
 */
function stateOf({ state, seconds }: PeerView): string {
  if (state === 'Established') return state
  if (state === 'not opened') return 'NotOpened'
  const isLasting = (state === 'OpenSent' || state === 'OpenConfirm') && (seconds ?? 0) >= lastingSeconds
  return isLasting ? state : 'Active'
}

type LastError = NonNullable<PeerView['lastError']>

/** Where a password may be the cause it is said: of another one a router sends no error, but nothing at all (RFC 2385 section 2.0). */
function errorText({ code, message, hint, remedy }: LastError): string {
  if (hint !== null) return `${message.replace(/\.$/, '')}; ${hint}`
  return code === 'connectTimeout' ? `${message} ${remedy}` : message
}

/** The same error again is not news. */
const timeOf = (before: Fields, error: LastError): string =>
  before['lastError'] === errorText(error) && textAt(before, 'lastErrorTime') !== ''
    ? textAt(before, 'lastErrorTime')
    : error.time

/** Two clocks make one time, which differs by a little whenever it is asked for. */
function sinceOf({ state, since }: Fields, now: string): string {
  const known = textAt(since)
  const isSame = state === 'Established' && Math.abs(Date.parse(known) - Date.parse(now)) < 1500
  return isSame ? known : now
}

function negotiatedOf({ neighbor }: PeerView, negotiated: NonNullable<PeerView['negotiated']>): object {
  const { gracefulRestart: restart, role } = negotiated
  return {
    ...(neighbor === null ? {} : { remoteASN: neighbor.asn, remoteRouterID: neighbor.routerId }),
    ...remoteSoftwareOf(neighbor),
    holdTimeSeconds: negotiated.holdTime,
    keepaliveTimeSeconds: negotiated.keepalive,
    families: negotiated.families,
    internal: negotiated.isInternal,
    fourOctetASN: negotiated.fourOctetAs,
    routeRefresh: { none: 'None', plain: 'Plain', enhanced: 'Enhanced' }[negotiated.routeRefresh],
    ...(negotiated.addPath.length === 0 ? {} : { addPath: negotiated.addPath }),
    ...(negotiated.extendedNextHop.length === 0 ? {} : { extendedNextHop: negotiated.extendedNextHop }),
    ...(role === null ? {} : { role: role.local }),
    ...(restart === null
      ? {}
      : { restartTimeSeconds: restart.restartTime, peerRestartTimeSeconds: restart.peerRestartTime }),
  }
}

const remoteSoftwareOf = (neighbor: PeerView['neighbor']): object => {
  const software = neighbor?.softwareVersion ?? null
  return software === null ? {} : { remoteSoftware: software }
}

type Leaving = Exclude<LifecycleState, { phase: 'Active' }>

function drainOf(lifecycle: Leaving, { lifecycleSince, asked, connections }: NodeStateInput): object {
  const requestedAt = textAt(asked, 'drain', 'requestedAt')
  const held = lifecycle.phase === 'HeldBack' ? [...lifecycle.held] : []
  return {
    phase: lifecycle.phase,
    since: lifecycleSince,
    cause: lifecycle.wish.cause,
    message: lifecycle.wish.message,
    ...(requestedAt === '' ? {} : { requestedAt }),
    ...(connections?.kind === 'counted'
      ? { remainingConnections: connections.count, silentConnections: connections.silent }
      : {}),
    ...(held.length === 0
      ? {}
      : { heldBack: held.slice(0, mostHeldBack).map(([prefix, hold]) => ({ prefix, ...hold })) }),
  }
}

/** An object of the API has its limits: of a node that announces thousands alone some are named. */
export const mostHeldBack = 1000

const sayingsOf = (input: NodeStateInput): readonly ConditionSaying[] => [
  announcing(input),
  safeToReboot(input.lifecycle, input.connections),
  configurationValid(input.faults),
]

/** Whether the node's routes go out, and why not: the first thing that stands in the way. */
function announcing(input: NodeStateInput): ConditionSaying {
  const { lifecycle, gate, knowledge, doubt } = input
  const say = (status: ConditionSaying['status'], reason: string, message: string): ConditionSaying => ({
    type: 'Announcing',
    status,
    reason,
    message,
  })
  if (lifecycle.phase === 'Withdrawn') return say('False', 'Withdrawn', lifecycle.wish.message)
  if (!gate.isOpen) return say('False', 'KubeProxyNotReady', gate.message)
  if (knowledge.kind === 'none') return say('False', 'NothingKnown', 'the API server has not been heard yet')
  if (knowledge.kind === 'lastKnown') {
    return say(
      'True',
      'LastKnownState',
      `as it was known at ${knowledge.writtenAt}: the API server has not been heard since`,
    )
  }
  if (lifecycle.phase !== 'Active') return say('True', lifecycle.phase, lifecycle.wish.message)
  if (doubt !== undefined) return say('True', 'ListDoubted', doubt)
  return say('True', 'Announcing', 'as planned')
}

type Say = (status: ConditionSaying['status'], reason: string, message: string) => ConditionSaying

/** Whether nothing is lost when the node goes away now: nothing but connections that no packet passes. */
export function safeToReboot(lifecycle: LifecycleState, connections: Connections | undefined): ConditionSaying {
  const say: Say = (status, reason, message) => ({
    type: 'SafeToReboot',
    status,
    reason,
    message,
  })
  switch (lifecycle.phase) {
    case 'Active':
      return say('False', 'Announcing', 'the node announces: drain it first')
    case 'GracefulShutdown':
      return say('False', 'GracefulShutdown', 'routers are given time to prefer other nodes')
    case 'HeldBack':
      return say('False', 'HeldBack', heldBackMessage(lifecycle.held))
    case 'Withdrawn':
      break
  }
  if (connections === undefined)
    return say('False', 'CountingConnections', 'the connections that are left are being counted')
  if (connections.kind === 'unknown') {
    return say(
      'True',
      'ConnectionsUnknown',
      `nothing is announced; how many connections are left is not known: ${connections.reason}`,
    )
  }
  return safeBeside(connections, say)
}

function heldBackMessage(held: ReadonlyMap<string, Hold>): string {
  const alone = [...held].filter(([, { reason }]) => reason !== 'noAnswer').map(([prefix]) => prefix)
  const unsure = [...held].filter(([, { reason }]) => reason === 'noAnswer')
  const silent = [...new Set(unsure.flatMap(([, { node }]) => node ?? []))]
  const parts = [
    ...(alone.length === 0 ? [] : [`announced by no other node: ${namesOf(alone)}`]),
    ...(unsure.length === 0
      ? []
      : [`the speaker of ${namesOf(silent)} does not answer: ${namesOf(unsure.map(([prefix]) => prefix))}`]),
  ]
  return parts.join('; ')
}

type Counted = Extract<Connections, { kind: 'counted' }>

function safeBeside(connections: Counted, say: Say): ConditionSaying {
  if (connections.count === 0) return say('True', 'NoConnections', 'nothing is announced, and no connection is left')
  const { silent } = connections
  const active = connections.count - silent
  const silence = silenceOf(connections)
  if (active === 0)
    return say(
      'True',
      'SilentConnectionsOnly',
      `nothing is announced; ${silent} connection${silent === 1 ? '' : 's'} ${silence}`,
    )
  const left = `nothing is announced; ${active} connection${active === 1 ? ' is' : 's are'} left`
  return say('False', 'ConnectionsRemain', silent === 0 ? left : `${left}, ${silent} more ${silence}`)
}

const silenceOf = ({ silent, silenceSeconds }: Counted): string =>
  silent === 1
    ? `has been silent for over ${silenceSeconds} s: the router may have moved it, or it is idle`
    : `have been silent for over ${silenceSeconds} s: the router may have moved them, or they are idle`

const namesOf = (prefixes: readonly string[]): string =>
  prefixes.length > 10 ? `${prefixes.slice(0, 10).join(', ')} and ${prefixes.length - 10} more` : prefixes.join(', ')

function configurationValid(faults: number | undefined): ConditionSaying {
  const type = 'ConfigurationValid'
  if (faults === undefined) return { type, status: 'Unknown', reason: 'NothingKnown', message: 'nothing is known yet' }
  if (faults === 0) return { type, status: 'True', reason: 'Valid', message: '' }
  const message = `${faults} fault${faults === 1 ? '' : 's'}: see the ConfigurationState of this speaker`
  return { type, status: 'False', reason: 'Invalid', message }
}
