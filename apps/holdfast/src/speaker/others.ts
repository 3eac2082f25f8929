import type { ApiResult, KubeApi, KubeObject, ListOptions, ResourceType } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { fieldsOf, listAt, textAt } from '../kubernetes/fields-at.ts'

export interface OthersOptions {
  readonly api: Pick<KubeApi, 'list' | 'get'>
  readonly node: string
  readonly namespace: string
  /** Told the requests that were answered by a fault. */
  readonly failed: (verb: 'list' | 'get', type: ResourceType, result: ApiResult<unknown>) => void
}

/** Objects a page: the API server keeps the lists of large clusters in pages. */
const pageSize = 500

/** What another node's NodeState says of its announcing. */
interface Standing {
  /** It announces and stays. */
  readonly isStaying: boolean
  /** It leaves, but holds back what would go otherwise. */
  readonly isHolding: boolean
}

/**
 * Which Services other nodes announce that stay: by ServiceBGPStatus, the NodeState of the same node, which must have a session and
 * not leave, and the Node, which must be there and Ready. A node whose speaker has no NodeState is MetalLB's, and counts.
 *
 * Of two nodes that leave and both hold a Service back, the one whose name comes later may go: the other one sees nobody.
 *
 * undefined: something could not be read. Never rejects.
 */
export async function servicesOfOthers(options: OthersOptions): Promise<ReadonlySet<string> | undefined> {
  const states = await listAll(options, resourceTypes.NodeState)
  const statuses = await listAll(options, resourceTypes.ServiceBGPStatus)
  if (states === undefined || statuses === undefined) return undefined
  const standings = new Map(states.map((state) => [state.metadata.name, standingOf(state)]))
  const said = statuses.map(sayingOf).filter(({ node, hasPeers }) => {
    return hasPeers && node !== options.node && mayTakeOver(standings.get(node), node, options.node)
  })
  const ready = new Set<string>()
  for (const node of new Set(said.map((one) => one.node))) {
    const isThere = await isReady(options, node)
    if (isThere === undefined) return undefined
    if (isThere) ready.add(node)
  }
  return new Set(said.filter(({ node }) => ready.has(node)).map(({ service }) => service))
}

/** What a ServiceBGPStatus says. */
function sayingOf({ status }: KubeObject): {
  readonly node: string
  readonly service: string
  readonly hasPeers: boolean
} {
  const { node, serviceNamespace, serviceName, peers } = fieldsOf(status)
  return {
    node: textAt(node),
    service: `${textAt(serviceNamespace)}/${textAt(serviceName)}`,
    hasPeers: listAt(peers).length > 0,
  }
}

const mayTakeOver = (standing: Standing | undefined, node: string, own: string): boolean =>
  standing === undefined || standing.isStaying || (standing.isHolding && node < own)

function standingOf({ spec, status }: KubeObject): Standing {
  const { drain, sessions } = fieldsOf(status)
  const phase = textAt(fieldsOf(drain)['phase'])
  const isLeaving = fieldsOf(spec)['drain'] !== undefined || (phase !== '' && phase !== 'Active')
  const isHeard = listAt(sessions).some((session) => fieldsOf(session)['state'] === 'Established')
  return { isStaying: !isLeaving && isHeard, isHolding: phase === 'HeldBack' && isHeard }
}

async function listAll(
  { api, namespace, failed }: OthersOptions,
  type: ResourceType,
): Promise<readonly KubeObject[] | undefined> {
  const items: KubeObject[] = []
  let next: string | undefined
  do {
    const options: ListOptions = { namespace, limit: pageSize, ...(next === undefined ? {} : { continue: next }) }
    const page = await api.list(type, options)
    // Without the kind nobody has an object of it.
    if (page.kind === 'fault' && page.code === 'notFound') return []
    if (page.kind === 'fault') {
      failed('list', type, page)
      return undefined
    }
    items.push(...page.value.items)
    next = page.value.continue
  } while (next !== undefined && next !== '')
  return items
}

/** A node that is gone or does not answer the control plane cannot be relied on; undefined: it could not be read. */
async function isReady({ api, failed }: OthersOptions, name: string): Promise<boolean | undefined> {
  const result = await api.get(resourceTypes.Node, { namespace: '', name })
  if (result.kind === 'fault') {
    if (result.code === 'notFound') return false
    failed('get', resourceTypes.Node, result)
    return undefined
  }
  const { conditions } = fieldsOf(result.value['status'])
  return listAt(conditions).some((one) => fieldsOf(one)['type'] === 'Ready' && fieldsOf(one)['status'] === 'True')
}
