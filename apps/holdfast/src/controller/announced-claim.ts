import { shortText } from '../kubernetes/short-text.ts'
import type { NodeWord } from './announced-heard.ts'
import { announcedCondition } from './service-object.ts'

/** What a condition says, without the times that belong to the object. */
interface Saying {
  readonly status: 'True' | 'False' | 'Unknown'
  /** One word in CamelCase: docs/reference/conditions-and-annotations.md lists all. */
  readonly reason: string
  readonly message: string
}

/** What condition holdfast.dev/Announced says of a Service. */
export interface AnnouncedClaim extends Saying {
  readonly type: typeof announcedCondition
}

/** What is heard of the nodes. */
export interface Heard {
  /** undefined: the node has no NodeState. */
  readonly wordOf: (node: string) => NodeWord | undefined
  /** False: the node is gone, or the control plane does not hear it. */
  readonly isHeard: (node: string) => boolean
}

/** Why a node does not announce a Service: a reason of docs/reference/announce-reasons.md, or what its speaker says of itself. */
export interface Refusal {
  readonly reason: string
  readonly message: string
}

/** Every reason that is not a node's own: docs/reference/conditions-and-annotations.md is made from this. */
export const announcedReasons = {
  Announced: {
    status: 'True',
    meaning: 'A router has a route of the Service. The message counts the nodes and the peers.',
  },
  NoAddress: {
    status: 'False',
    meaning: 'The Service has no address; condition `holdfast.dev/AddressAssigned` says why.',
  },
  NoSession: {
    status: 'False',
    meaning:
      'Nodes offer it, but no session that is to carry it is Established. The message has the state and the last error of one.',
  },
  NoSpeaker: {
    status: 'False',
    meaning: 'The nodes that may announce it have no NodeState, so no speaker, or are not heard by the control plane.',
  },
  NoNodes: { status: 'False', meaning: 'There are no Nodes.' },
  NoNodeCan: {
    status: 'False',
    meaning: 'No node announces it, each for a reason of its own. The message has them all.',
  },
  NotToldYet: { status: 'Unknown', meaning: 'No speaker has told yet whether it announces the Service.' },
  NodesNotHeard: {
    status: 'Unknown',
    meaning: 'Only nodes that are gone, or whose condition Ready is Unknown, are said to announce it.',
  },
} as const

const because = (status: Saying['status'], reason: string, message: string): AnnouncedClaim => ({
  type: announcedCondition,
  status,
  reason,
  message: shortText(message, 1024),
})

const claim = (reason: keyof typeof announcedReasons, message: string): AnnouncedClaim =>
  because(announcedReasons[reason].status, reason, message)

/** What is said before anything has been heard: written along with the address. */
export const notToldYet = claim('NotToldYet', 'no speaker has told yet whether it announces the Service')

/** What is said of a Service without an address. `message` is why. */
export const noAddress = (message: string): AnnouncedClaim =>
  claim('NoAddress', `the Service has no address${message === '' ? '' : `: ${message}`}`)

/**
 * What follows from the nodes that offer a Service, each with the names of the BGPPeers that it is offered to; undefined: none of them
 * does. A node without a NodeState is MetalLB's: how its sessions stand is not known, and it counts.
 */
export function offeredClaim(
  offers: ReadonlyMap<string, readonly string[]>,
  { wordOf, isHeard }: Heard,
): AnnouncedClaim | undefined {
  const nodes = [...offers].filter(([node, peers]) => peers.length > 0 && wordOf(node)?.silent === undefined)
  const heard = nodes.filter(([node]) => isHeard(node))
  if (heard.length === 0) return nodes.length === 0 ? undefined : notHeard(nodes.map(([node]) => node))
  const reached = new Set<string>()
  let reaching = 0
  for (const [node, peers] of heard) {
    const established = wordOf(node)?.established ?? peers
    const own = peers.filter((peer) => established.includes(peer))
    for (const peer of own) reached.add(peer)
    if (own.length > 0) reaching += 1
  }
  if (reaching === 0) return noSession(heard, wordOf)
  const deaf = heard.length - reaching
  const rest = deaf === 0 ? '' : `; ${counted(deaf, 'node')} more without a session`
  return claim('Announced', `announced by ${counted(reaching, 'node')} to ${counted(reached.size, 'peer')}${rest}`)
}

function notHeard(nodes: readonly string[]): AnnouncedClaim {
  const [is, was] = nodes.length === 1 ? ['is', 'was'] : ['are', 'were']
  return claim('NodesNotHeard', `${listed(nodes)} ${was} the last to announce it, and ${is} not heard any more`)
}

function noSession(offers: readonly (readonly [string, readonly string[]])[], wordOf: Heard['wordOf']): AnnouncedClaim {
  const [[node, peers] = ['', []]] = [...offers].sort(([a], [b]) => (a < b ? -1 : 1))
  const states = peers.map((peer) => `${peer} (${wordOf(node)?.down[peer] ?? 'no session'})`)
  const who = offers.length === 1 ? `${node} offers` : `${offers.length} nodes offer`
  const example = offers.length === 1 ? '' : `${node}: `
  return claim('NoSession', `${who} it, but no session is Established: ${example}${listed(states)}`)
}

/**
 * What is said of a Service that no node offers. `refusals` has for each node why; undefined: nothing stands in its way, and its
 * speaker has not told yet.
 */
export function refusedClaim(refusals: ReadonlyMap<string, Refusal | undefined>): AnnouncedClaim {
  const byReason = new Map<string, { readonly nodes: string[]; readonly message: string }>()
  for (const [node, refusal] of refusals) {
    if (refusal === undefined) return notToldYet
    const known = byReason.get(refusal.reason)
    if (known === undefined) byReason.set(refusal.reason, { nodes: [node], message: refusal.message })
    else known.nodes.push(node)
  }
  const [first, second] = [...byReason].sort(([, a], [, b]) => b.nodes.length - a.nodes.length)
  if (first === undefined) return claim('NoNodes', 'no node announces it: there are no nodes')
  const [reason, { message }] = first
  if (second === undefined) return because('False', capitalized(reason), `no node announces it: ${message}`)
  const parts = [...byReason].map(([name, { nodes }]) => `${name} (${listed(nodes)})`)
  return claim('NoNodeCan', `no node announces it: ${parts.join(', ')}`)
}

const mostListed = 3

const listed = (names: readonly string[]): string => {
  const sorted = [...names].sort()
  const rest = sorted.length - mostListed
  return rest > 0 ? `${sorted.slice(0, mostListed).join(', ')} and ${rest} more` : sorted.join(', ')
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Reasons of conditions are in CamelCase (meta/v1 Condition). */
const capitalized = (reason: string): string => reason.charAt(0).toUpperCase() + reason.slice(1)
