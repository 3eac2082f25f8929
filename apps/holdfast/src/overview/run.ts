import { stripVTControlCharacters } from 'node:util'
import { resourceTypes } from '@holdfast/cluster'
import { exitCode } from '../exit-codes.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import type { ClusterView, PersonCommand, Wanted } from '../kubernetes/person.ts'
import { withCluster } from '../kubernetes/person.ts'
import { overviewOf } from './overview.ts'
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
    ConfigurationState: own,
    NodeState: own,
  }
  return await withCluster(command, wanted, (view) => show(command, view))
}

function show({ loadBalancerClass, isJson }: OverviewCommand, { source }: ClusterView): number {
  const overview = overviewOf({
    services: source.objects(resourceTypes.Service),
    pools: source.objects(resourceTypes.IPAddressPool),
    configurationStates: source.objects(resourceTypes.ConfigurationState),
    nodes: [...source.objects(resourceTypes.Node)].map(({ metadata }) => metadata.name),
    nodeStates: statesOf(source.objects(resourceTypes.NodeState)),
    loadBalancerClass,
  })
  const columns = process.stdout.isTTY ? process.stdout.columns : 160
  const text = `${overviewLines(overview, columns).join('\n')}\n`
  const plain = process.stdout.isTTY ? text : stripVTControlCharacters(text)
  process.stdout.write(isJson ? `${JSON.stringify(overview)}\n` : plain)
  return exitCode.ok
}
