import type { KubeObject, MemoryApi, ObjectKey } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Random } from './random.ts'

/** The namespace of pools and blocks. */
export const namespace = 'metallb-system'

export const serviceNames = ['a', 'b', 'c', 'd', 'e', 'f']
const poolNames = ['gold', 'silver'] as const
const wideRanges = {
  gold: [['192.0.2.0-192.0.2.2', 'fd00::-fd00::1'], ['192.0.2.0-192.0.2.1']],
  silver: [
    ['192.0.2.62-192.0.2.65', 'fd00::3e-fd00::41'],
    ['192.0.2.64-192.0.2.65', 'fd00::40-fd00::41'],
  ],
}
const narrowRanges = {
  gold: [['192.0.2.0-192.0.2.0', 'fd00::-fd00::'], ['192.0.2.0-192.0.2.1']],
  silver: [
    ['192.0.2.63-192.0.2.64', 'fd00::3f-fd00::40'],
    ['192.0.2.64-192.0.2.64', 'fd00::40-fd00::41'],
  ],
}
const wishes = ['192.0.2.0', '192.0.2.1', '192.0.2.64', '192.0.2.0,fd00::', '203.0.113.1']

/** Whom a pool serves, and with what. */
const poolTerms = (random: Random): Record<string, unknown> => ({
  ...(random.chance(0.2) ? { avoidBuggyIPs: true } : {}),
  ...(random.chance(0.2)
    ? { serviceAllocation: { priority: 1 + random.below(50), namespaces: [random.pick(['shop', 'other'])] } }
    : {}),
})

/** What people do to a cluster. */
export interface Workload {
  /** Does one thing, and says what. */
  readonly act: () => string
  /** When pools last changed, by the count of acts. */
  readonly poolActs: () => number
  /** When Services last were changed by people. */
  readonly serviceActs: () => number
}

export function createWorkload(server: MemoryApi, random: Random): Workload {
  let poolActs = 0
  let serviceActs = 0
  server.put(resourceTypes.Namespace, { metadata: { name: 'shop' } })
  setPool('gold')

  function setPool(name: (typeof poolNames)[number]): string {
    const others = server.readAll(resourceTypes.IPAddressPool).filter((pool) => pool.metadata.name !== name)
    // Pools do not overlap: who would take which of two is another matter, that depends on history.
    const ranges = random.chance(0.6) ? narrowRanges : wideRanges
    const addresses = random.pick(ranges[name])
    const spec = { ...poolTerms(random), addresses, autoAssign: others.length === 0 || random.chance(0.8) }
    server.put(resourceTypes.IPAddressPool, { metadata: { name, namespace }, spec })
    poolActs += 1
    return `pool ${name} = ${addresses.join()}`
  }

  function dropPool(): string {
    const name = random.pick(poolNames)
    server.drop(resourceTypes.IPAddressPool, { namespace, name })
    poolActs += 1
    return `pool ${name} deleted`
  }

  const keyOf = (name: string): ObjectKey => ({ namespace: 'shop', name })

  function setService(name: string): string {
    const known = server.read(resourceTypes.Service, keyOf(name))
    serviceActs += 1
    const spec = serviceSpec()
    const annotations = { ...pickAnnotation(known), ...serviceAnnotations() }
    const status = known?.['status'] ?? { loadBalancer: {} }
    server.put(resourceTypes.Service, { metadata: { name, namespace: 'shop', annotations }, spec, status })
    return `service ${name} = ${JSON.stringify({ ...spec, annotations })}`
  }

  /** What the controller wrote stays. */
  const pickAnnotation = (known: KubeObject | undefined): Record<string, string> => {
    const pool = known?.metadata.annotations?.['metallb.io/ip-allocated-from-pool']
    return pool === undefined ? {} : { 'metallb.io/ip-allocated-from-pool': pool }
  }

  function serviceSpec(): Record<string, unknown> {
    const dice = random.next()
    const clusterIPs = dice < 0.5 ? ['10.0.0.1'] : dice < 0.6 ? ['fd01::1'] : ['10.0.0.1', 'fd01::1']
    const ipFamilyPolicy =
      clusterIPs.length === 1 ? 'SingleStack' : random.pick(['PreferDualStack', 'RequireDualStack'])
    const ports = [{ port: random.pick([80, 81, 82]), protocol: 'TCP' }]
    return { type: 'LoadBalancer', clusterIPs, ipFamilyPolicy, ports }
  }

  function serviceAnnotations(): Record<string, string> {
    return {
      ...(random.chance(0.4) ? { 'metallb.io/allow-shared-ip': random.pick(['k1', 'k2']) } : {}),
      ...(random.chance(0.3) ? { 'metallb.io/loadBalancerIPs': random.pick(wishes) } : {}),
      ...(random.chance(0.1) ? { 'metallb.io/address-pool': random.pick(poolNames) } : {}),
    }
  }

  /** As the API server does it: the status goes with the type, all else of it stays. */
  function unbalance(name: string): string {
    const known = server.read(resourceTypes.Service, keyOf(name))
    if (known === undefined) return setService(name)
    serviceActs += 1
    const { conditions } = known['status'] as { readonly conditions?: unknown }
    const spec = { type: 'ClusterIP', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] }
    const status = { loadBalancer: {}, ...(conditions === undefined ? {} : { conditions }) }
    const { annotations = {} } = known.metadata
    server.put(resourceTypes.Service, { metadata: { name, namespace: 'shop', annotations }, spec, status })
    return `service ${name} is of type ClusterIP`
  }

  function deleteService(name: string): string {
    server.drop(resourceTypes.Service, keyOf(name))
    serviceActs += 1
    return `service ${name} deleted`
  }

  return {
    act: () => {
      const dice = random.next()
      const name = random.pick(serviceNames)
      if (dice < 0.55) return setService(name)
      if (dice < 0.7) return deleteService(name)
      if (dice < 0.75) return unbalance(name)
      if (dice < 0.8) return `${deleteService(name)}; ${setService(name)}`
      return dice < 0.95 ? setPool(random.pick(poolNames)) : dropPool()
    },
    poolActs: () => poolActs,
    serviceActs: () => serviceActs,
  }
}
