import type { MemorySource, StateDirectory } from '@holdfast/cluster'
import { createMemorySource } from '@holdfast/cluster'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { Address } from '@holdfast/ip'
import { formatAddress, parseAddress } from '@holdfast/ip'
import type { AllocationState } from '@holdfast/ipam'
import { emptyState } from '@holdfast/ipam'
import type { RawObject } from '@holdfast/model'
import type { SimulatedNetwork } from '@holdfast/net'
import { createSimulatedNetwork } from '@holdfast/net'
import type { VirtualClock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Event } from '../events.ts'
import type { Router } from '../router/router.ts'
import { startRouter } from '../router/router.ts'
import { Standalone } from '../standalone/standalone.ts'

/** The address that a text says. */
function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

export const routerAddress = address('10.0.0.1')
export const nodeAddresses = {
  'node-a': address('10.0.0.11'),
  'node-b': address('10.0.0.12'),
  'node-c': address('10.0.0.13'),
}

/** A whole site on a virtual clock: the real program and the real collector, joined by a simulated network. */
export interface World {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly events: Event[]
  readonly router: Router
  readonly standalone: Standalone
  /** Replaces all manifests; documents whose text did not change keep their identity. */
  readonly edit: (yaml: string) => void
  /** Lets time pass until the condition holds; fails after a virtual minute. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>
  /** Next hops at the router, as text; empty where it has no route. */
  readonly nextHops: (prefix: string) => readonly string[]
  /** How often sessions came up so far. */
  readonly establishedCount: () => number
  readonly stop: () => Promise<void>
}

export interface WorldOptions {
  readonly manifests: string
  readonly nodes?: readonly (keyof typeof nodeAddresses)[]
  readonly restored?: AllocationState
  readonly state?: StateDirectory
  readonly routerAsn?: number
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork({ clock, seed: 1 })
  const events: Event[] = []
  const report = (event: Event): void => void events.push(event)
  const start = await startRouter({
    listen: { address: routerAddress, port: 179 },
    asn: options.routerAsn ?? 64_500,
    transport: network.host(routerAddress),
    clock,
    report,
  })
  assert.equal(start.kind, 'running')
  const { router } = start
  const known = new Map<string, RawObject>()
  const source: MemorySource = createMemorySource(read(options.manifests, known))
  const standalone = new Standalone({
    source,
    nodes: options.nodes ?? ['node-a', 'node-b', 'node-c'],
    state: options.state,
    restored: options.restored ?? emptyState,
    transport: network.host(...Object.values(nodeAddresses)),
    clock,
    report,
    record: undefined,
    isOnLink: () => true,
    beforeSessions: () => Promise.resolve(),
  })
  await standalone.start()

  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const limit = clock.now() + 60_000
    while (!condition()) {
      // Work that was begun by the last alarm ends before time goes on.
      await setImmediate()
      if (condition()) return
      assert.ok(
        clock.now() < limit && clock.advanceToNext(),
        `${what}: not within a virtual minute; last events: ${JSON.stringify(events.slice(-5))}`,
      )
    }
  }
  return {
    clock,
    network,
    events,
    router,
    standalone,
    until,
    edit: (yaml) => source.set(read(yaml, known)),
    nextHops: (prefix) =>
      router.rib
        .all()
        .filter((set) => `${formatAddress(set.prefix.address)}/${set.prefix.length}` === prefix)
        .flatMap(({ nextHops }) => nextHops.map(formatAddress)),
    establishedCount: () => events.filter((event) => event.event === 'session' && event.state === 'established').length,
    stop: async () => {
      const stopping = [standalone.stop(), router.stop()]
      let isStopped = false
      void Promise.all(stopping).then(() => (isStopped = true))
      await until('everything stops', () => isStopped)
    },
  }
}

/** A document with the same text is the same object, as every source has it. */
function read(yaml: string, known: Map<string, RawObject>): readonly RawObject[] {
  return yaml.split(/^---$/m).flatMap((text) => {
    const { objects, faults } = parseManifest('test.yaml', text)
    assert.deepEqual(faults, [])
    return objects.map((object) => {
      const same = known.get(text) ?? object
      known.set(text, same)
      return same
    })
  })
}

/** Nodes a, b, c with a session each to the router, one pool and an advertisement of it. */
export const site = `${(['a', 'b', 'c'] as const)
  .map(
    (letter, index) => `
apiVersion: v1
kind: Node
metadata: { name: node-${letter}, labels: { kubernetes.io/hostname: node-${letter} } }
status: { addresses: [{ type: InternalIP, address: 10.0.0.1${index + 1} }] }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: router-${letter}, namespace: metallb-system }
spec:
  myASN: 64512
  peerASN: 64500
  peerAddress: 10.0.0.1
  sourceAddress: 10.0.0.1${index + 1}
  nodeSelectors: [{ matchLabels: { kubernetes.io/hostname: node-${letter} } }]
`,
  )
  .join('---')}---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: public, namespace: metallb-system }
spec: { addresses: [192.0.2.10-192.0.2.20] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: public, namespace: metallb-system }
spec: { ipAddressPools: [public] }
`

/** A Service with endpoints on the nodes named by letters. */
export const service = (name: string, letters: string, more = ''): string => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  type: LoadBalancer
  clusterIPs: [10.96.0.1]
  ports: [{ protocol: TCP, port: 80 }]
${more}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints:
${
  letters
    .split('')
    .map((letter) => `  - { addresses: [10.244.0.1], nodeName: node-${letter}, conditions: { ready: true } }`)
    .join('\n') || '  []'
}
`
