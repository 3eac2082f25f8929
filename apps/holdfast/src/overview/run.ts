import type { HttpApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { exitCode } from '../exit-codes.ts'
import { controllerLease } from '../kubernetes/controller-lease.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import { askSpeakers } from '../kubernetes/speaker-life.ts'
import type { ClusterView, PersonCommand, Wanted } from '../kubernetes/person.ts'
import { personAsks, warnOfEmptyNamespace, withCluster } from '../kubernetes/person.ts'
import { forPerson } from '../output/text.ts'
import { readMetalLB, readRivals } from './metallb.ts'
import { controllerOf, overviewOf } from './overview.ts'
import { areToBeAsked, readSpeakerPods } from './speaker-pods.ts'
import { overviewLines } from './text.ts'

export interface OverviewCommand extends PersonCommand {
  readonly loadBalancerClass: string | undefined
}

/** `holdfast status`: a cluster at a glance. Returns the exit code. */
export async function runOverview(command: OverviewCommand): Promise<number> {
  const own = { namespace: command.namespace }
  const wanted: Wanted = {
    Service: { fieldSelector: 'spec.type=LoadBalancer' },
    Node: {},
    IPAddressPool: own,
    BGPPeer: own,
    BGPAdvertisement: own,
    ConfigurationState: own,
    NodeState: own,
  }
  return await withCluster(command, wanted, (view) => show(command, view))
}

async function show(command: OverviewCommand, { api, source }: ClusterView): Promise<number> {
  const { loadBalancerClass, namespace, isJson } = command
  if (warnOfEmptyNamespace(command, source)) return exitCode.usage
  const speakers = await readSpeakerPods(api, namespace)
  const nodeStates = statesOf(source.objects(resourceTypes.NodeState))
  const nodes = new Set([...source.objects(resourceTypes.Node)].map(({ metadata }) => metadata.name))
  // Of a Node that is gone the speaker may announce still, while it leaves.
  const asked = [...nodeStates].filter(([name, { status }]) => nodes.has(name) || (status.routes ?? 0) > 0)
  const lives = await askSpeakers(personAsks(api, command), areToBeAsked(speakers) ? asked.map(([name]) => name) : [])
  const fresh = statesOf([...lives.values()].flatMap((life) => (life.kind === 'answered' ? [life.state] : [])))
  const [lease, now] = [await leaseIn(api, namespace), new Date().toISOString()]
  const isLed = lease === null || controllerOf(lease, now).isLeading
  const overview = overviewOf({
    services: source.objects(resourceTypes.Service),
    pools: source.objects(resourceTypes.IPAddressPool),
    peers: source.objects(resourceTypes.BGPPeer),
    advertisements: source.objects(resourceTypes.BGPAdvertisement),
    configurationStates: source.objects(resourceTypes.ConfigurationState),
    nodes: source.objects(resourceTypes.Node),
    nodeStates: new Map([...nodeStates, ...fresh]),
    loadBalancerClass,
    lease,
    metallb: isLed ? [] : await readMetalLB(api, namespace),
    rivals: isLed ? await readRivals(api, namespace, loadBalancerClass) : [],
    now,
    speakers,
    lives: new Map([...lives].map(([node, { kind }]) => [node, kind])),
  })
  process.stdout.write(
    isJson ? `${JSON.stringify(overview)}\n` : forPerson((columns) => overviewLines(overview, columns)),
  )
  return exitCode.ok
}

/** undefined: there is none; null: this user may not see it, which is no reason to show nothing. */
async function leaseIn(api: HttpApi, namespace: string): Promise<KubeObject | undefined | null> {
  const found = await api.get(resourceTypes.Lease, { namespace, name: controllerLease })
  if (found.kind === 'ok') return found.value
  return found.code === 'notFound' ? undefined : null
}
