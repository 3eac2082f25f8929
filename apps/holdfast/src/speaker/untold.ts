import type { AllocatedService } from '@holdfast/announce'
import { planNode } from '@holdfast/announce'
import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { RawObject } from '@holdfast/model'
import { evaluate } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import { createHoldings } from '../allocation/hold.ts'
import { listAt, textAt } from '../kubernetes/fields-at.ts'
import type { Offer } from '../kubernetes/offers.ts'
import { pause } from '../kubernetes/pause.ts'
import type { Reading } from './proof-of-life.ts'
import { listAll } from './proof-of-life.ts'
import { createPeersByService } from './service-statuses.ts'
import { createServiceReader } from './services.ts'

export interface UntoldOptions extends Reading {
  readonly clock: Clock
  /** What is in force here. */
  readonly objects: readonly RawObject[]
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
}

/** Whether the speaker of this NodeState writes no ServiceBGPStatus (`--service-statuses none`). */
export const isUntold = (state: KubeObject | undefined): boolean =>
  textAt(state, 'status', 'serviceStatuses') === 'None'

/** Of no more nodes it is worked out what they announce: each is a Node to be read. */
const mostNodes = 100
/** Of more Services than these the EndpointSlices of all are read at once. */
const mostSingle = 20
const serviceNameLabel = 'kubernetes.io/service-name'

/**
 * What nodes offer of some Services, as far as that is useful, whose speakers write no ServiceBGPStatus: planned here as those speakers plan it, from what is in
 * force here, their Nodes, and the EndpointSlices of Services with policy Local, of which a speaker knows no more than its own node's.
 *
 * undefined: something could not be read. Never rejects.
 */
export async function untoldOffers(
  options: UntoldOptions,
  names: readonly string[],
  services: ReadonlySet<string>,
  isUseful: (offer: Offer) => boolean,
): Promise<readonly Offer[] | undefined> {
  if (names.length === 0) return []
  const inForce = options.objects.filter((raw) => isOfInterest(raw, services))
  const local = new Set(inForce.filter(isLocal).map(keyOf))
  const slices = await readSlices(options, local)
  if (slices === undefined) return undefined
  const known = inForce.filter((raw) => !isSlice(raw) || !local.has(serviceOf(raw.value)))
  const plan = createPlanner({ ...options, isUseful }, [...known, ...slices.map(rawOf)], placesOf(slices, local))
  const offers: Offer[] = []
  for (const name of inOrder(names, slices)) {
    if (!plan.isWanted(name)) continue
    const node = await readNode(options, name)
    if (node === undefined) return undefined
    if (node !== 'gone') offers.push(...plan.offersOf(node))
    // Sessions come first: planning thousands of Services for many nodes at once would keep them waiting.
    await pause(options.clock, 0)
  }
  return offers
}

/** So many offers of a Service are enough: one of their nodes will be alive. */
const enough = 3

/** Plans one node after another, each for those Services that it may announce and that lack offers. */
function createPlanner(
  { loadBalancerClass, ignoreExcludeLB, isUseful }: UntoldOptions & { readonly isUseful: (offer: Offer) => boolean },
  objects: readonly RawObject[],
  places: ReadonlyMap<string, ReadonlySet<string>>,
): { readonly isWanted: (node: string) => boolean; readonly offersOf: (node: KubeObject) => readonly Offer[] } {
  let evaluation = evaluate(objects, undefined)
  const read = createServiceReader(loadBalancerClass)
  const withHoldings = createHoldings()
  const counts = new Map<string, number>()
  const isLacking = ({ service }: AllocatedService, node: string): boolean => {
    const key = `${service.meta.ref.namespace}/${service.meta.ref.name}`
    return (counts.get(key) ?? 0) < enough && places.get(key)?.has(node) !== false
  }
  return {
    isWanted: (node) => read(evaluation.model).all.some((one) => isLacking(one, node)),
    offersOf: (object) => {
      const { name: node } = object.metadata
      evaluation = evaluate([...objects, rawOf(object)], evaluation)
      const { model } = evaluation
      const { all, heldOver } = read(model)
      const services = all.filter((one) => isLacking(one, node))
      const input = { node, model: withHoldings(model, heldOver), services, ignoreExcludeLB }
      const offered = [...createPeersByService()(planNode(input), 'announce')]
      const useful = offered.map(([service, peers]) => ({ node, service, peers })).filter(isUseful)
      for (const { service } of useful) counts.set(service, (counts.get(service) ?? 0) + 1)
      return useful
    },
  }
}

/** By Service with policy Local: the nodes that have endpoints of it. */
function placesOf(slices: readonly KubeObject[], local: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map([...local].map((service) => [service, new Set<string>()]))
  for (const slice of slices) for (const node of nodesIn(slice)) places.get(serviceOf(slice))?.add(node)
  return places
}

const nodesIn = (slice: KubeObject): readonly string[] =>
  listAt(slice, 'endpoints').map((endpoint) => textAt(endpoint, 'nodeName'))

/** Those that have endpoints first, since nobody else can announce what has policy Local. */
function inOrder(names: readonly string[], slices: readonly KubeObject[]): readonly string[] {
  const places = new Set(slices.flatMap(nodesIn))
  const sorted = names.toSorted((a, b) => Number(places.has(b)) - Number(places.has(a)) || (a < b ? -1 : 1))
  return sorted.slice(0, mostNodes)
}

const kindOf = ({ value }: RawObject): string => textAt(value, 'kind')
const keyOf = ({ value }: RawObject): string =>
  `${textAt(value, 'metadata', 'namespace')}/${textAt(value, 'metadata', 'name')}`
const serviceOf = (slice: unknown): string =>
  `${textAt(slice, 'metadata', 'namespace')}/${textAt(slice, 'metadata', 'labels', serviceNameLabel)}`

const isSlice = (raw: RawObject): boolean => kindOf(raw) === 'EndpointSlice'
const isLocal = (raw: RawObject): boolean =>
  kindOf(raw) === 'Service' && textAt(raw.value, 'spec', 'externalTrafficPolicy') === 'Local'

function isOfInterest(raw: RawObject, services: ReadonlySet<string>): boolean {
  switch (kindOf(raw)) {
    case 'Service':
      return services.has(keyOf(raw))
    case 'EndpointSlice':
      return services.has(serviceOf(raw.value))
    case 'Node':
    case 'NodeState':
      return false
    default:
      return true
  }
}

const rawOf = (value: KubeObject): RawObject => ({
  value,
  origin: { file: `${String(value.kind)} ${value.metadata.name}`, lineOf: () => undefined },
})

/** undefined: it could not be read. */
async function readNode({ api, failed }: Reading, name: string): Promise<KubeObject | 'gone' | undefined> {
  const result = await api.get(resourceTypes.Node, { namespace: '', name })
  if (result.kind === 'ok') return { ...result.value, apiVersion: 'v1', kind: 'Node' }
  if (result.code === 'notFound') return 'gone'
  failed('get', resourceTypes.Node, result)
  return undefined
}

async function readSlices(options: Reading, services: ReadonlySet<string>): Promise<readonly KubeObject[] | undefined> {
  const selections =
    services.size > mostSingle
      ? [{ labelSelector: `${serviceNameLabel},!service.kubernetes.io/headless` }]
      : [...services].map((service) => {
          const [namespace = '', name = ''] = service.split('/')
          return { namespace, labelSelector: `${serviceNameLabel}=${name}` }
        })
  const slices: KubeObject[] = []
  for (const selection of selections) {
    const found = await listAll({ ...options, namespace: undefined }, resourceTypes.EndpointSlice, selection)
    if (found === undefined) return undefined
    for (const slice of found) {
      if (services.has(serviceOf(slice)))
        slices.push({ ...slice, apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' })
    }
  }
  return slices
}
