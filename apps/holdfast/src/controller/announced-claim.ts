import type { Family } from '@holdfast/ip'
import { shortText } from '../kubernetes/short-text.ts'
import type { NodeWord, Offer } from './announced-heard.ts'
import { familyNames } from './announced-heard.ts'
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
  /** Why the speaker that offers a Service does not run, by the kubelet; undefined: it runs, or nobody knows. */
  readonly stoppedBehind: (offer: Offer) => string | undefined
  /** Why no speaker runs on a node; undefined: one runs, or nobody knows. */
  readonly stoppedOn: (node: string) => string | undefined
  /** Whether the BGPPeer of this name is configured to carry routes of a family. */
  readonly carries: (peer: string, family: Family) => boolean
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
    meaning:
      'Of each family that it has an address of, a router has a route. The message counts the nodes and the peers.',
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
  FamilyNotAnnounced: {
    status: 'False',
    meaning:
      'Of one family of its addresses no router has a route: no session that the Service is offered to carries it. The message names the address, and what stands in the way; the other family may be announced.',
  },
  SpeakerStopped: {
    status: 'False',
    meaning:
      'The speakers of the nodes that announced it, or may, do not run: their Pods are gone, or containers of them do not run. The message has the word of the kubelet.',
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
  NotTold: {
    status: 'Unknown',
    meaning:
      'Nodes that may announce it are set to tell of no single Service (`--service-statuses none`), and no other one tells that it does.',
  },
  NodesNotHeard: {
    status: 'Unknown',
    meaning: 'Only nodes that are gone, or whose condition Ready is Unknown, are said to announce it.',
  },
} as const

/** What stands as long as a speaker that died may come back at once. */
export const isOfStoppedSpeaker = (reason: string | undefined): boolean =>
  reason === ('SpeakerStopped' satisfies keyof typeof announcedReasons)

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

/** What is offered of a Service. */
export interface Offered {
  /** Its addresses, as texts. */
  readonly addresses: readonly string[]
  /** By node. */
  readonly offers: ReadonlyMap<string, Offer>
}

/**
 * What follows from the nodes that offer a Service; undefined: none of them does. A node without a NodeState is MetalLB's: how its sessions
 * stand is not known, and it counts.
 */
export function offeredClaim({ addresses, offers }: Offered, heard: Heard): AnnouncedClaim | undefined {
  const said = [...offers.values()].filter(
    ({ node, peers }) => peers.length > 0 && heard.wordOf(node)?.silent === undefined,
  )
  if (said.length === 0) return undefined
  const audible = said.filter(({ node }) => heard.isHeard(node))
  const running = audible.filter((offer) => heard.stoppedBehind(offer) === undefined)
  if (running.length === 0) return unspokenFor(said, audible, heard)
  const routes = running.flatMap((offer) => routesOf(offer, addresses, heard))
  if (routes.length === 0 && !running.some((offer) => hasSession(offer, heard))) return noSession(running, heard.wordOf)
  const lacking = addresses.find((address) => !routes.some(({ family }) => family === familyOf(address)))
  if (lacking !== undefined) return familyNotAnnounced(lacking, running, heard)
  return announced(routes, running, audible)
}

function announced(routes: readonly Route[], running: readonly Offer[], audible: readonly Offer[]): AnnouncedClaim {
  const deaf = running.length - countOf(routes, 'node')
  const old = namesOf(audible.filter((offer) => !running.includes(offer)))
  const rest = [
    ...(deaf === 0 ? [] : [`; ${counted(deaf, 'node')} more without a session`]),
    ...(old.length === 0 ? [] : [`; not counted, since the speaker does not run: ${listed(old)}`]),
  ]
  const who = `${counted(countOf(routes, 'node'), 'node')} to ${counted(countOf(routes, 'peer'), 'peer')}`
  return claim('Announced', `announced by ${who}${rest.join('')}`)
}

/** Nobody stands for what is said any more. A node that is not heard may announce still. */
function unspokenFor(said: readonly Offer[], audible: readonly Offer[], heard: Heard): AnnouncedClaim {
  const [first] = audible
  if (first === undefined || audible.length < said.length) {
    return notHeard(namesOf(said.filter((offer) => !audible.includes(offer))))
  }
  return speakerStopped(namesOf(audible), heard.stoppedBehind(first) ?? '')
}

/** A session that carries a route of the Service. */
interface Route {
  readonly node: string
  readonly peer: string
  readonly family: Family
}

const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4')

const namesOf = (offers: readonly Offer[]): readonly string[] => offers.map(({ node }) => node)

function routesOf({ node, peers }: Offer, addresses: readonly string[], heard: Heard): readonly Route[] {
  const word = heard.wordOf(node)
  const isCarried = (peer: string, family: Family): boolean =>
    heard.carries(peer, family) && (word === undefined || word.established[peer]?.includes(family) === true)
  const families = [...new Set(addresses.map(familyOf))]
  return peers.flatMap((peer) =>
    families.filter((family) => isCarried(peer, family)).map((family) => ({ node, peer, family })),
  )
}

function hasSession({ node, peers }: Offer, { wordOf }: Heard): boolean {
  const word = wordOf(node)
  return word === undefined || peers.some((peer) => word.established[peer] !== undefined)
}

const countOf = (routes: readonly Route[], of: keyof Route): number => new Set(routes.map((route) => route[of])).size

/** Whoever waits for the Service waits for all of its addresses: a client that resolves the one that no router knows gets nowhere. */
function familyNotAnnounced(lacking: string, offers: readonly Offer[], heard: Heard): AnnouncedClaim {
  const family = familyOf(lacking)
  const carriers = offers.flatMap(({ node, peers }) =>
    peers.filter((peer) => heard.carries(peer, family)).map((peer) => ({ node, peer })),
  )
  const peers = [...new Set(offers.flatMap((offer) => offer.peers))]
  if (carriers.length === 0) {
    const none = `no BGPPeer that it is offered to carries ${familyNames[family]} (${listed(peers)})`
    return claim('FamilyNotAnnounced', `no router has a route of ${lacking}: ${none}`)
  }
  const states = carriers.map(({ node, peer }) => {
    const isUp = heard.wordOf(node)?.established[peer] !== undefined
    return `${node}: ${peer} (${isUp ? `Established without ${familyNames[family]}` : standing(heard.wordOf(node), peer)})`
  })
  return claim('FamilyNotAnnounced', `no router has a route of ${lacking}: ${listed(states)}`)
}

const standing = (word: NodeWord | undefined, peer: string): string => word?.down[peer] ?? 'no session'

function notHeard(nodes: readonly string[]): AnnouncedClaim {
  const [is, was] = nodes.length === 1 ? ['is', 'was'] : ['are', 'were']
  return claim('NodesNotHeard', `${listed(nodes)} ${was} the last to announce it, and ${is} not heard any more`)
}

function speakerStopped(nodes: readonly string[], why: string): AnnouncedClaim {
  const [was, whose] = nodes.length === 1 ? ['was', 'its speaker does'] : ['were', 'their speakers do']
  return claim('SpeakerStopped', `${listed(nodes)} ${was} the last to announce it, and ${whose} not run: ${why}`)
}

function noSession(offers: readonly Offer[], wordOf: Heard['wordOf']): AnnouncedClaim {
  const [{ node, peers } = { node: '', peers: [] }] = [...offers].sort((a, b) => (a.node < b.node ? -1 : 1))
  const states = peers.map((peer) => `${peer} (${standing(wordOf(node), peer)})`)
  const who = offers.length === 1 ? `${node} offers` : `${offers.length} nodes offer`
  const example = offers.length === 1 ? '' : `${node}: `
  return claim('NoSession', `${who} it, but no session is Established: ${example}${listed(states)}`)
}

/**
 * What is said of a Service that no node offers. `refusals` has for each node why; undefined: nothing stands in its way, and its
 * speaker has not told yet.
 */
export function refusedClaim(refusals: ReadonlyMap<string, Refusal | undefined>): AnnouncedClaim {
  const byReason = new Map<string, { readonly nodes: string[]; readonly message: string; isSaidOfEach: boolean }>()
  for (const [node, refusal] of refusals) {
    if (refusal === undefined) return notToldYet
    const known = byReason.get(refusal.reason)
    if (known === undefined)
      byReason.set(refusal.reason, { nodes: [node], message: refusal.message, isSaidOfEach: true })
    else {
      known.nodes.push(node)
      known.isSaidOfEach &&= known.message === refusal.message
    }
  }
  const untold = byReason.get('NotTold' satisfies keyof typeof announcedReasons)
  if (untold !== undefined) return claim('NotTold', `whether a node announces it is not known: ${untold.message}`)
  const [first, second] = [...byReason].sort(([, a], [, b]) => b.nodes.length - a.nodes.length)
  if (first === undefined) return claim('NoNodes', 'no node announces it: there are no nodes')
  const [reason, { message, nodes, isSaidOfEach }] = first
  if (second === undefined) {
    const others = isSaidOfEach ? '' : `; likewise ${counted(nodes.length - 1, 'other node')}`
    return because('False', capitalized(reason), `no node announces it: ${message}${others}`)
  }
  const parts = [...byReason].map(([name, one]) => `${name} (${listed(one.nodes)})`)
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
