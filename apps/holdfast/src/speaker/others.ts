import type { KubeObject, ResourceType } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { Offer } from '../kubernetes/offers.ts'
import { offerOf } from '../kubernetes/offers.ts'
import type { Candidate, ProofOptions, Reading } from './proof-of-life.ts'
import { listAll, livingOf } from './proof-of-life.ts'
import type { UntoldOptions } from './untold.ts'
import { isUntold, untoldOffers } from './untold.ts'

/** Keys `namespace/name` of the Services of a node that leaves. */
export interface LeavingServices {
  /** All that it would announce. */
  readonly wanted: ReadonlySet<string>
  /** Those that it announces yet. Only for these it has to be proven that others are alive, so that each is asked for once. */
  readonly announced: ReadonlySet<string>
}

export interface OthersOptions extends ProofOptions, LeavingServices, UntoldOptions {}

/** What was found out about Services that this node announces. */
export interface FoundOthers {
  /** Keys of Services that a node announces which stays. */
  readonly announced: ReadonlySet<string>
  /** By key of another one: a node that is said to announce it, and whose speaker does not answer. */
  readonly unanswered: ReadonlyMap<string, string>
}

/** What another node's NodeState says of its announcing. */
interface Standing {
  /** It announces and stays. */
  readonly isStaying: boolean
  /** It leaves, but holds back what would go otherwise. */
  readonly isHolding: boolean
  /** Names of the BGPPeers whose sessions are Established. */
  readonly established: ReadonlySet<string>
}

/**
 * Which Services other nodes announce that stay: by ServiceBGPStatus (or by a plan of ours, where they write none), the NodeState of the same node, which must have a session with
 * one of its peers and not leave, the Node, which must be there and Ready, and the speaker, which must answer when it is asked: all of
 * the others stay as they are when it is dead. A node whose speaker has no NodeState is MetalLB's, which cannot be asked, and counts.
 *
 * Of two nodes that leave and both hold a Service back, the one whose name comes later may go: the other one sees nobody.
 *
 * undefined: something could not be read. Never rejects.
 */
export async function servicesOfOthers(options: OthersOptions): Promise<FoundOthers | undefined> {
  const { wanted } = options
  if (wanted.size === 0) return { announced: new Set(), unanswered: new Map() }
  const states = await listAll(options, resourceTypes.NodeState, {})
  const statuses = await listAll(options, resourceTypes.ServiceBGPStatus, {})
  if (states === undefined || statuses === undefined) return undefined
  const stateOf = new Map(states.map((state) => [state.metadata.name, state]))
  const mayTakeOver = (offer: Offer, state: KubeObject | undefined): boolean =>
    wanted.has(offer.service) && offer.node !== options.node && takesOver(offer, standingOf(state), options.node)
  const isUseful = (offer: Offer): boolean => mayTakeOver(offer, stateOf.get(offer.node))
  const untold = await untoldOffers(options, mayAnnounce(states.filter(isUntold), options.node), wanted, isUseful)
  if (untold === undefined) return undefined
  const told = statuses.map(offerOf).filter((offer) => !isUntold(stateOf.get(offer.node)) && isUseful(offer))
  const offers = [...told, ...untold]
  const ready = await readyNodes(options, new Set(offers.map(({ node }) => node)))
  if (ready === undefined) return undefined
  const heard = offers.filter(({ node }) => ready.has(node))
  const isProven = ({ node, service }: Offer): boolean => !stateOf.has(node) || !options.announced.has(service)
  const toProve = heard.filter((offer) => !isProven(offer))
  const living = await livingOf(options, candidatesOf(toProve, stateOf))
  if (living === undefined) return undefined
  // What a node said when it answered counts: it may have begun to leave.
  const announced = heard.filter(
    (offer) => isProven(offer) || (living.has(offer.node) && mayTakeOver(offer, living.get(offer.node))),
  )
  return found(toProve, new Set(announced.map(({ service }) => service)), (node) => !living.has(node))
}

function found(
  offers: readonly Offer[],
  announced: ReadonlySet<string>,
  isSilent: (node: string) => boolean,
): FoundOthers {
  const silent = offers.filter(({ node, service }) => !announced.has(service) && isSilent(node))
  return { announced, unanswered: new Map(silent.map(({ node, service }) => [service, node])) }
}

/** Names of those that announce something, and stay or hold it back. */
const mayAnnounce = (states: readonly KubeObject[], own: string): readonly string[] =>
  states
    .filter((state) => {
      const standing = standingOf(state)
      return standing !== undefined && standing.established.size > 0 && (standing.isStaying || standing.isHolding)
    })
    .map(({ metadata: { name } }) => name)
    .filter((name) => name !== own)

function takesOver({ node, peers }: Offer, standing: Standing | undefined, own: string): boolean {
  if (standing === undefined) return peers.length > 0
  if (!peers.some((peer) => standing.established.has(peer))) return false
  return standing.isStaying || (standing.isHolding && node < own)
}

/** undefined: it has none. */
function standingOf(state: KubeObject | undefined): Standing | undefined {
  if (state === undefined) return undefined
  const phase = textAt(state, 'status', 'drain', 'phase')
  const isLeaving = valueAt(state, 'spec', 'drain') !== undefined || (phase !== '' && phase !== 'Active')
  const announcing = listAt(state, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Announcing')
  const isSilent = textAt(announcing, 'status') === 'False'
  const established = listAt(state, 'status', 'sessions').filter((one) => textAt(one, 'state') === 'Established')
  return {
    isStaying: !isLeaving && !isSilent,
    isHolding: phase === 'HeldBack' && !isSilent,
    established: new Set(established.map((session) => textAt(session, 'peer'))),
  }
}

/** Those that can be asked, each with what it is said to announce. */
function candidatesOf(offers: readonly Offer[], stateOf: ReadonlyMap<string, KubeObject>): readonly Candidate[] {
  const byNode = new Map<string, Set<string>>()
  for (const { node, service } of offers) {
    const known = byNode.get(node)
    if (known === undefined) byNode.set(node, new Set([service]))
    else known.add(service)
  }
  return [...byNode].flatMap(([node, services]) => {
    const state = stateOf.get(node)
    return state === undefined ? [] : [{ node, services, state }]
  })
}

/** A node that is gone or does not answer the control plane cannot be relied on; undefined: it could not be read. */
async function readyNodes(
  { api, failed }: Reading,
  names: ReadonlySet<string>,
): Promise<ReadonlySet<string> | undefined> {
  const ready = new Set<string>()
  const type: ResourceType = resourceTypes.Node
  for (const name of names) {
    const result = await api.get(type, { namespace: '', name })
    if (result.kind === 'ok') {
      if (isReady(result.value)) ready.add(name)
    } else if (result.code !== 'notFound') {
      failed('get', type, result)
      return undefined
    }
  }
  return ready
}

const isReady = ({ status }: KubeObject): boolean =>
  listAt(status, 'conditions').some((one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True')
