import type { HttpApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { createInForce, refusalsOf } from '../kubernetes/in-force.ts'
import { offerOf } from '../kubernetes/offers.ts'
import { readMetalLB } from '../overview/metallb.ts'
import { readSpeakerPods } from '../overview/speaker-pods.ts'
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
    ConfigurationState: own,
    ServiceBGPStatus: own,
  }
  return await withCluster(command, wanted, (view) => show(command, view))
}

async function show(command: ExplainCommand, view: ClusterView): Promise<number> {
  const { api, snapshot, source } = view
  const { namespace, serviceNamespace, serviceName, loadBalancerClass, ignoreExcludeLB } = command
  if (warnOfEmptyNamespace(command, source)) {
    process.stderr.write(
      `  A Service is named with its own namespace: holdfast explain service NAMESPACE/${serviceName}\n`,
    )
    return exitCode.usage
  }
  const refusals = refusalsOf(source.objects(resourceTypes.ConfigurationState))
  const inForce = createInForce(snapshot.objects, refusals)
  const { model, faults } = inForce.asControllerSays.evaluation
  const key = `${serviceNamespace}/${serviceName}`
  const service = model.services.get(key)
  if (service === undefined) {
    process.stderr.write(`holdfast: there is no Service ${key}\n  List them with: kubectl get services -A\n`)
    return exitCode.usage
  }
  const [object] = source.objects(resourceTypes.Service)
  const nodeStates = statesOf(source.objects(resourceTypes.NodeState))
  const input = {
    ...{ model, service, nodeStates, loadBalancerClass, ignoreExcludeLB, faults },
    modelOn: (node: string) => inForce.on(node).evaluation.model,
    refused: inForce.wordsOn([...model.nodes.keys()]),
    offers: offersOf(view, key),
    assigned: object === undefined ? undefined : assignedCondition(object),
    metallb: nodeStates.size > 0 ? undefined : await speakerOfMetalLB(api, namespace),
  }
  const pods = await readSpeakerPods(api, namespace)
  const explanation = await explainWith(input, (nodes) => askSpeakers(personAsks(api, command), nodes), pods)
  process.stdout.write(
    command.isJson
      ? `${JSON.stringify(explanation)}\n`
      : forPerson((columns) => explanationLines(explanation, columns)),
  )
  return exitCode.ok
}

const offersOf = ({ source }: ClusterView, service: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [...source.objects(resourceTypes.ServiceBGPStatus)]
      .map(offerOf)
      .filter((offer) => offer.service === service)
      .map(({ node, peers }) => [node, peers]),
  )

/** Its speaker is a DaemonSet, its controller a Deployment. */
const speakerOfMetalLB = async (api: HttpApi, namespace: string): Promise<string | undefined> =>
  (await readMetalLB(api, namespace)).find((workload) => workload.startsWith('DaemonSet '))
