import type { KubeObject } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { assignedCondition } from '../explain/assigned-condition.ts'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { SpeakerPod } from './speaker-pods.ts'

/** `holdfast status -o json`; docs/reference/cluster-commands.md names the fields. What is not known is null. */
export interface Overview {
  /** null: the Lease could not be read. */
  readonly controller: ControllerOverview | null
  readonly nodes: readonly NodeOverview[]
  readonly services: {
    /** Of type LoadBalancer and of the class asked about. */
    readonly total: number
    readonly assigned: number
    /** Those without an address, each with the reason as the controller says it. */
    readonly waiting: readonly { readonly service: string; readonly reason: string; readonly message: string }[]
  }
  readonly pools: readonly PoolOverview[]
  /** What the programs say is wrong with the configuration. */
  readonly faults: readonly { readonly by: string; readonly message: string }[]
}

export interface ControllerOverview {
  /** The replica that leads, or led last; null: none ever did. */
  readonly leader: string | null
  /** When it last said so, RFC 3339. */
  readonly renewedAt: string | null
  readonly isLeading: boolean
}

export interface NodeOverview {
  readonly node: string
  readonly sessions: { readonly up: number; readonly total: number }
  readonly routes: number
  /** `Announcing`, or why it does not. */
  readonly state: string
  readonly message: string
  readonly safeToReboot: boolean
  readonly version: string | null
  /** Sessions that are not Established, in words. */
  readonly down: readonly { readonly peer: string; readonly router: string | null; readonly why: string }[]
}

export interface PoolOverview {
  readonly pool: string
  /** Of both families. */
  readonly assigned: number
  readonly available: number
  readonly ipv4: FamilyOverview
  readonly ipv6: FamilyOverview
}

export interface FamilyOverview {
  readonly assigned: number
  readonly available: number
}

type Condition = NonNullable<NodeState['status']['conditions']>[number]

export interface OverviewInput {
  readonly services: Iterable<KubeObject>
  readonly pools: Iterable<KubeObject>
  readonly configurationStates: Iterable<KubeObject>
  /** Names of all Nodes. */
  readonly nodes: readonly string[]
  readonly nodeStates: ReadonlyMap<string, NodeState>
  readonly loadBalancerClass: string | undefined
  /** The Lease of the controller; undefined: there is none; null: it could not be read. */
  readonly lease: KubeObject | undefined | null
  /** RFC 3339. */
  readonly now: string
  /** By node; undefined: not known, or speakers run outside of pods. */
  readonly speakers: ReadonlyMap<string, SpeakerPod> | undefined
  /** Nodes whose speakers were asked whether they are alive, and did not answer. */
  readonly silent?: ReadonlySet<string>
}

/** The state of a cluster at a glance, from what controller and speakers wrote. */
export function overviewOf(input: OverviewInput): Overview {
  const names = [...new Set([...input.nodes, ...input.nodeStates.keys()])].sort()
  return {
    controller: input.lease === null ? null : controllerOf(input.lease, input.now),
    nodes: names.map((node) => nodeOverview(node, input)),
    services: servicesOf(input),
    pools: [...input.pools].map(poolOverview).sort((a, b) => (a.pool < b.pool ? -1 : 1)),
    faults: [...input.configurationStates].flatMap(faultOf),
  }
}

/** A lease lasts 15 s. Longer, since the clock here and the controller's may differ. */
const staleMs = 60_000

function controllerOf(lease: KubeObject | undefined, now: string): ControllerOverview {
  const leader = textAt(lease, 'spec', 'holderIdentity')
  const renewedAt = textAt(lease, 'spec', 'renewTime')
  const isFresh = Date.parse(now) - Date.parse(renewedAt) < staleMs
  return {
    leader: leader === '' ? null : leader,
    renewedAt: renewedAt === '' ? null : renewedAt,
    isLeading: leader !== '' && isFresh,
  }
}

function nodeOverview(node: string, { nodes, nodeStates, speakers, silent }: OverviewInput): NodeOverview {
  const state = nodeStates.get(node)
  if (state === undefined) return silentNode(node)
  const { sessions = [], version } = state.status
  const down = sessions.filter((session) => session.state !== 'Established')
  const counts = { up: sessions.length - down.length, total: sessions.length }
  const { routes = 0 } = state.status
  const isGone = routes === 0 && !nodes.includes(node)
  return {
    node,
    sessions: counts,
    routes,
    ...(isGone ? gone : (silenceOf(node, speakers, silent) ?? nodeStateIn(state, counts))),
    safeToReboot: conditionOf(state, 'SafeToReboot')?.status === 'True',
    version: version ?? null,
    down: down.map(({ peer, address, lastError, reason, state: now }) => ({
      peer,
      router: address ?? null,
      why: lastError ?? reason ?? now,
    })),
  }
}

const conditionOf = ({ status: { conditions = [] } }: NodeState, type: string): Condition | undefined =>
  conditions.find((one) => one.type === type)

/** Nobody but a person removes a NodeState: it may hold a drain for a node that comes back. */
const gone = {
  state: 'NodeGone',
  message: 'there is no Node of this name; where it does not come back, delete its NodeState',
} as const

/** A speaker that is gone cannot say so: its NodeState stays as it was. */
function silenceOf(
  node: string,
  speakers: OverviewInput['speakers'],
  silent: OverviewInput['silent'],
): Pick<NodeOverview, 'state' | 'message'> | undefined {
  if (silent?.has(node) === true)
    return { state: 'SpeakerSilent', message: 'its speaker does not answer; this is what it said last' }
  const speaker = speakers?.get(node)
  if (speakers === undefined || speaker?.isReady === true) return undefined
  if (speaker === undefined) {
    return { state: 'NoSpeaker', message: 'no pod of the speaker is here; this is what it said last' }
  }
  const why = speaker.why === '' ? '' : ` (${speaker.why})`
  return { state: 'SpeakerNotReady', message: `pod ${speaker.pod} is not ready${why}; this is what it said last` }
}

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

const silentNode = (node: string): NodeOverview => ({
  node,
  sessions: { up: 0, total: 0 },
  routes: 0,
  state: 'NoSpeaker',
  message: 'no speaker has told of this node',
  safeToReboot: false,
  version: null,
  down: [],
})

function servicesOf({ services, loadBalancerClass }: OverviewInput): Overview['services'] {
  const ours = [...services].filter((service) => isOf(service, loadBalancerClass))
  const waiting = ours.filter((service) => listAt(service, 'status', 'loadBalancer', 'ingress').length === 0)
  return {
    total: ours.length,
    assigned: ours.length - waiting.length,
    waiting: waiting.map((service) => ({
      service: `${service.metadata.namespace ?? ''}/${service.metadata.name}`,
      ...whyWaiting(service),
    })),
  }
}

const isOf = (service: KubeObject, loadBalancerClass: string | undefined): boolean =>
  valueAt(service, 'spec', 'type') === 'LoadBalancer' &&
  valueAt(service, 'spec', 'loadBalancerClass') === loadBalancerClass

function whyWaiting(service: KubeObject): { readonly reason: string; readonly message: string } {
  const said = assignedCondition(service)
  if (said === undefined) return { reason: 'Unknown', message: 'the controller has said nothing of it' }
  return { reason: said.reason, message: said.message }
}

function poolOverview(pool: KubeObject): PoolOverview {
  const count = (field: string): number => Number(valueAt(pool, 'status', field) ?? 0)
  const ipv4 = { assigned: count('assignedIPv4'), available: count('availableIPv4') }
  const ipv6 = { assigned: count('assignedIPv6'), available: count('availableIPv6') }
  return {
    pool: pool.metadata.name,
    assigned: ipv4.assigned + ipv6.assigned,
    available: ipv4.available + ipv6.available,
    ipv4,
    ipv6,
  }
}

function faultOf(state: KubeObject): Overview['faults'] {
  if (valueAt(state, 'status', 'result') !== 'Invalid') return []
  return [{ by: state.metadata.name, message: textAt(state, 'status', 'errorSummary') }]
}
