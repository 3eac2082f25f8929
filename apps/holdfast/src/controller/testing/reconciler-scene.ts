import type { ApiFault, KubeApi, KubeObject, ResourceType } from '@holdfast/cluster'
import { apiFault, createMemoryApi, resourceTypes } from '@holdfast/cluster'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { createLog } from '../../kubernetes/log.ts'
import { controllerKeeps } from '../kept.ts'
import type { Leadership } from '../leadership.ts'
import type { Followed, Outcome, Reconciler } from '../reconciler.ts'
import { createReconciler } from '../reconciler.ts'
import { ingressOf, poolAnnotation } from '../service-object.ts'
import { reservedIn } from './truth.ts'
import { namespace } from './workload.ts'

const origin = { file: 'memory', lineOf: () => undefined }
const keeps = controllerKeeps()

type Rules = Parameters<typeof createReconciler>[0]['rules']

/** What was heard of, where that is not what the server has. */
type Heard = Partial<Omit<Followed, 'snapshot'>>

/** How long a watch lives in a scene, in ms. */
export const sceneWatchMs = 300_000

/**
 * One that may use nothing of what is set aside, since its watch of Services is too young: every address is given by its block first
 * (docs/adr/0009).
 */
const slowLeadership: Leadership = { number: '1', sinceMs: 0, isHeardInTime: false }

/**
 * A reconciler over a server of which the test says what has been heard. Blocks, pools and Services come and go by the server. `through`
 * may change what the first reconciler asks and is answered.
 */
export function createScene(
  onPoolLoss: Rules['onPoolLoss'] = 'Reassign',
  through: (api: KubeApi) => KubeApi = (api) => api,
) {
  const clock = createVirtualClock()
  const server = createMemoryApi({ clock })
  const client = server.connect()
  const lines: string[] = []
  let isLeading = true
  let transitions = 0
  let leadership = slowLeadership
  let refusalOf: (type: ResourceType, name: string) => ApiFault | undefined = () => undefined
  server.put(resourceTypes.Namespace, { metadata: { name: 'shop' } })

  /** Another controller's, that knows nothing yet; it leads as the first one where nothing is said. */
  function create(by: KubeApi = server.connect(), leads: () => Leadership | undefined = () => leadership): Reconciler {
    return createReconciler({
      api: withRefusals(by, (type, name) => refusalOf(type, name)),
      clock,
      log: createLog({ level: 'debug', write: (line) => void lines.push(line), now: () => '' }),
      nowMs: () => Date.UTC(2026, 0, 1) + clock.now(),
      random: () => 0.5,
      rules: { loadBalancerClass: undefined, onPoolLoss, namespace },
      tell: () => undefined,
      mayWrite: () => isLeading,
      leadership: leads,
      longestWatchMs: sceneWatchMs,
      keep: { service: keeps('Service'), block: keeps('AddressBlock') },
      parallel: 4,
    })
  }
  const reconciler = create(through(client))

  const all = (kind: 'Service' | 'Namespace' | 'IPAddressPool' | 'AddressBlock'): readonly KubeObject[] => {
    const { group, version } = resourceTypes[kind]
    const apiVersion = group === '' ? version : `${group}/${version}`
    return server.readAll(resourceTypes[kind]).map((object) => keeps(kind)({ ...object, apiVersion, kind }))
  }

  /** Everything that the server has, but for what was heard of otherwise. */
  function followed({ services = all('Service'), pools = all('IPAddressPool'), blocks }: Heard = {}): Followed {
    const objects = [...services, ...all('Namespace'), ...pools].map((value) => ({ value, origin }))
    const known = blocks ?? new Map(all('AddressBlock').map((block) => [block.metadata.name, block]))
    return { snapshot: { objects, faults: [] }, services, pools, blocks: known }
  }

  /** What statuses name; empty: nothing, or the Service is gone. */
  const addressesOf = (...names: readonly string[]): readonly string[] =>
    names.map((name) => {
      const object = server.read(resourceTypes.Service, { namespace: 'shop', name })
      return object === undefined ? '' : ingressOf(object).join()
    })

  return {
    clock,
    server,
    client,
    reconciler,
    create,
    followed,
    addressesOf,
    /** Events of the log so far. */
    events: (): readonly string[] => lines.map((line) => (JSON.parse(line) as { readonly event: string }).event),
    /** After each of so many rounds over what is heard these Services have these addresses. */
    holds: async (
      expected: Readonly<Record<string, string>>,
      times: number,
      heard: () => Followed,
      by = reconciler,
    ): Promise<void> => {
      const outcomes: Outcome['kind'][] = []
      for (let rounds = 0; rounds < times; rounds += 1) {
        const { outcome } = await by.round(heard())
        outcomes.push(outcome.kind)
        const names = Object.keys(expected)
        assert.deepEqual(
          addressesOf(...names),
          Object.values(expected),
          `after rounds that ended with ${outcomes.join()}`,
        )
      }
    },
    /** Rounds with what the server has, until there is nothing to do. */
    settle: async (by = reconciler): Promise<void> => {
      for (let rounds = 0; rounds < 20; rounds += 1) {
        const { outcome } = await by.round(followed())
        if (outcome.kind === 'settled') return
        if (outcome.kind === 'retryIn') clock.advance(outcome.ms)
      }
      assert.fail(`it does not settle\n${lines.slice(-10).join('')}`)
    },
    lead: (does: boolean) => void (isLeading = does),
    /** What else is said of the leadership from now on. */
    setLeadership: (now: Partial<Leadership>): void => void (leadership = { ...leadership, ...now }),
    /** The Lease is acquired now. Returns the leadership, by which all that is set aside may be used. */
    acquire: (): Leadership => {
      transitions += 1
      const metadata = { name: 'holdfast-controller', namespace }
      const lease = server.put(resourceTypes.Lease, { metadata, spec: { leaseTransitions: transitions } })
      return { number: lease.metadata.resourceVersion ?? '', sinceMs: clock.now(), isHeardInTime: true }
    },
    /** What blocks have set aside, by address: the number of the leadership. */
    reserved: (): Readonly<Record<string, string>> => Object.fromEntries(reservedIn(server)),
    /** A block has set aside this for leaderships, by address, and nothing else; whoever wrote it. */
    reserve: (name: string, reserved: Readonly<Record<string, string>>): void => {
      const block = server.read(resourceTypes.AddressBlock, { namespace, name })
      assert.ok(block !== undefined)
      server.put(resourceTypes.AddressBlock, { ...block, spec: { ...(block['spec'] as object), reserved } })
    },
    /** The server refuses writes of objects of a kind, by their names, until `allowWrites`. */
    refuseWrites: (
      type: ResourceType,
      isRefused: (name: string) => boolean = () => true,
      code: keyof typeof statusOf = 'forbidden',
    ): void => {
      const fault = { ...apiFault(code, 'refused'), status: statusOf[code] }
      refusalOf = (...[kind, name]) => (kind === type && isRefused(name) ? fault : undefined)
    },
    allowWrites: () => void (refusalOf = () => undefined),
    setPool: (name: string, addresses: readonly string[], autoAssign = true): void =>
      void server.put(resourceTypes.IPAddressPool, { metadata: { name, namespace }, spec: { addresses, autoAssign } }),
    deletePool: (name: string): void => server.drop(resourceTypes.IPAddressPool, { namespace, name }),
    /** Makes a Service, or another one of it; what it has stays. */
    setService: (name: string, spec: object = {}, annotations: Readonly<Record<string, string>> = {}): void => {
      const known = server.read(resourceTypes.Service, { namespace: 'shop', name })
      const pool = known?.metadata.annotations?.[poolAnnotation]
      server.put(resourceTypes.Service, {
        metadata: {
          name,
          namespace: 'shop',
          annotations: { ...(pool === undefined ? {} : { [poolAnnotation]: pool }), ...annotations },
        },
        spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ...onPort(80), ...spec },
        status: known?.['status'] ?? { loadBalancer: {} },
      })
    },
    deleteService: (name: string): void => server.drop(resourceTypes.Service, { namespace: 'shop', name }),
    blockNames: () => server.readAll(resourceTypes.AddressBlock).map(({ metadata }) => metadata.name),
    deleteBlock: (name: string): void => server.drop(resourceTypes.AddressBlock, { namespace, name }),
    /** Somebody edits a block, so that it cannot be read. */
    spoilBlock: (name: string): void => {
      const block = server.read(resourceTypes.AddressBlock, { namespace, name })
      assert.ok(block !== undefined)
      const spec = { ...(block['spec'] as object), addresses: { some: 'text' } }
      server.put(resourceTypes.AddressBlock, { ...block, spec })
    },
  }
}

const statusOf = { forbidden: 403, serverError: 500 } as const

function withRefusals(client: KubeApi, refusalOf: (type: ResourceType, name: string) => ApiFault | undefined): KubeApi {
  const unless = async <T>(fault: ApiFault | undefined, run: () => Promise<T>): Promise<T | ApiFault> => fault ?? run()
  return {
    list: (type, list) => client.list(type, list),
    watch: client.watch,
    get: (type, key) => client.get(type, key),
    create: (type, object, write) =>
      unless(refusalOf(type, object.metadata.name), () => client.create(type, object, write)),
    replace: (type, object, write) =>
      unless(refusalOf(type, object.metadata.name), () => client.replace(type, object, write)),
    apply: (type, object, write) =>
      unless(refusalOf(type, object.metadata.name), () => client.apply(type, object, write)),
    merge: (type, key, patch, write) => unless(refusalOf(type, key.name), () => client.merge(type, key, patch, write)),
    remove: (type, key, preconditions) =>
      unless(refusalOf(type, key.name), () => client.remove(type, key, preconditions)),
  }
}

/** Fields of a Service's spec: its only port. */
export const onPort = (port: number): object => ({ ports: [{ port, protocol: 'TCP' }] })

/** Fields of a Service's spec: of both families. */
export const dualStack = (ipFamilyPolicy: string): object => ({
  clusterIPs: ['10.0.0.1', 'fd01::1'],
  ipFamilies: ['IPv4', 'IPv6'],
  ipFamilyPolicy,
})

/** Annotations of a Service that shares its address. */
export const sharing = { 'metallb.io/allow-shared-ip': 'key' }

/** Annotations of a Service that asks for addresses. */
export const asking = (addresses: string): Readonly<Record<string, string>> => ({
  'metallb.io/loadBalancerIPs': addresses,
})
