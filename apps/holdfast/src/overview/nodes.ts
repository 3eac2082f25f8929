import type { NodeState } from '@holdfast/model'
import { whyDown } from '../kubernetes/why-down.ts'
import type { Absence, Lives } from './absence.ts'
import { absenceOf, neverTold, saidLast } from './absence.ts'
import type { SpeakerPods } from './speaker-pods.ts'

export interface NodeOverview {
  readonly node: string
  readonly sessions: { readonly up: number; readonly total: number }
  readonly routes: number
  /** `Announcing`, or why it does not. */
  readonly state: string
  readonly message: string
  /** What else there is to know: that it is cordoned, that its speaker has not taken up a drain. */
  readonly notes: readonly string[]
  readonly safeToReboot: boolean
  readonly version: string | null
  /** Sessions that are not Established, in words. */
  readonly down: readonly { readonly peer: string; readonly router: string | null; readonly why: string }[]
  /** Established sessions that BFD does not watch, although it is to. `bfd` is its state. */
  readonly unwatched: readonly { readonly peer: string; readonly router: string | null; readonly bfd: string }[]
}

/** The note of a node on which no new pods are put. */
export const cordoned = 'cordoned'

type Session = NonNullable<NodeState['status']['sessions']>[number]
type Condition = NonNullable<NodeState['status']['conditions']>[number]

export interface NodesInput {
  /** Names of all Nodes. */
  readonly nodes: readonly string[]
  /** Names of those that are cordoned. */
  readonly cordoned?: ReadonlySet<string>
  readonly nodeStates: ReadonlyMap<string, NodeState>
  readonly speakers: SpeakerPods
  readonly lives: Lives
}

/** Every Node and every NodeState, by name. */
export function nodesOf(input: NodesInput): readonly NodeOverview[] {
  const names = [...new Set([...input.nodes, ...input.nodeStates.keys()])].sort()
  return names.map((node) => nodeOverview(node, input))
}

function nodeOverview(node: string, input: NodesInput): NodeOverview {
  const cordon = input.cordoned?.has(node) === true ? [cordoned] : []
  const state = input.nodeStates.get(node)
  return state === undefined ? untold(node, cordon) : toldOf(state, cordon, input)
}

function toldOf(state: NodeState, cordon: readonly string[], input: NodesInput): NodeOverview {
  const { name: node, status } = state
  const { sessions = [], routes = 0 } = status
  const up = sessions.filter((session) => session.state === 'Established').length
  const absence = absenceOf(node, input.speakers, input.lives)
  const isGone = !input.nodes.includes(node) && (routes === 0 || absence !== undefined)
  return {
    node,
    sessions: { up, total: sessions.length },
    routes,
    ...(isGone ? gone : (absentWord(absence) ?? nodeStateIn(state, { up, total: sessions.length }))),
    notes: [...cordon, ...notTakenUp(state)],
    safeToReboot: conditionOf(state, 'SafeToReboot')?.status === 'True',
    version: status.version ?? null,
    // Of a node that is gone nothing is being opened.
    ...failuresOf(isGone ? [] : sessions),
  }
}

const absentWord = (absence: Absence | undefined): Pick<NodeOverview, 'state' | 'message'> | undefined =>
  absence === undefined ? undefined : { state: absence.state, message: saidLast(absence) }

const failuresOf = (sessions: readonly Session[]): Pick<NodeOverview, 'down' | 'unwatched'> => ({
  down: sessions.filter(({ state }) => state !== 'Established').map(downOf),
  unwatched: sessions.filter(isUnwatched).map(unwatchedOf),
})

const downOf = (session: Session): NodeOverview['down'][number] => ({
  peer: session.peer,
  router: session.address ?? null,
  why: whyDown(session) ?? session.state,
})

const isUnwatched = ({ state, bfd }: Session): boolean => state === 'Established' && bfd !== undefined && bfd !== 'Up'

const unwatchedOf = ({ peer, address, bfd = 'Down' }: Session): NodeOverview['unwatched'][number] => ({
  peer,
  router: address ?? null,
  bfd,
})

const conditionOf = ({ status: { conditions = [] } }: NodeState, type: string): Condition | undefined =>
  conditions.find((one) => one.type === type)

/** A drain that was asked for, or ended, and that nothing in the status follows from: a speaker takes it up within a second. */
function notTakenUp({ spec, status }: NodeState): readonly string[] {
  const { drain } = spec
  if (drain === undefined) {
    const isEnded = status.drain?.cause === 'requested'
    return isEnded ? ['the end of its drain was asked for, and its speaker has not taken it up'] : []
  }
  if (status.drain?.requestedAt === drain.requestedAt) return []
  const by = drain.requestedBy === undefined ? '' : ` by ${drain.requestedBy}`
  return [`a drain was asked for${by} at ${drain.requestedAt}, and its speaker has not taken it up`]
}

/** Nobody but a person removes a NodeState: it may hold a drain for a node that comes back. */
const gone = {
  state: 'NodeGone',
  message: 'there is no Node of this name; where it does not come back, delete its NodeState',
} as const

function nodeStateIn(
  state: NodeState,
  { up, total }: NodeOverview['sessions'],
): Pick<NodeOverview, 'state' | 'message'> {
  const announcing = conditionOf(state, 'Announcing')
  if (announcing === undefined) {
    return { state: 'Unknown', message: 'the speaker has not told yet whether it announces' }
  }
  const { reason, message } = announcing
  if (reason === 'Announcing' && total === 0) return { state: 'NoPeer', message: 'no BGPPeer is for this node' }
  if (reason === 'Announcing' && up === 0) return { state: 'NoSession', message: 'no router hears it' }
  const held = reason === 'HeldBack' ? conditionOf(state, 'SafeToReboot')?.message : undefined
  return { state: reason, message: held === undefined ? message : `${message}; ${held}` }
}

const untold = (node: string, notes: readonly string[]): NodeOverview => ({
  node,
  sessions: { up: 0, total: 0 },
  routes: 0,
  state: 'NoSpeaker',
  message: neverTold,
  notes,
  safeToReboot: false,
  version: null,
  down: [],
  unwatched: [],
})
