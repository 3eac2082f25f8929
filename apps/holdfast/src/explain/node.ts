import type { Decision, NodePlan, PeerRoute } from '@holdfast/announce'
import { planNode, withholdReasons } from '@holdfast/announce'
import { formatAddress, formatPrefix } from '@holdfast/ip'
import type { BGPPeer, Community, Model, NodeState, NodeStateSession } from '@holdfast/model'
import { isInternalPeer } from '@holdfast/model'
import { allocatedByStatus } from '../allocation/allocated-by-status.ts'
import { createHoldings } from '../allocation/hold.ts'
import { isOurs } from '../allocation/requests.ts'
import { whyDown } from '../kubernetes/why-down.ts'
import { neverTold, saidLast, silent } from '../overview/absence.ts'
import type { ExplainInput, NodeExplanation, RouteExplanation, Saying } from './explanation.ts'
import { hasLeft, leavingOf } from './leaving.ts'
import { nowhereLocal } from './local.ts'
import type { Said } from './told.ts'
import { besideTold } from './told.ts'

/** What a node does with the Service: planned from what is in force there, beside what its speaker says. */
export function explainNode(node: string, input: ExplainInput): NodeExplanation {
  const { service, nodeStates, speakers } = input
  const model = input.modelOn?.(node) ?? input.model
  const plan = planOf(node, model, input)
  const { namespace, name } = service.meta.ref
  const decision = plan.decisions.get(`${namespace}/${name}`)
  const state = nodeStates.get(node)
  const routes = routesOf(plan, model, state)
  const leaving = decision?.kind === 'withheld' ? undefined : leavingOf(state, routes)
  const planned = leaving ?? { announces: announcesOf(decision, state, { ...input, model }), routes }
  const told = leaving === undefined ? besideTold(planned, tellingOf(node, input, model)) : planned
  const said = presentOf(node, told, input)
  const withheld = isBelieved(planned, told) ? [] : withheldOf(decision)
  return { node, speaker: speakers?.get(node) ?? 'notAsked', withheld, ...said }
}

/** What a speaker says that it announces is not withheld, whatever the plan says. */
const isBelieved = (planned: Said, told: Said): boolean =>
  told.announces.outcome === 'yes' && planned.announces.outcome === 'no'

function planOf(node: string, model: Model, { service, loadBalancerClass, ignoreExcludeLB }: ExplainInput): NodePlan {
  const services = isOurs(service, loadBalancerClass) ? [allocatedByStatus(service)] : []
  return planNode({ node, model: createHoldings()(model, services), ignoreExcludeLB, services })
}

/** What the speaker of a node has told of the Service; undefined: it writes no ServiceBGPStatus, or nothing is known of them. */
function tellingOf(node: string, { offers, nodeStates, service }: ExplainInput, model: Model) {
  const state = nodeStates.get(node)
  if (offers === undefined || state === undefined || state.status.serviceStatuses === 'None') return undefined
  const stopped = silentBecause(state) !== undefined
  return {
    peers: stopped ? [] : (offers.get(node) ?? []),
    namespace: state.namespace,
    routesTo: (peers: readonly string[]) =>
      peers.flatMap((peer) => service.ingress.map((address) => bareRoute(formatAddress(address), peer, model, state))),
  }
}

/** Of a speaker that does not answer, or is gone, nothing is known but what it said last. */
function presentOf(node: string, said: Said, { nodeStates, speakers, absences }: ExplainInput): Said {
  if (said.announces.outcome === 'no') return said
  const remedy = `Does it run? kubectl -n ${nodeStates.get(node)?.namespace ?? 'NAMESPACE'} get pods -o wide --field-selector spec.nodeName=${node}`
  const absence = absences?.get(node) ?? (speakers?.get(node) === 'silent' ? silent : undefined)
  if (absence === undefined) return said
  const reason = reasons[absence.state]
  if (absence.isSure) return { announces: { outcome: 'no', reason, message: absence.message, remedy }, routes: [] }
  const message = `${saidLast(absence)}: ${said.announces.message}`
  return { ...said, announces: { outcome: 'unknown', reason, message, remedy } }
}

const reasons = { NoSpeaker: 'noSpeaker', SpeakerNotReady: 'speakerNotReady', SpeakerSilent: 'speakerSilent' } as const

const withheldOf = (decision: Decision | undefined): NodeExplanation['withheld'] =>
  (decision?.withheld ?? []).map(({ address, reason, message }) => ({
    ip: formatAddress(address),
    ...withheldBecause(reason, message),
  }))

function announcesOf(
  decision: Decision | undefined,
  state: NodeState | undefined,
  { service, model, metallb }: ExplainInput,
): Saying {
  if (decision === undefined) {
    return { outcome: 'no', reason: 'notOurs', message: 'Holdfast does not serve the Service', remedy: null }
  }
  if (decision.kind === 'withheld') {
    const here = withheldBecause(decision.reason, decision.message)
    return decision.reason === 'noLocalEndpoints' ? (nowhereLocal(service, model) ?? here) : here
  }
  const prefixes = decision.routes.map(({ prefix }) => formatPrefix(prefix)).join(', ')
  if (state === undefined && metallb !== undefined) return ofMetallb(metallb, prefixes)
  const silent = silentBecause(state)
  if (silent !== undefined) return silent
  return { outcome: 'yes', reason: 'announced', message: prefixes, remedy: null }
}

export const withheldBecause = (reason: keyof typeof withholdReasons, message: string): Saying => ({
  outcome: 'no',
  reason,
  message,
  remedy: withholdReasons[reason].remedy,
})

/** Before a migration. */
const ofMetallb = (workload: string, prefixes: string): Saying => ({
  outcome: 'unknown',
  reason: 'metallb',
  message: `MetalLB announces here (${workload}), and what it does is not looked at; Holdfast in its place would announce ${prefixes}`,
  remedy: 'What changes with Holdfast: holdfast lint',
})

/** Why a node sends nothing although it should. */
function silentBecause(state: NodeState | undefined): Saying | undefined {
  if (state === undefined) {
    return {
      outcome: 'no',
      reason: 'noSpeaker',
      message: neverTold,
      remedy:
        'Look at the DaemonSet of the speaker: it has to run on this node, and to be allowed to write NodeStates.',
    }
  }
  const condition = state.status.conditions?.find(({ type }) => type === 'Announcing')
  if (condition?.status !== 'False') return undefined
  return hasLeft(state, condition.message, condition.reason)
}

const routesOf = (plan: NodePlan, model: Model, state: NodeState | undefined): readonly RouteExplanation[] =>
  [...plan.routes].flatMap(([peer, routes]) => routes.map((route) => routeOf(route, peer, model, state)))

function routeOf(route: PeerRoute, peer: string, model: Model, state: NodeState | undefined): RouteExplanation {
  const bare = bareRoute(formatPrefix(route.prefix), peer, model, state)
  // LOCAL_PREF is not sent to a router of another AS (RFC 4271 section 5.1.5).
  const localPref = isInternal(peer, model, state) ? (route.localPref ?? null) : null
  return { ...bare, attributes: { localPref, communities: route.communities.map(communityText) } }
}

/** A route of which no more is known than where it goes. */
function bareRoute(prefix: string, peer: string, model: Model, state: NodeState | undefined): RouteExplanation {
  const session = sessionOf(peer, state)
  return {
    prefix,
    peer,
    router: session?.address ?? routerOf(peer, model),
    session: session?.state ?? 'unknown',
    lastError: session === undefined ? null : whyDown(session),
    attributes: { localPref: null, communities: [] },
  }
}

const sessionOf = (peer: string, state: NodeState | undefined): NodeStateSession | undefined =>
  state?.status.sessions?.find((one) => one.peer === peer)

function isInternal(name: string, model: Model, state: NodeState | undefined): boolean {
  const peer = peerOf(name, model)
  return sessionOf(name, state)?.negotiated?.internal ?? (peer !== undefined && isInternalPeer(peer))
}

const peerOf = (name: string, { peers }: Model): BGPPeer | undefined =>
  [...peers.values()].find(({ meta }) => meta.ref.name === name)

function routerOf(name: string, model: Model): string | null {
  const peer = peerOf(name, model)
  if (peer === undefined) return null
  return peer.peerAddress === undefined ? (peer.interface ?? null) : formatAddress(peer.peerAddress)
}

const communityText = (community: Community): string =>
  community.kind === 'standard'
    ? `${community.high}:${community.low}`
    : `large:${community.globalAdmin}:${community.data1}:${community.data2}`
