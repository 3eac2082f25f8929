import type { KubeObject, ObjectMeta } from './api.ts'
import { isFields, withoutFields, type Fields } from './plain-data.ts'
import { resourceTypes } from './resource-types.ts'

/** Trims an object to what is read of it. */
export type Keep = (object: KubeObject) => KubeObject

/** The kinds whose objects are followed: reviews are questions, not objects. */
export type FollowedKind = Exclude<keyof typeof resourceTypes, 'TokenReview' | 'SubjectAccessReview'>

/** kubectl keeps a copy of the whole manifest here. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
const serviceNameLabel = 'kubernetes.io/service-name'
/** Conditions of a Service that we write. */
const ownConditions = 'holdfast.dev/'
/** Conditions of a Node that are read: the other ones change more often than anything that matters here. */
const nodeConditions: ReadonlySet<unknown> = new Set(['NetworkUnavailable', 'Ready'])

const mostShared = 50_000

/**
 * For each kind, what is kept of its objects: what the model, allocation, announcing and statuses read, and nothing more. What
 * many objects have in common (names of nodes, Services and namespaces, ports, conditions) is kept once.
 */
export function createKeeps(): Readonly<Record<FollowedKind, Keep>> {
  const sharing = createSharings()
  const trims: Readonly<Record<FollowedKind, Keep>> = {
    Service: (object) => service(object, sharing),
    EndpointSlice: (object) => endpointSlice(object, sharing),
    Node: node,
    Namespace: (object) => identity(object, ({ labels }) => ({ labels })),
    Secret: (object) =>
      withFields(identity(object), { type: object['type'], data: pick(object['data'], ['password']) }),
    Event: (object) =>
      withFields(
        identity(object),
        pick(object, [
          ...['involvedObject', 'reason', 'message', 'type', 'action', 'count', 'series', 'eventTime'],
          ...['firstTimestamp', 'lastTimestamp', 'reportingComponent', 'reportingInstance', 'source'],
        ]),
      ),
    Lease: declared,
    IPAddressPool: configured,
    BGPAdvertisement: configured,
    BGPPeer: peer,
    BFDProfile: configured,
    Community: configured,
    L2Advertisement: declared,
    ServiceBGPStatus: declared,
    ConfigurationState: declared,
    PeerPolicy: configured,
    NodeState: declared,
    AddressBlock: declared,
  }
  const kinds = Object.keys(trims) as readonly FollowedKind[]
  return Object.fromEntries(kinds.map((kind) => [kind, named(kind, trims[kind])])) as Record<FollowedKind, Keep>
}

/** The names of the kind are texts of ours: those that came with each object would be kept with each. */
function named(name: FollowedKind, trim: Keep): Keep {
  const { group, version, kind } = resourceTypes[name]
  const apiVersion = group === '' ? version : `${group}/${version}`
  return (object) => ({ apiVersion, kind, ...trim(object) })
}

/** What is kept once. */
interface Sharings {
  readonly text: (text: string) => string
  /** The labels of a slice: the name of its Service. */
  readonly sliceLabels: (serviceName: string) => Fields
  readonly port: (json: string) => Fields
  readonly texts: (json: string) => readonly string[]
}

const createSharings = (): Sharings => ({
  text: createSharing((text) => text),
  sliceLabels: createSharing((serviceName) => ({ [serviceNameLabel]: serviceName })),
  port: createSharing((json) => JSON.parse(json) as Fields),
  texts: createSharing((json) => JSON.parse(json) as readonly string[]),
})

/** Gives for equal texts always the first thing made of them; forgets all where they are more than `most`, too many to be worth it. */
export function createSharing<T>(make: (text: string) => T, most = mostShared): (text: string) => T {
  const shared = new Map<string, T>()
  return (text) => {
    const known = shared.get(text)
    if (known !== undefined) return known
    if (shared.size >= most) shared.clear()
    const made = make(text)
    shared.set(text, made)
    return made
  }
}

function service(object: KubeObject, sharing: Sharings): KubeObject {
  const spec = isFields(object['spec']) ? object['spec'] : {}
  const status = isFields(object['status']) ? object['status'] : {}
  const conditions = listOf(status['conditions']).filter(({ type }) => isText(type) && type.startsWith(ownConditions))
  return {
    ...identity(object, ({ name, namespace, labels, annotations }) => ({
      name: sharing.text(name),
      namespace: sharedText(namespace, sharing),
      labels: sharedValues(labels, sharing),
      annotations: sharedValues(withoutLastApplied(annotations), sharing),
    })),
    spec: present({
      type: spec['type'],
      loadBalancerClass: sharedText(spec['loadBalancerClass'], sharing),
      loadBalancerIP: spec['loadBalancerIP'],
      externalTrafficPolicy: spec['externalTrafficPolicy'],
      ...clusterIPsOf(spec),
      ipFamilies: Array.isArray(spec['ipFamilies']) ? sharing.texts(JSON.stringify(spec['ipFamilies'])) : undefined,
      ipFamilyPolicy: sharedText(spec['ipFamilyPolicy'], sharing),
      ports: listOf(spec['ports']).map((port) =>
        sharing.port(JSON.stringify(pick(port, ['name', 'protocol', 'port']))),
      ),
      selector: sharedValues(spec['selector'], sharing),
    }),
    status: present({
      loadBalancer: status['loadBalancer'],
      conditions: conditions.length === 0 ? undefined : conditions,
    }),
  }
}

/** The first of clusterIPs is clusterIP. */
const clusterIPsOf = ({ clusterIP, clusterIPs }: Fields): Fields =>
  listOf(clusterIPs, isText).length > 0 ? { clusterIPs } : { clusterIP }

const endpointSlice = (object: KubeObject, sharing: Sharings): KubeObject => ({
  ...identity(object, ({ namespace, labels }) => {
    const serviceName = isFields(labels) ? labels[serviceNameLabel] : undefined
    return {
      namespace: sharedText(namespace, sharing),
      labels: isText(serviceName) ? sharing.sliceLabels(sharing.text(serviceName)) : undefined,
      generation: undefined,
    }
  }),
  endpoints: listOf(object['endpoints']).map((endpoint) =>
    present({
      addresses: endpoint['addresses'],
      nodeName: sharedText(endpoint['nodeName'], sharing),
      conditions: endpointConditions(endpoint['conditions']),
    }),
  ),
})

/** Longer texts are hardly the same in several objects. */
const longestShared = 128

const sharedText = (value: unknown, { text }: Sharings): unknown =>
  isText(value) && value.length <= longestShared ? text(value) : value

/** Labels, annotations or a selector, with shared values: the name of an application stands in many places. */
const sharedValues = (fields: unknown, sharing: Sharings): unknown =>
  isFields(fields)
    ? Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, sharedText(value, sharing)]))
    : fields

const node: Keep = (object) => {
  const status = isFields(object['status']) ? object['status'] : {}
  const conditions = listOf(status['conditions']).filter(({ type }) => nodeConditions.has(type))
  return withFields(
    identity(object, ({ labels }) => ({ labels })),
    {
      spec: pick(object['spec'], ['taints', 'unschedulable']),
      status: {
        conditions: conditions.map((condition) => pick(condition, ['type', 'status', 'reason', 'message'])),
        addresses: listOf(status['addresses']),
      },
    },
  )
}

/** Everything that is said of an object of our kinds and MetalLB's. */
const declared: Keep = (object) =>
  withFields(
    identity(object, ({ labels, annotations, ownerReferences }) => ({
      labels,
      annotations: withoutLastApplied(annotations),
      ownerReferences,
    })),
    { spec: object['spec'], status: object['status'] },
  )

/** As declared, with the age: of two objects that contradict each other the older one counts. */
const configured: Keep = (object) => {
  const { metadata, ...said } = declared(object)
  return { metadata: { ...metadata, ...present({ creationTimestamp: object.metadata['creationTimestamp'] }) }, ...said }
}

/**
 * In metallb.io/v1beta1 a duration cannot be left unset: 0s is what unset looks like, while in v1beta2 a hold time of 0s is one that never
 * ends. The API server hands the fields over as they are; who wrote them in which version stands in metadata.managedFields alone.
 */
const peer: Keep = (object) => {
  const spec = isFields(object['spec']) ? object['spec'] : {}
  const unset = ['holdTime', 'keepaliveTime'].filter((field) => isZero(spec[field]) && isOfV1beta1(object, field))
  return configured(unset.length === 0 ? object : { ...object, spec: withoutFields(spec, ...unset) })
}

const isZero = (duration: unknown): boolean =>
  isText(duration) && /^(?:0+(?:\.0+)?(?:h|m|s|ms|us|µs|ns)?)+$/.test(duration)

/** Some of it was written in v1beta1, and nobody has written this field in v1beta2. */
function isOfV1beta1({ metadata }: KubeObject, field: string): boolean {
  const writes = listOf(metadata['managedFields'])
  const has = ({ fieldsV1 }: Fields): boolean => {
    const spec = isFields(fieldsV1) ? fieldsV1['f:spec'] : undefined
    return isFields(spec) && `f:${field}` in spec
  }
  return (
    writes.some(({ apiVersion }) => apiVersion === 'metallb.io/v1beta1') &&
    !writes.some((write) => write['apiVersion'] === 'metallb.io/v1beta2' && has(write))
  )
}

/** What every object keeps, with what else of its metadata is asked for. */
function identity(object: KubeObject, more: (metadata: ObjectMeta) => Fields = () => ({})): KubeObject {
  const { metadata } = object
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp } = metadata
  const kept = present({ namespace, uid, resourceVersion, generation, deletionTimestamp, ...more(metadata) })
  return { metadata: { name, ...kept } }
}

const withoutLastApplied = (annotations: unknown): unknown =>
  isFields(annotations) && lastApplied in annotations ? withoutFields(annotations, lastApplied) : annotations

/** There are only nine of them, and tens of thousands of endpoints. */
const conditionsOf: ReadonlyMap<string, Fields> = new Map(
  [true, false, undefined].flatMap((ready) =>
    [true, false, undefined].map((serving) => [`${ready} ${serving}`, present({ ready, serving })] as const),
  ),
)

const endpointConditions = (value: unknown): Fields | undefined =>
  isFields(value) ? conditionsOf.get(`${orNothing(value['ready'])} ${orNothing(value['serving'])}`) : undefined

const orNothing = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined)

const isText = (value: unknown): value is string => typeof value === 'string'

function listOf(value: unknown): readonly Fields[]
function listOf<T>(value: unknown, isOne: (item: unknown) => item is T): readonly T[]
function listOf(value: unknown, isOne: (item: unknown) => boolean = isFields): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]).filter(isOne) : []
}

const withFields = (object: KubeObject, fields: Fields = {}): KubeObject => ({ ...object, ...present(fields) })

const pick = (value: unknown, names: readonly string[]): Fields | undefined =>
  isFields(value) ? present(Object.fromEntries(names.map((name) => [name, value[name]]))) : undefined

/** The fields that say something. */
function present(fields: Fields): Fields {
  const kept: Record<string, unknown> = {}
  for (const name in fields) if (fields[name] !== undefined && fields[name] !== null) kept[name] = fields[name]
  return kept
}
