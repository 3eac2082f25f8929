import type { Decision, NodePlan, PeerRoute } from '@holdfast/announce'
import { planNode, withholdReasons } from '@holdfast/announce'
import { formatAddress, formatPrefix } from '@holdfast/ip'
import type { Community, Fault, Model, NodeState, NodeStateSession, Service } from '@holdfast/model'
import { annotationOf } from '@holdfast/model'
import { isOurs } from '../allocation/requests.ts'
import { allocationRemedy } from './allocation-remedies.ts'
import { hasLeft, leavingOf } from './leaving.ts'
import { summaryOf } from './summary.ts'

/**
 * Why a Service is reached as it is: `holdfast explain service -o json`; docs/reference/cluster-commands.md names the
 * fields. What is not known is null.
 */
export interface Explanation {
  readonly service: string
  /** The addresses that its status names, each with its IPAddressPool. */
  readonly addresses: readonly { readonly ip: string; readonly pool: string | null }[]
  readonly allocation: Saying
  /** One line that sums it up. */
  readonly summary: string
  readonly nodes: readonly NodeExplanation[]
  /** What is refused of the objects that this was worked out from: nodes that knew a valid version of one go on by that. */
  readonly faults: readonly string[]
}

/** A reason out of a closed set, what it means here, and what a person can do about it. */
export interface Saying {
  /** `unknown`: only what a speaker said that does not answer now. */
  readonly outcome: 'yes' | 'no' | 'unknown'
  readonly reason: string
  readonly message: string
  readonly remedy: string | null
}

export interface NodeExplanation {
  readonly node: string
  /** Whether its speaker answered when it was asked just now; it is asked where the node is to announce the Service. */
  readonly speaker: SpeakerWord
  readonly announces: Saying
  /** Addresses that are not announced although others of the Service are. */
  readonly withheld: readonly (Saying & { readonly ip: string })[]
  readonly routes: readonly RouteExplanation[]
}

/** `silent`: what is said of the node's sessions is old. */
export type SpeakerWord = 'answered' | 'silent' | 'notAsked'

export interface RouteExplanation {
  readonly prefix: string
  readonly peer: string
  readonly router: string | null
  /** Whether the router has it, as far as the node says: its session is Established and the node is not leaving. */
  readonly session: string
  readonly lastError: string | null
  readonly attributes: { readonly localPref: number | null; readonly communities: readonly string[] }
}

export interface ExplainInput {
  readonly model: Model
  readonly service: Service
  readonly nodeStates: ReadonlyMap<string, NodeState>
  /** By node; those without an entry were not asked. */
  readonly speakers?: ReadonlyMap<string, SpeakerWord>
  /** Of the Service: condition `holdfast.dev/AddressAssigned`. */
  readonly assigned: { readonly status: string; readonly reason: string; readonly message: string } | undefined
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
  /** Of `evaluate`, with the model. */
  readonly faults: readonly Fault[]
}

/** What each node does with a Service, and why: planned anew from the objects, beside what the nodes say of their sessions. */
export function explain(input: ExplainInput): Explanation {
  const { model, service } = input
  const { namespace, name } = service.meta.ref
  const pool = annotationOf(service, 'ip-allocated-from-pool')?.value ?? null
  const nodes = [...model.nodes.keys()].sort().map((node) => explainNode(node, input))
  const known = {
    service: `${namespace}/${name}`,
    addresses: service.ingress.map((address) => ({ ip: formatAddress(address), pool })),
    allocation: allocationOf(input),
    nodes,
    // A person may not read Secrets, and explain does not ask for them.
    faults: input.faults.filter(({ code }) => !code.endsWith('-secret')).map(faultText),
  }
  return { ...known, summary: summaryOf(known) }
}

/** In the words of the ConfigurationStates. */
function faultText({ object: { kind, namespace, name }, path, message, remedy }: Fault): string {
  const place = `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}${path === '' ? '' : ` ${path}`}`
  return `${place}: ${message} ${remedy}`
}

function allocationOf({ service, assigned, loadBalancerClass }: ExplainInput): Saying {
  if (service.type !== 'LoadBalancer')
    return withheldBecause('notLoadBalancer', withholdReasons.notLoadBalancer.meaning)
  if (!isOurs(service, loadBalancerClass)) return otherClass(service.loadBalancerClass, loadBalancerClass)
  if (assigned !== undefined && assigned.status !== 'True') {
    const { reason, message } = assigned
    return { outcome: 'no', reason, message, remedy: allocationRemedy(reason) ?? null }
  }
  if (service.ingress.length > 0)
    return { outcome: 'yes', reason: 'Assigned', message: assigned?.message ?? '', remedy: null }
  return {
    outcome: 'no',
    reason: 'noIPAllocated',
    message: 'the Service holds no address yet, and the controller does not say why',
    remedy:
      'Look whether the controller runs and leads: kubectl -n NAMESPACE get pods, and get lease holdfast-controller, in the namespace of Holdfast.',
  }
}

const otherClass = (has: string | undefined, serves: string | undefined): Saying => ({
  outcome: 'no',
  reason: 'otherClass',
  message: `its loadBalancerClass is ${has ?? 'not set'}, and Holdfast is asked about ${serves ?? 'Services without one'}`,
  remedy: 'Name the class that Holdfast was started with (--lb-class), or look at the program that serves this one.',
})

function explainNode(node: string, { model, service, nodeStates, speakers, ...rules }: ExplainInput): NodeExplanation {
  const addresses = service.ingress.map((address) => ({
    address,
    pool: annotationOf(service, 'ip-allocated-from-pool')?.value ?? '',
  }))
  const input = { node, model, ignoreExcludeLB: rules.ignoreExcludeLB }
  const plan = planNode({
    ...input,
    services: isOurs(service, rules.loadBalancerClass) ? [{ service, addresses }] : [],
  })
  const { namespace, name } = service.meta.ref
  const decision = plan.decisions.get(`${namespace}/${name}`)
  const state = nodeStates.get(node)
  const routes = routesOf(plan, model, state)
  const leaving = decision?.kind === 'withheld' ? undefined : leavingOf(state, routes)
  const speaker = speakers?.get(node) ?? 'notAsked'
  const said = leaving ?? { announces: announcesOf(decision, state), routes }
  return {
    node,
    speaker,
    announces: speaker === 'silent' ? noLongerSure(node, said.announces, state) : said.announces,
    withheld: withheldOf(decision),
    routes: said.routes,
  }
}

const withheldOf = (decision: Decision | undefined): NodeExplanation['withheld'] =>
  (decision?.withheld ?? []).map(({ address, reason, message }) => ({
    ip: formatAddress(address),
    ...withheldBecause(reason, message),
  }))

/** It may be dead, or cut off from the API server and announcing still. */
function noLongerSure(node: string, said: Saying, state: NodeState | undefined): Saying {
  if (said.outcome !== 'yes') return said
  return {
    outcome: 'unknown',
    reason: 'speakerSilent',
    message: `its speaker does not answer; what it said last is old: ${said.message}`,
    remedy: `Does it run? kubectl -n ${state?.namespace ?? 'NAMESPACE'} get pods -o wide --field-selector spec.nodeName=${node}`,
  }
}

function announcesOf(decision: Decision | undefined, state: NodeState | undefined): Saying {
  if (decision === undefined) {
    return { outcome: 'no', reason: 'notOurs', message: 'Holdfast does not serve the Service', remedy: null }
  }
  if (decision.kind === 'withheld') return withheldBecause(decision.reason, decision.message)
  const silent = silentBecause(state)
  if (silent !== undefined) return silent
  const prefixes = decision.routes.map(({ prefix }) => formatPrefix(prefix)).join(', ')
  return { outcome: 'yes', reason: 'announced', message: prefixes, remedy: null }
}

const withheldBecause = (reason: keyof typeof withholdReasons, message: string): Saying => ({
  outcome: 'no',
  reason,
  message,
  remedy: withholdReasons[reason].remedy,
})

/** Why a node sends nothing although it should. */
function silentBecause(state: NodeState | undefined): Saying | undefined {
  if (state === undefined) {
    return {
      outcome: 'no',
      reason: 'noSpeaker',
      message: 'no speaker has ever told of this node',
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
  const session = state?.status.sessions?.find((one) => one.peer === peer)
  return {
    prefix: formatPrefix(route.prefix),
    peer,
    router: session?.address ?? routerOf(peer, model),
    session: sessionText(session),
    lastError: session?.lastError ?? null,
    attributes: { localPref: route.localPref ?? null, communities: route.communities.map(communityText) },
  }
}

const sessionText = (session: NodeStateSession | undefined): string => session?.state ?? 'unknown'

function routerOf(name: string, { peers }: Model): string | null {
  const peer = [...peers.values()].find(({ meta }) => meta.ref.name === name)
  if (peer === undefined) return null
  return peer.peerAddress === undefined ? (peer.interface ?? null) : formatAddress(peer.peerAddress)
}

const communityText = (community: Community): string =>
  community.kind === 'standard'
    ? `${community.high}:${community.low}`
    : `large:${community.globalAdmin}:${community.data1}:${community.data2}`
