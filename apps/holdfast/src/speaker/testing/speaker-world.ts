import assert from 'node:assert/strict'
import { setImmediate, setTimeout as pause } from 'node:timers/promises'
import type { KubeObject, MemoryApi, MemoryClient } from '@holdfast/cluster'
import { createMemoryApi, resourceTypes } from '@holdfast/cluster'
import type { Address } from '@holdfast/ip'
import { formatAddress, formatPrefix, parseAddress } from '@holdfast/ip'
import type { SimulatedNetwork } from '@holdfast/net'
import { createSimulatedNetwork } from '@holdfast/net'
import type { ShutdownSignal, VirtualClock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import { createLog } from '../../kubernetes/log.ts'
import type { Router } from '../../router/router.ts'
import { startRouter } from '../../router/router.ts'
import type { Connections } from '../conntrack.ts'
import type { Probe } from '../kube-proxy-gate.ts'
import type { ProgramOptions } from '../program.ts'
import { SpeakerProgram } from '../program.ts'

export const namespace = 'metallb-system'

function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

const routerAddress = address('10.0.0.1')
export const nodeAddresses = { 'node-a': address('10.0.0.11'), 'node-b': address('10.0.0.12') } as const
export type NodeName = keyof typeof nodeAddresses

type Json = Readonly<Record<string, unknown>>

/** A line of a log. */
export interface LogLine {
  readonly level: string
  readonly event: string
  readonly message: string
  readonly [field: string]: unknown
}

export interface StartOptions {
  readonly command?: Partial<ProgramOptions['command']>
  readonly lastKnown?: ProgramOptions['lastKnown']
  readonly probe?: (url: string) => Promise<Probe>
  readonly connections?: () => Connections
  readonly bootId?: string
}

/** A speaker of the world, and its own way to the API server. */
export interface RunningSpeaker {
  readonly program: SpeakerProgram
  readonly api: MemoryClient
  readonly log: readonly LogLine[]
  /** Ends it as the kubelet would. */
  readonly stop: (signal?: ShutdownSignal) => Promise<void>
}

/** An API server in memory, a router and speakers on nodes, on a virtual clock. */
export interface SpeakerWorld {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly api: MemoryApi
  readonly router: Router
  readonly start: (node: NodeName, options?: StartOptions) => RunningSpeaker
  /** Lets time pass until the condition holds; fails after two virtual minutes. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>
  /** Lets time pass. */
  readonly pass: (ms: number) => Promise<void>
  /** Next hops at the router, as text; empty where it has no route. */
  readonly nextHops: (prefix: string) => readonly string[]
  /** How often the router lost its last route to the prefix, or some next hop of it, so far. */
  readonly losses: (prefix: string) => number
  /** How often the router was without any route to the prefix, after it had one. */
  readonly outages: (prefix: string) => number
  readonly communities: (prefix: string) => readonly string[]
  readonly stop: () => Promise<void>
}

async function createSpeakerWorld(): Promise<SpeakerWorld> {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1, latencyMs: { least: 1, most: 2 } })
  const api = createMemoryApi({ clock })
  const history: {
    readonly prefix: string
    readonly nextHops: readonly string[]
    readonly communities: readonly string[]
  }[] = []
  const started = await startRouter({
    listen: { address: routerAddress, port: 179 },
    asn: 64_500,
    transport: network.host(routerAddress),
    clock,
    report: (event) => {
      if (event.event === 'route') history.push(event)
    },
  })
  assert.equal(started.kind, 'running')
  const { router } = started
  const hosts = new Map(Object.entries(nodeAddresses).map(([node, own]) => [node, network.host(own)]))
  const running = new Set<RunningSpeaker>()

  const step = async (): Promise<void> => {
    // Work that was begun by the last alarm ends before time goes on: sources publish a turn later.
    for (let turn = 0; turn < 3; turn += 1) await setImmediate()
  }
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const limit = clock.now() + 120_000
    while (!condition()) {
      await step()
      if (condition()) return
      const logs = [...running].map(({ log }) => log.slice(-6))
      assert.ok(
        clock.now() < limit && clock.advanceToNext(),
        `${what}: not within two virtual minutes; last said: ${JSON.stringify(logs, undefined, 1)}`,
      )
    }
  }
  /** Files take real time, in which the virtual one stands still unless nothing else goes on. */
  const settled = async (promise: Promise<unknown>): Promise<void> => {
    for (let turns = 0; turns < 1000; turns += 1) {
      if (await Promise.race([promise.then(() => true), pause(20, false)])) return
      clock.advanceToNext()
    }
    assert.fail('it does not end')
  }
  const pass = async (ms: number): Promise<void> => {
    const endMs = clock.now() + ms
    clock.after(ms, () => undefined)
    while (clock.now() < endMs) {
      await step()
      clock.advanceToNext()
    }
    await step()
  }

  const start = (node: NodeName, options: StartOptions = {}): RunningSpeaker => {
    const log: LogLine[] = []
    const client = api.connect()
    const now = (): string => new Date(Date.UTC(2026, 0, 1) + clock.now()).toISOString()
    const transport = hosts.get(node)
    assert.ok(transport)
    const program = new SpeakerProgram({
      command: {
        node,
        namespace,
        pod: undefined,
        loadBalancerClass: undefined,
        ignoreExcludeLB: false,
        drainOnCordon: false,
        silenceSeconds: 60,
        doubtShare: 0.5,
        serviceStatuses: 'all',
        kubeProxyHealth: options.probe === undefined ? 'none' : 'http://127.0.0.1:10256/healthz',
        ...options.command,
      },
      api: client,
      transport,
      clock,
      random: () => 0.5,
      now,
      log: createLog({ level: 'debug', write: (line) => log.push(JSON.parse(line) as LogLine), now }),
      host: {
        bootId: options.bootId ?? 'boot-1',
        uptimeMs: 3_600_000,
        probe: options.probe ?? (() => Promise.resolve({ kind: 'refused' })),
        countConnections: () =>
          Promise.resolve(options.connections?.() ?? { kind: 'counted', count: 0, silent: 0, silenceSeconds: 60 }),
      },
      lastKnown: options.lastKnown,
      record: undefined,
      isOnLink: () => true,
    })
    const one: RunningSpeaker = {
      program,
      api: client,
      log,
      stop: async (signal = 'SIGTERM') => {
        running.delete(one)
        await settled(program.stop(signal))
      },
    }
    running.add(one)
    void program.start()
    return one
  }
  const setOf = (prefix: string) => router.rib.all().find((set) => formatPrefix(set.prefix) === prefix)
  return {
    clock,
    network,
    api,
    router,
    start,
    until,
    pass,
    nextHops: (prefix) => setOf(prefix)?.nextHops.map(formatAddress) ?? [],
    losses: (prefix) => {
      const own = history.filter((one) => one.prefix === prefix)
      return own.filter(({ nextHops }, index) => nextHops.length < (own[index - 1]?.nextHops.length ?? 0)).length
    },
    outages: (prefix) => history.filter((one) => one.prefix === prefix && one.nextHops.length === 0).length,
    communities: (prefix) => history.findLast((one) => one.prefix === prefix)?.communities ?? [],
    stop: async () => {
      for (const one of [...running]) await one.stop('SIGUSR2')
      let isStopped = false
      void router.stop().then(() => (isStopped = true))
      await until('the router stops', () => isStopped)
    },
  }
}

/** Runs a test in a world, and ends it whatever comes of it. */
export async function inWorld(run: (world: SpeakerWorld) => Promise<void>): Promise<void> {
  const world = await createSpeakerWorld()
  try {
    await run(world)
  } finally {
    await world.stop()
  }
  assert.equal(world.network.openEnds(), 0, 'no connection is left behind')
}

/** Puts a Node with a session to the router. */
export function putNode({ api }: SpeakerWorld, node: NodeName, more: Json = {}): void {
  const ready = [{ type: 'Ready', status: 'True' }]
  const internal = { type: 'InternalIP', address: formatAddress(nodeAddresses[node]) }
  const labels = { 'kubernetes.io/hostname': node, ...(more['labels'] as object | undefined) }
  api.put(resourceTypes.Node, {
    metadata: { name: node, labels },
    spec: more['spec'] ?? {},
    status: { conditions: more['conditions'] ?? ready, addresses: [internal] },
  })
}

/** Puts both Nodes, a BGPPeer for each, a pool and an advertisement of it. */
export function putSite(world: SpeakerWorld, more: { readonly peer?: Json } = {}): void {
  const { api } = world
  for (const node of Object.keys(nodeAddresses) as NodeName[]) {
    putNode(world, node)
    api.put(resourceTypes.BGPPeer, {
      metadata: { name: `router-${node}`, namespace },
      spec: {
        myASN: 64_512,
        peerASN: 64_500,
        peerAddress: '10.0.0.1',
        sourceAddress: formatAddress(nodeAddresses[node]),
        nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': node } }],
        ...more.peer,
      },
    })
  }
  putPool(world, '192.0.2.0/24')
  api.put(resourceTypes.BGPAdvertisement, { metadata: { name: 'public', namespace }, spec: {} })
}

export const putPool = ({ api }: SpeakerWorld, ...addresses: readonly string[]): KubeObject =>
  api.put(resourceTypes.IPAddressPool, { metadata: { name: 'public', namespace }, spec: { addresses } })

export interface ServiceOptions {
  readonly ip?: string
  readonly policy?: 'Local' | 'Cluster'
  readonly nodes?: readonly NodeName[]
  readonly loadBalancerClass?: string
  readonly labels?: Readonly<Record<string, string>>
}

/** Puts a Service with this address, and its endpoints. */
export function putService(world: SpeakerWorld, name: string, options: ServiceOptions = {}): void {
  const { ip, policy = 'Cluster', nodes = ['node-a'], loadBalancerClass, labels = {} } = options
  world.api.put(resourceTypes.Service, {
    metadata: {
      name,
      namespace: 'default',
      labels,
      annotations: { 'metallb.io/ip-allocated-from-pool': 'public' },
    },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: policy,
      clusterIPs: ['10.96.0.1'],
      ports: [{ protocol: 'TCP', port: 80 }],
      ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    },
    status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } },
  })
  putEndpoints(world, name, nodes)
}

export function putEndpoints(
  { api }: SpeakerWorld,
  name: string,
  nodes: readonly NodeName[],
  conditions: Json = { ready: true },
): void {
  api.put(resourceTypes.EndpointSlice, {
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: nodes.map((nodeName) => ({ addresses: ['10.244.0.1'], nodeName, conditions })),
  })
}

/** The status of a node's NodeState. */
export const nodeStateOf = ({ api }: SpeakerWorld, node: NodeName): Json =>
  (api.read(resourceTypes.NodeState, { namespace, name: node })?.['status'] as Json | undefined) ?? {}

/** One condition of it. */
export const conditionOf = (world: SpeakerWorld, node: NodeName, type: string): Json =>
  ((nodeStateOf(world, node)['conditions'] as readonly Json[] | undefined) ?? []).find((one) => one['type'] === type) ??
  {}
