import { resourceTypes } from '@holdfast/cluster'
import { evaluate } from '@holdfast/model'
import { exitCode } from '../exit-codes.ts'
import { statesOf } from '../kubernetes/node-states.ts'
import { askSpeakers } from '../kubernetes/speaker-life.ts'
import type { ClusterView, PersonCommand, Wanted } from '../kubernetes/person.ts'
import { personAsks, warnOfEmptyNamespace, withCluster } from '../kubernetes/person.ts'
import { forPerson } from '../output/text.ts'
import { assignedCondition } from './assigned-condition.ts'
import { explainWith } from './ask.ts'
import { explanationLines } from './text.ts'

export interface ExplainCommand extends PersonCommand {
  /** Of the Service. */
  readonly serviceNamespace: string
  readonly serviceName: string
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
}

/** `holdfast explain service`: why a Service is reached as it is. Returns the exit code. */
export async function runExplain(command: ExplainCommand): Promise<number> {
  const { namespace, serviceNamespace, serviceName } = command
  const own = { namespace }
  const wanted: Wanted = {
    Service: { namespace: serviceNamespace, fieldSelector: `metadata.name=${serviceName}` },
    EndpointSlice: { namespace: serviceNamespace, labelSelector: `kubernetes.io/service-name=${serviceName}` },
    Node: {},
    IPAddressPool: own,
    BGPAdvertisement: own,
    BGPPeer: own,
    BFDProfile: own,
    Community: own,
    PeerPolicy: own,
    NodeState: own,
  }
  return await withCluster(command, wanted, (view) => show(command, view))
}

async function show(command: ExplainCommand, { api, snapshot, source }: ClusterView): Promise<number> {
  const { serviceNamespace, serviceName, loadBalancerClass, ignoreExcludeLB } = command
  const { model, faults } = evaluate(snapshot.objects, undefined)
  const key = `${serviceNamespace}/${serviceName}`
  const service = model.services.get(key)
  if (service === undefined) {
    process.stderr.write(`holdfast: there is no Service ${key}\n  List them with: kubectl get services -A\n`)
    return exitCode.usage
  }
  warnOfEmptyNamespace(command, source)
  const [object] = source.objects(resourceTypes.Service)
  const nodeStates = statesOf(source.objects(resourceTypes.NodeState))
  const assigned = object === undefined ? undefined : assignedCondition(object)
  const input = { model, service, nodeStates, assigned, loadBalancerClass, ignoreExcludeLB, faults }
  const explanation = await explainWith(input, (nodes) => askSpeakers(personAsks(api, command), nodes))
  process.stdout.write(
    command.isJson
      ? `${JSON.stringify(explanation)}\n`
      : forPerson((columns) => explanationLines(explanation, columns)),
  )
  return exitCode.ok
}
