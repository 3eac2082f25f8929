import { withholdReasons } from '@holdfast/announce'
import { formatAddress } from '@holdfast/ip'
import type { Fault, Model, NodeState, Service } from '@holdfast/model'
import { annotationOf } from '@holdfast/model'
import { isOurs } from '../allocation/requests.ts'
import type { Absence } from '../overview/absence.ts'
import { allocationRemedy } from './allocation-remedies.ts'
import { explainNode, withheldBecause } from './node.ts'
import { refusedFirst } from './refused-first.ts'
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
  /** What is in force on a node, where that is something else than `model`. */
  readonly modelOn?: (node: string) => Model
  readonly service: Service
  /** By node, the BGPPeers to which its ServiceBGPStatus says that the Service is announced; undefined: nothing is known of them. */
  readonly offers?: ReadonlyMap<string, readonly string[]>
  /** Of nodes whose speaker is gone, or may be. */
  readonly absences?: ReadonlyMap<string, Absence>
  readonly nodeStates: ReadonlyMap<string, NodeState>
  /** By node; those without an entry were not asked. */
  readonly speakers?: ReadonlyMap<string, SpeakerWord>
  /** Of the Service: condition `holdfast.dev/AddressAssigned`. */
  readonly assigned: { readonly status: string; readonly reason: string; readonly message: string } | undefined
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
  /** Of `evaluate`, with the model. */
  readonly faults: readonly Fault[]
  /** What only the programs of the cluster refuse, in their words. */
  readonly refused?: readonly string[]
  /** The workload of MetalLB's speaker, where that runs and no speaker of Holdfast has told of anything yet. */
  readonly metallb?: string | undefined
}

/** What each node does with a Service, and why: planned anew from the objects, beside what the nodes say of their sessions. */
export function explain(input: ExplainInput): Explanation {
  const { model, service } = input
  const { namespace, name } = service.meta.ref
  const pool = annotationOf(service, 'ip-allocated-from-pool')?.value ?? null
  // A person may not read Secrets, and explain does not ask for them.
  const own = input.faults.filter(({ code }) => !code.endsWith('-secret')).map(faultText)
  const faults = [...own, ...(input.refused ?? [])]
  const nodes = [...model.nodes.keys()].sort().map((name): NodeExplanation => {
    const node = explainNode(name, input)
    return { ...node, announces: refusedFirst(node.announces, faults) }
  })
  const known = {
    service: `${namespace}/${name}`,
    addresses: service.ingress.map((address) => ({ ip: formatAddress(address), pool })),
    allocation: allocationOf(input),
    nodes,
    faults,
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
