import type { HttpApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { exitCode } from '../exit-codes.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import type { ClusterView, PersonCommand, Wanted } from '../kubernetes/person.ts'
import { warnOfEmptyNamespace, withCluster } from '../kubernetes/person.ts'
import { forPerson } from '../output/text.ts'
import { controllerLease, overviewOf } from './overview.ts'
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
  const overview = overviewOf({
    services: source.objects(resourceTypes.Service),
    pools: source.objects(resourceTypes.IPAddressPool),
    configurationStates: source.objects(resourceTypes.ConfigurationState),
    nodes: [...source.objects(resourceTypes.Node)].map(({ metadata }) => metadata.name),
    nodeStates: statesOf(source.objects(resourceTypes.NodeState)),
    loadBalancerClass,
    lease: await leaseIn(api, namespace),
    now: new Date().toISOString(),
    speakers: await readSpeakerPods(api, namespace),
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
