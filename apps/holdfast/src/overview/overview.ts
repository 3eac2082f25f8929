import type { KubeObject } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { assignedCondition } from '../explain/assigned-condition.ts'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'

/** `holdfast status -o json`; docs/reference/status.md describes every field. What is not known is null. */
export interface Overview {
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
  readonly assigned: number
  readonly available: number
}

export interface OverviewInput {
  readonly services: Iterable<KubeObject>
  readonly pools: Iterable<KubeObject>
  readonly configurationStates: Iterable<KubeObject>
  /** Names of all Nodes. */
  readonly nodes: readonly string[]
  readonly nodeStates: ReadonlyMap<string, NodeState>
  readonly loadBalancerClass: string | undefined
}

/** The state of a cluster at a glance, from what controller and speakers wrote. */
export function overviewOf(input: OverviewInput): Overview {
  const names = [...new Set([...input.nodes, ...input.nodeStates.keys()])].sort()
  return {
    nodes: names.map((node) => nodeOverview(node, input.nodeStates.get(node))),
    services: servicesOf(input),
    pools: [...input.pools].map(poolOverview).sort((a, b) => (a.pool < b.pool ? -1 : 1)),
    faults: [...input.configurationStates].flatMap(faultOf),
  }
}

function nodeOverview(node: string, state: NodeState | undefined): NodeOverview {
  if (state === undefined) return silentNode(node)
  const { sessions = [], routes = 0, version, conditions = [] } = state.status
  const announcing = conditions.find(({ type }) => type === 'Announcing')
  const down = sessions.filter((session) => session.state !== 'Established')
  return {
    node,
    sessions: { up: sessions.length - down.length, total: sessions.length },
    routes,
    state: announcing?.reason ?? 'Unknown',
    message: announcing?.message ?? 'the speaker has not told yet whether it announces',
    safeToReboot: conditions.some(({ type, status }) => type === 'SafeToReboot' && status === 'True'),
    version: version ?? null,
    down: down.map(({ peer, address, lastError, reason, state: now }) => ({
      peer,
      router: address ?? null,
      why: lastError ?? reason ?? now,
    })),
  }
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
  return {
    pool: pool.metadata.name,
    assigned: count('assignedIPv4') + count('assignedIPv6'),
    available: count('availableIPv4') + count('availableIPv6'),
  }
}

function faultOf(state: KubeObject): Overview['faults'] {
  if (valueAt(state, 'status', 'result') !== 'Invalid') return []
  return [{ by: state.metadata.name, message: textAt(state, 'status', 'errorSummary') }]
}
