import type { KubeObject } from '@holdfast/cluster'
import { textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { WithoutEffect } from '../lint/without-effect.ts'
import { withoutEffect } from '../lint/without-effect.ts'
import type { NodeOverview, NodesInput } from './nodes.ts'
import { nodesOf } from './nodes.ts'
import type { ServicesOverview } from './services.ts'
import { servicesOf } from './services.ts'

/** `holdfast status -o json`; docs/reference/cluster-commands.md names the fields. What is not known is null. */
export interface Overview {
  /** null: the Lease could not be read. */
  readonly controller: ControllerOverview | null
  /** MetalLB's workloads that run, such as `DaemonSet metallb-system/speaker`; looked for while none of Holdfast's controllers leads. */
  readonly metallb: readonly string[]
  /** MetalLB's controllers that give addresses while one of Holdfast's leads. */
  readonly rivals: readonly string[]
  readonly nodes: readonly NodeOverview[]
  readonly services: ServicesOverview
  readonly pools: readonly PoolOverview[]
  /** What the programs say is wrong with the configuration, each thing by itself. */
  readonly faults: readonly { readonly by: string; readonly message: string }[]
  /** What does nothing, or less than it names. */
  readonly withoutEffect: readonly WithoutEffect[]
}

export interface ControllerOverview {
  /** The replica that leads, or led last; null: none ever did. */
  readonly leader: string | null
  /** When it last said so, RFC 3339. */
  readonly renewedAt: string | null
  readonly isLeading: boolean
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

export interface OverviewInput extends Omit<NodesInput, 'nodes' | 'cordoned'> {
  readonly services: Iterable<KubeObject>
  readonly pools: Iterable<KubeObject>
  readonly peers: Iterable<KubeObject>
  readonly advertisements: Iterable<KubeObject>
  readonly configurationStates: Iterable<KubeObject>
  readonly nodes: Iterable<KubeObject>
  readonly loadBalancerClass: string | undefined
  /** The Lease of the controller; undefined: there is none; null: it could not be read. */
  readonly lease: KubeObject | undefined | null
  readonly metallb: readonly string[]
  readonly rivals: readonly string[]
  /** RFC 3339. */
  readonly now: string
}

/** The state of a cluster at a glance, from what controller and speakers wrote. */
export function overviewOf(input: OverviewInput): Overview {
  const [nodes, pools] = [[...input.nodes], [...input.pools]]
  const cordoned = nodes.filter((node) => valueAt(node, 'spec', 'unschedulable') === true).map(nameOf)
  return {
    controller: input.lease === null ? null : controllerOf(input.lease, input.now),
    metallb: input.metallb,
    rivals: input.rivals,
    nodes: nodesOf({ ...input, nodes: nodes.map(nameOf), cordoned: new Set(cordoned) }),
    services: servicesOf(input.services, input.loadBalancerClass),
    pools: pools.map(poolOverview).sort((a, b) => (a.pool < b.pool ? -1 : 1)),
    faults: [...input.configurationStates].flatMap(faultsOf),
    withoutEffect: withoutEffect({
      nodes,
      pools,
      peers: [...input.peers],
      advertisements: [...input.advertisements],
    }),
  }
}

const nameOf = ({ metadata }: KubeObject): string => metadata.name

/** A lease lasts 15 s. Longer, since the clock here and the controller's may differ. */
const staleMs = 60_000

/** What the Lease of the controller tells; undefined: there is none. `now` is RFC 3339. */
export function controllerOf(lease: KubeObject | undefined, now: string): ControllerOverview {
  const leader = textAt(lease, 'spec', 'holderIdentity')
  const renewedAt = textAt(lease, 'spec', 'renewTime')
  const isFresh = Date.parse(now) - Date.parse(renewedAt) < staleMs
  return {
    leader: leader === '' ? null : leader,
    renewedAt: renewedAt === '' ? null : renewedAt,
    isLeading: leader !== '' && isFresh,
  }
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

/** A summary has a line for each fault. */
function faultsOf(state: KubeObject): Overview['faults'] {
  if (valueAt(state, 'status', 'result') !== 'Invalid') return []
  const lines = textAt(state, 'status', 'errorSummary').split('\n')
  return lines.filter((line) => line !== '').map((message) => ({ by: state.metadata.name, message }))
}
