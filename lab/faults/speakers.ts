import assert from 'node:assert/strict'
import { eventually } from '../harness/eventually.ts'
import { Fabric, routerAddress } from '../harness/fabric.ts'
import { namespace, paths, SpeakerSite } from '../speaker/site.ts'
import type { Target } from './kinds.ts'
import type { Proxies } from './proxies.ts'
import { nodeAsn, routerAsn, WatchedRouter } from './router.ts'
import type { Expectation, Subject } from './subject.ts'

/** Services that each speaker announces all the time. */
const stableServices = 8
const password = 'lab-password'
const extraLabel = 'lab.holdfast.dev/extra'

/*
 * 198.18.NODE.x  is announced by NODE from the day that it is there, and must never go.
 * 198.19.NODE.x  comes and goes with the changes.
 */
const stableAddress = (node: number, host: number): string => `198.18.${node}.${host}`
const changingAddress = (node: number, host: number): string => `198.19.${node}.${host}`

/** An API server, a watched router, and what all speakers have in common. */
export class FaultSite {
  readonly speakers: SpeakerSite
  readonly router: WatchedRouter

  private constructor(speakers: SpeakerSite, router: WatchedRouter) {
    this.speakers = speakers
    this.router = router
  }

  get fabric(): Fabric {
    return this.speakers.fabric
  }

  static async create(nodes: readonly string[]): Promise<FaultSite> {
    const fabric = await Fabric.create(nodes)
    try {
      const router = await WatchedRouter.start(fabric)
      const site = new FaultSite(await SpeakerSite.create(fabric, router.frr), router)
      await site.#configure()
      return site
    } catch (error) {
      fabric.lab.reportFailure()
      fabric.lab.close()
      throw error
    }
  }

  /** Load balancers that wait for an address, before all others in the order of names. */
  async fill(count: number): Promise<void> {
    const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] }
    const names = Array.from({ length: count }, (_, index) => `a-filler-${index}`)
    await Promise.all(names.map((name) => this.speakers.api.create(paths.services, { metadata: { name }, spec })))
  }

  async close(hasFailed: boolean): Promise<void> {
    if (hasFailed) this.fabric.lab.reportFailure()
    await this.speakers.cluster.stop()
    this.fabric.lab.close()
  }

  async #configure(): Promise<void> {
    const { speakers } = this
    await speakers.api.create(paths.secrets, {
      metadata: { name: 'bgp-key' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'unused', password },
    })
    await speakers.put(paths.pools, 'base', { addresses: ['198.18.0.0/16'] })
    await speakers.put(paths.pools, 'labelled', { addresses: this.#hosts('1-9') })
    await speakers.put(paths.pools, 'unadvertised', { addresses: this.#hosts('100-149') })
    await speakers.put(paths.advertisements, 'base', { ipAddressPools: ['base'] })
    const nodeSelectors = [{ matchLabels: { [extraLabel]: 'yes' } }]
    await speakers.put(paths.advertisements, 'labelled', { ipAddressPools: ['labelled'], nodeSelectors })
    const ipAddressPoolSelectors = [{ matchLabels: { app: 'probe' } }]
    await speakers.put(paths.advertisements, 'probes', { ipAddressPoolSelectors })
    await speakers.put(paths.peers, 'router', peerSpec(routerAddress.ipv4))
    await this.router.setPassword(
      password,
      this.fabric.nodes.map(({ ipv4 }) => ipv4),
    )
  }

  #hosts(range: string): readonly string[] {
    const [first = '', last = ''] = range.split('-')
    return this.fabric.nodes.map(
      (_, node) => `${changingAddress(node, Number(first))}-${changingAddress(node, Number(last))}`,
    )
  }
}

const peerSpec = (peerAddress: string) => ({
  myASN: nodeAsn,
  peerASN: routerAsn,
  peerAddress,
  holdTime: '30s',
  keepaliveTime: '10s',
  connectTime: '1s',
  ...(peerAddress === routerAddress.ipv4 ? { passwordSecret: { name: 'bgp-key', namespace } } : {}),
})

/** Objects without which most of what a speaker announces would have to go, by what lists them. */
const vital = (index: number, node: string): readonly (readonly [string, RegExp])[] => [
  ['services', new RegExp(`^n${index}-s\\d+$`)],
  ['endpointslices', new RegExp(`^n${index}-s\\d+-1$`)],
  ['nodes', new RegExp(`^${node}$`)],
  ['ipaddresspools', /^base$/],
  ['bgpadvertisements', /^base$/],
  ['bgppeers', /^router$/],
  ['secrets', /^bgp-key$/],
]

/** An object of each resource that can be struck, of which an event says nothing new. */
const touchable = (index: number, node: string): Readonly<Record<string, string>> => ({
  services: `${paths.services}/n${index}-s0`,
  endpointslices: `${paths.slices}/n${index}-s0-1`,
  nodes: `${paths.nodes}/${node}`,
  ipaddresspools: `${paths.pools}/base`,
  bgpadvertisements: `${paths.advertisements}/base`,
  bgppeers: `${paths.peers}/router`,
  secrets: `${paths.secrets}/bgp-key`,
})

const writeVerbs = ['create', 'update', 'patch', 'delete'] as const

/** The speaker of a node behind its proxy, with its Services at the router. */
export async function startSpeakerSubject(site: FaultSite, proxies: Proxies, node: string): Promise<Subject> {
  const { speakers, router, fabric } = site
  const index = fabric.nodes.findIndex(({ name }) => name === node)
  const { ipv4, ipv6 } = fabric.node(node)
  const proxy = proxies.of(node)
  let probes = 0
  let touches = 0
  let isToggledOn = true
  let isLabelled = false

  const name = (suffix: string): string => `n${index}-${suffix}`
  const put = (suffix: string, ip: string, nodes: readonly string[] = [node]): Promise<void> =>
    speakers.putService(name(suffix), { ip, policy: 'Local', nodes, labels: { app: name(suffix) } })
  const atRouter = (address: string): Expectation => ({
    what: `${address} is at the router`,
    isMet: () => router.has(address),
  })
  const gone = (address: string): Expectation => ({
    what: `${address} is gone from the router`,
    isMet: () => !router.has(address),
  })
  const met = (...expectations: readonly Expectation[]): Promise<unknown> =>
    eventually(
      expectations.map(({ what }) => what).join(' and '),
      () => expectations.filter(({ isMet }) => !isMet()).map(({ what }) => what),
      (missing) => assert.deepEqual(missing, []),
      { timeoutMs: 60_000 },
    )

  /** Of an EndpointSlice, on top of the change of the struck resource: something that must go, or come. */
  const toggle = async (): Promise<Expectation> => {
    isToggledOn = !isToggledOn
    await speakers.putEndpoints(name('toggle'), [node], { ready: isToggledOn, serving: isToggledOn })
    const address = changingAddress(index, 200)
    return isToggledOn ? atRouter(address) : gone(address)
  }
  const label = async (isOn: boolean): Promise<Expectation> => {
    isLabelled = isOn
    await speakers.putNode(node, isOn ? { labels: { [extraLabel]: 'yes' } } : {})
    return isOn ? atRouter(changingAddress(index, 1)) : gone(changingAddress(index, 1))
  }
  const session = (isUp: boolean): Expectation => ({
    what: `the session with ${ipv6} is ${isUp ? 'up' : 'gone'}`,
    isMet: () => router.hasSession(ipv6) === isUp,
  })

  /** By what is struck: what is made before, and the change that the speaker learns by it. */
  const changes: Readonly<Record<string, { prepare?: () => Promise<void>; change: () => Promise<Expectation> }>> = {
    endpointslices: {
      prepare: () => put(`p${probes}`, stableAddress(index, 20 + probes), []),
      change: async () => {
        await speakers.putEndpoints(name(`p${probes}`), [node])
        return atRouter(stableAddress(index, 20 + probes))
      },
    },
    nodes: { change: () => label(!isLabelled) },
    ipaddresspools: {
      prepare: () => put(`p${probes}`, changingAddress(index, 20 + probes)),
      change: async () => {
        const address = changingAddress(index, 20 + probes)
        await speakers.api.create(paths.pools, {
          ...{ apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool' },
          metadata: { name: name(`p${probes}`), labels: { app: 'probe' } },
          spec: { addresses: [`${address}/32`] },
        })
        return atRouter(address)
      },
    },
    bgpadvertisements: {
      prepare: () => put(`p${probes}`, changingAddress(index, 100 + probes)),
      change: async () => {
        const serviceSelectors = [{ matchLabels: { app: name(`p${probes}`) } }]
        await speakers.put(paths.advertisements, name(`p${probes}`), {
          ipAddressPools: ['unadvertised'],
          serviceSelectors,
        })
        return atRouter(changingAddress(index, 100 + probes))
      },
    },
    bgppeers: {
      change: async () => {
        const nodeSelectors = [{ matchLabels: { 'kubernetes.io/hostname': node } }]
        await speakers.put(paths.peers, name('six'), { ...peerSpec(routerAddress.ipv6), nodeSelectors })
        return session(true)
      },
    },
  }
  const touch = async (resource: string): Promise<boolean> => {
    const path = touchable(index, node)[resource]
    touches += 1
    const annotations = { 'lab.holdfast.dev/touched': `${node} ${touches}` }
    if (path !== undefined) await speakers.api.merge(path, { metadata: { annotations } })
    return path !== undefined
  }
  const newService = async (): Promise<Expectation> => {
    await put(`p${probes}`, stableAddress(index, 20 + probes))
    return atRouter(stableAddress(index, 20 + probes))
  }

  const stable = Array.from(
    { length: stableServices },
    (_, host) => [`s${host}`, stableAddress(index, host + 1)] as const,
  )
  await Promise.all([
    ...stable.map(([suffix, address]) => put(suffix, address)),
    put('label', changingAddress(index, 1)),
    speakers.put(paths.advertisements, name('toggle'), {
      ipAddressPools: [name('toggle')],
      nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': node } }],
    }),
    speakers.put(paths.pools, name('toggle'), { addresses: [`${changingAddress(index, 200)}/32`] }),
    put('toggle', changingAddress(index, 200)),
  ])
  speakers.start(node, [], proxy.url)
  await met(...stable.map(([, address]) => atRouter(address)), atRouter(changingAddress(index, 200)))

  return {
    name: node,
    proxy,
    needsWrites: false,
    targets: [
      ...vital(index, node).map(([resource, most]): Target => ({
        name: resource,
        on: { resources: [resource] },
        most,
      })),
      { name: 'writes', on: { verbs: writeVerbs }, most: /^/ },
    ],
    touch: ({ name: resource }) => touch(resource),
    prepare: async ({ name: resource }) => {
      probes += 1
      await changes[resource]?.prepare?.()
    },
    change: async ({ name: resource }) => {
      // Where the change is none of the resource's own, an event comes all the same.
      if (changes[resource] === undefined) await touch(resource)
      const change = changes[resource]?.change ?? newService
      return [await change(), await toggle()]
    },
    restore: async ({ name: resource }) => {
      if (resource !== 'bgppeers') return
      await speakers.api.remove(`${paths.peers}/${name('six')}`)
      await met(session(false))
    },
    violations: () =>
      router
        .losses()
        .filter(({ what }) => what.startsWith(`198.18.${index}.`) || what === `session with ${ipv4}`)
        .map(({ line }) => line),
    tail: () => speakers.speaker(node).tail(30),
  }
}
