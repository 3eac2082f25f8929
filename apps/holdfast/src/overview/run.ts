import type { HttpApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { exitCode } from '../exit-codes.ts'
import { controllerLease } from '../kubernetes/controller-lease.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import { askSpeakers } from '../kubernetes/speaker-life.ts'
import type { ClusterView, PersonCommand, Wanted } from '../kubernetes/person.ts'
import { personAsks, warnOfEmptyNamespace, withCluster } from '../kubernetes/person.ts'
import { forPerson } from '../output/text.ts'
import { overviewOf } from './overview.ts'
import { readSpeakerPods } from './speaker-pods.ts'
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
    ConfigurationState: own,
    NodeState: own,
  }
  return await withCluster(command, wanted, (view) => show(command, view))
}

async function show(command: OverviewCommand, { api, source }: ClusterView): Promise<number> {
  const { loadBalancerClass, namespace, isJson } = command
  warnOfEmptyNamespace(command, source)
  const speakers = await readSpeakerPods(api, namespace)
  const nodes = [...source.objects(resourceTypes.Node)].map(({ metadata }) => metadata.name)
  const nodeStates = statesOf(source.objects(resourceTypes.NodeState))
  // Where the kubelets say which speakers run, nobody need be asked.
  const asked = speakers === undefined ? nodes.filter((node) => nodeStates.has(node)) : []
  const lives = await askSpeakers(personAsks(api, command), asked)
  const fresh = statesOf([...lives.values()].flatMap((life) => (life.kind === 'answered' ? [life.state] : [])))
  const overview = overviewOf({
    services: source.objects(resourceTypes.Service),
    pools: source.objects(resourceTypes.IPAddressPool),
    configurationStates: source.objects(resourceTypes.ConfigurationState),
    nodes,
    nodeStates: new Map([...nodeStates, ...fresh]),
    loadBalancerClass,
    lease: await leaseIn(api, namespace),
    now: new Date().toISOString(),
    speakers,
    silent: new Set([...lives].filter(([, life]) => life.kind === 'silent').map(([node]) => node)),
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
