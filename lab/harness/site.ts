import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before } from 'node:test'
import { eventually, type Patience } from './eventually.ts'
import { Fabric } from './fabric.ts'
import { familyOf, FrrRouter, type FrrNeighbor, type FrrOptions, type NeighborView } from './frr.ts'
import { startStandalone, type StandaloneOptions } from './holdfast.ts'
import { kernelNextHops } from './kernel.ts'
import { ManifestDirectory, namespaceManifest, nodeManifest } from './manifests.ts'
import type { LabProcess } from './process.ts'

export const routerAsn = 64512

export interface SiteOptions {
  readonly nodes: readonly string[]
  /** The nodes' ASN as the router has it configured. */
  readonly nodeAsn: number
  readonly holdTimeSeconds: number
  /** What differs from a router that listens and leaves the dialling to the nodes. */
  readonly neighbor?: Partial<FrrNeighbor>
  readonly router?: Partial<FrrOptions>
}

/**
 * To be called in a suite: makes its site before the suite's own `before`, removes it afterwards, and shows what all
 * programs printed when a test failed or the suite did not get as far as its tests.
 */
export function useSite(options: SiteOptions): () => Site {
  let site: Site | undefined
  let hasSucceeded = false
  let hasFailed = false
  before(async () => {
    site = await Site.create(options)
  })
  afterEach((context) => {
    if ('passed' in context && context.passed) hasSucceeded = true
    else hasFailed = true
  })
  after(() => {
    if (hasFailed || !hasSucceeded) site?.fabric.lab.reportFailure()
    site?.fabric.lab.close()
  })
  return () => {
    if (site === undefined) throw new Error('the site is made before the first test')
    return site
  }
}

/** A fabric with FRR as its router, a directory of manifests, and a holdfast on every node that was started. */
class Site {
  readonly fabric: Fabric
  readonly frr: FrrRouter
  readonly manifests: ManifestDirectory
  readonly #running = new Map<string, LabProcess>()

  private constructor(fabric: Fabric, frr: FrrRouter) {
    this.fabric = fabric
    this.frr = frr
    this.manifests = new ManifestDirectory(join(fabric.lab.directory, 'manifests'))
    const nodes = fabric.nodes.map(({ name, ipv4, ipv6 }) => nodeManifest(name, [ipv4, ipv6]))
    this.manifests.write('nodes.yaml', namespaceManifest('default'), ...nodes)
  }

  static async create(options: SiteOptions): Promise<Site> {
    const fabric = await Fabric.create(options.nodes)
    const neighbors = fabric.nodes.flatMap((node) =>
      (['ipv4', 'ipv6'] as const).map((family) => ({
        address: node[family],
        remoteAsn: options.nodeAsn,
        families: [family],
        isPassive: true,
        holdTimeSeconds: options.holdTimeSeconds,
        ...options.neighbor,
      })),
    )
    const router = { asn: routerAsn, routerId: '10.0.0.1', neighbors, isListening: true, ...options.router }
    try {
      return new Site(fabric, await FrrRouter.start(fabric.lab, fabric.router, router))
    } catch (error) {
      fabric.lab.reportFailure()
      fabric.lab.close()
      throw error
    }
  }

  /** Starts holdfast on a node, again where it has ended. */
  start(nodeName: string, options: Omit<StandaloneOptions, 'manifests'> = {}): LabProcess {
    const started = startStandalone(this.fabric, nodeName, { manifests: this.manifests.path, ...options })
    this.#running.set(nodeName, started)
    return started
  }

  holdfast(nodeName: string): LabProcess {
    const found = this.#running.get(nodeName)
    if (found === undefined) throw new Error(`holdfast was not started on ${nodeName}`)
    return found
  }

  /** Waits until FRR has both sessions of each of these nodes in state Established. */
  async established(nodeNames: readonly string[], patience?: Patience): Promise<void> {
    for (const { name, ipv4, ipv6 } of nodeNames.map((one) => this.fabric.node(one))) {
      for (const address of [ipv4, ipv6]) {
        await eventually(
          `FRR's session with ${name} (${address}) is Established`,
          () => this.frr.neighbor(address),
          (neighbor) => assert.equal(neighbor.state, 'Established'),
          patience,
        )
      }
    }
  }

  /** Waits until exactly these nodes are the next hops of an address, in bgpd and in the kernel. */
  async announcedBy(address: string, nodeNames: readonly string[], patience?: Patience): Promise<void> {
    const family = familyOf(address)
    const expected = nodeNames.map((name) => this.fabric.node(name)[family]).sort()
    const names = nodeNames.length === 0 ? 'nobody' : nodeNames.join(', ')
    await eventually(
      `${address} is announced by ${names}`,
      () => this.nextHops(address),
      (observed) => assert.deepEqual(observed, { bgpd: expected, kernel: expected }),
      patience,
    )
  }

  /** The next hops in use for an address: what bgpd has decided, and what the kernel forwards by. */
  async nextHops(address: string): Promise<{ bgpd: readonly string[]; kernel: readonly string[] }> {
    const paths = await this.frr.paths(`${address}/${familyOf(address) === 'ipv6' ? 128 : 32}`)
    return {
      bgpd: paths
        .filter((path) => path.isUsed)
        .map((path) => path.nextHop)
        .sort(),
      kernel: await kernelNextHops(this.fabric.router, address),
    }
  }

  /** Every session's identity: it changes when the session is closed and opened again. */
  async sessions(): Promise<Readonly<Record<string, SessionIdentity>>> {
    const addresses = this.fabric.nodes.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
    const views = await Promise.all(
      addresses.map(async (address) => [address, identity(await this.frr.neighbor(address))] as const),
    )
    return Object.fromEntries(views)
  }
}

export interface SessionIdentity {
  readonly state: string
  readonly connectionsEstablished: number
  readonly connectionsDropped: number
  readonly notificationsSent: number
  readonly notificationsReceived: number
}

const identity = (view: NeighborView): SessionIdentity => ({
  state: view.state,
  connectionsEstablished: view.connectionsEstablished,
  connectionsDropped: view.connectionsDropped,
  notificationsSent: view.notificationsSent,
  notificationsReceived: view.notificationsReceived,
})
