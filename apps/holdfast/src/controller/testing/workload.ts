import type { KubeObject, MemoryApi, ObjectKey } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { Random } from './random.ts'
import { reservedIn } from './truth.ts'

/** The namespace of pools and blocks. */
export const namespace = 'metallb-system'

const poolNames = ['gold', 'silver'] as const
type Ranges = Readonly<Record<(typeof poolNames)[number], readonly (readonly string[])[]>>
const wideRanges: Ranges = {
  gold: [['192.0.2.0-192.0.2.2', 'fd00::-fd00::1'], ['192.0.2.0-192.0.2.1']],
  silver: [
    ['192.0.2.62-192.0.2.65', 'fd00::3e-fd00::41'],
    ['192.0.2.64-192.0.2.65', 'fd00::40-fd00::41'],
  ],
}
const narrowRanges: Ranges = {
  gold: [['192.0.2.0-192.0.2.0', 'fd00::-fd00::'], ['192.0.2.0-192.0.2.1']],
  silver: [
    ['192.0.2.63-192.0.2.64', 'fd00::3f-fd00::40'],
    ['192.0.2.64-192.0.2.64', 'fd00::40-fd00::41'],
  ],
}
/** So large that addresses of them are set aside, at the bounds of blocks, and with few more than are needed for that. */
const roomyRanges: Ranges = {
  gold: [
    ['192.0.2.44-192.0.2.83', 'fd00::2c-fd00::53'],
    ['192.0.2.44-192.0.2.83'],
    ['192.0.2.54-192.0.2.71', 'fd00::2c-fd00::53'],
    ['192.0.2.61-192.0.2.81'],
    ['192.0.2.62-192.0.2.65', 'fd00::3e-fd00::41'],
  ],
  silver: [
    ['192.0.2.116-192.0.2.155', 'fd00::74-fd00::9b'],
    ['192.0.2.125-192.0.2.142', 'fd00::74-fd00::9b'],
    ['192.0.2.127-192.0.2.128'],
  ],
}
const fewWishes = ['192.0.2.0', '192.0.2.1', '192.0.2.64', '192.0.2.0,fd00::', '203.0.113.1']
const roomyWishes = ['192.0.2.44', '192.0.2.46', '192.0.2.62', '192.0.2.64', '192.0.2.46,fd00::2e', '203.0.113.1']

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
  /** Of Services that there may be. */
  readonly names: readonly string[]
}

export interface WorkloadOptions {
  readonly server: MemoryApi
  readonly clock: Clock
  readonly random: Random
  /** Pools have more addresses than Services need; else fewer. */
  readonly isRoomy: boolean
}

export function createWorkload({ server, clock, random, isRoomy }: WorkloadOptions): Workload {
  const names = (isRoomy ? 'a b c d e f g h i j k l m n' : 'a b c d e f').split(' ')
  let poolActs = 0
  let serviceActs = 0
  server.put(resourceTypes.Namespace, { metadata: { name: 'shop' } })
  setPool('gold')

  function setPool(name: (typeof poolNames)[number]): string {
    const others = server.readAll(resourceTypes.IPAddressPool).filter((pool) => pool.metadata.name !== name)
    // Pools do not overlap: who would take which of two is another matter, that depends on history.
    const ranges = isRoomy ? roomyRanges : random.chance(0.6) ? narrowRanges : wideRanges
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
      ...(random.chance(isRoomy ? 0.2 : 0.4) ? { 'metallb.io/allow-shared-ip': random.pick(['k1', 'k2']) } : {}),
      ...(random.chance(isRoomy ? 0.15 : 0.3) ? { 'metallb.io/loadBalancerIPs': wish() } : {}),
      ...(random.chance(0.1) ? { 'metallb.io/address-pool': random.pick(poolNames) } : {}),
    }
  }

  /** Some ask for what is set aside. */
  function wish(): string {
    const reserved = [...reservedIn(server).keys()]
    if (reserved.length > 0 && random.chance(0.6)) return random.pick(reserved)
    return random.pick(isRoomy ? roomyWishes : fewWishes)
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

  /** Several Services within a moment, of which some go again as soon as they have come. */
  function burst(): string {
    const made = names.filter((name) => server.read(resourceTypes.Service, keyOf(name)) === undefined)
    const due = made.slice(0, 2 + random.below(4)).map((name) => {
      const [ms, isBrief] = [random.next() * 30, random.chance(0.3)] as const
      clock.after(ms, () => {
        setService(name)
        if (isBrief) clock.after(random.next() * 60, () => void deleteService(name))
      })
      return `${name} in ${Math.round(ms)} ms${isBrief ? ', and soon gone' : ''}`
    })
    return `services ${due.join(', ')}`
  }

  function brief(name: string): string {
    const ms = random.next() * 60
    clock.after(ms, () => void deleteService(name))
    return `${deleteService(name)}; ${setService(name)}; deleted in ${Math.round(ms)} ms`
  }

  function roomyAct(): string | undefined {
    const dice = random.next()
    if (dice < 0.2) return burst()
    return dice < 0.3 ? brief(random.pick(names)) : undefined
  }

  return {
    names,
    act: () => {
      const special = isRoomy ? roomyAct() : undefined
      if (special !== undefined) return special
      const dice = random.next()
      const name = random.pick(names)
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
