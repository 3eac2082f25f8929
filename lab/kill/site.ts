import assert from 'node:assert/strict'
import { join } from 'node:path'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { Fabric, routerAddress } from '../harness/fabric.ts'
import { startStandalone } from '../harness/holdfast.ts'
import { Json } from '../harness/json.ts'
import {
  advertisementManifest,
  endpointsManifest,
  ManifestDirectory,
  namespaceManifest,
  nodeManifest,
  peerManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import type { LabProcess } from '../harness/process.ts'
import { holdTimeSeconds, nodeAsn, routerAsn, startHelper, type Helper, type HelperName } from './helper.ts'
import { Traffic } from './traffic.ts'

/** The addresses of the Service that the client sends to. */
export const vips = ['192.0.2.10', '2001:db8::10'] as const

export interface KillSiteOptions {
  readonly router: HelperName
  readonly nodes: readonly string[]
  /** With a BFD profile for the sessions, we offer the N bit of RFC 8538. FRR only. */
  readonly hasBfd: boolean
}

/** A fabric with a helper as its router, a Service on every node, and a holdfast on every node that was started. */
export class KillSite {
  readonly fabric: Fabric
  readonly helper: Helper
  readonly sinks: ReadonlyMap<string, LabProcess>
  readonly #manifests: ManifestDirectory
  readonly #monitor: LabProcess

  private constructor(
    fabric: Fabric,
    helper: Helper,
    rest: { sinks: ReadonlyMap<string, LabProcess>; monitor: LabProcess; hasBfd: boolean },
  ) {
    this.fabric = fabric
    this.helper = helper
    this.sinks = rest.sinks
    this.#monitor = rest.monitor
    this.#manifests = new ManifestDirectory(join(fabric.lab.directory, 'manifests'))
    const peer = { myASN: nodeAsn, peerASN: routerAsn, holdTime: `${holdTimeSeconds}s`, keepaliveTime: '3s' }
    const bfd = rest.hasBfd ? '  bfdProfile: default\n' : ''
    this.#manifests.write(
      'all.yaml',
      namespaceManifest('default'),
      bfdProfile,
      ...fabric.nodes.map(({ name, ipv4, ipv6 }) => nodeManifest(name, [ipv4, ipv6])),
      peerManifest({ name: 'router-v4', peerAddress: routerAddress.ipv4, ...peer }) + bfd,
      peerManifest({ name: 'router-v6', peerAddress: routerAddress.ipv6, ...peer }) + bfd,
      poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
      advertisementManifest({ name: 'public' }),
      serviceManifest({ name: 'web', id: 10, loadBalancerIPs: vips }),
      endpointsManifest(
        'web',
        fabric.nodes.map(({ name }) => ({ node: name, isReady: true })),
      ),
    )
  }

  static async create({ router, nodes, hasBfd }: KillSiteOptions): Promise<KillSite> {
    const fabric = await Fabric.create(nodes)
    try {
      const sinks = await Traffic.listen(fabric, vips)
      const helper = await startHelper(router, fabric, hasBfd)
      const monitor = fabric.lab.start(fabric.router, 'monitor', ['ip', '-ts', 'monitor', 'route'])
      return new KillSite(fabric, helper, { sinks, monitor, hasBfd })
    } catch (error) {
      fabric.lab.reportFailure()
      fabric.lab.close()
      throw error
    }
  }

  start(node: string): LabProcess {
    return startStandalone(this.fabric, node, { manifests: this.#manifests.path })
  }

  /** How often both sessions of a node came up. */
  establishments(node: string): number {
    const { ipv4, ipv6 } = this.fabric.node(node)
    return Math.min(this.helper.established(ipv4), this.helper.established(ipv6))
  }

  /** Waits for both sessions of a node to have come up so many times. */
  async established(node: string, times: number, timeoutMs = 20_000): Promise<void> {
    const isEnough = (count: number): void => {
      if (count < times) throw new Error(`${count} times so far`)
    }
    const what = `${this.helper.name} has the sessions of ${node} in state Established for the ${times}th time`
    await eventually(what, () => this.establishments(node), isEnough, { timeoutMs })
  }

  /** Waits until the router's kernel forwards what goes to a VIP to exactly these nodes. */
  async forwards(vip: string, nodes: readonly string[]): Promise<void> {
    const isV6 = vip.includes(':')
    const expected = nodes.map((name) => this.fabric.node(name)[isV6 ? 'ipv6' : 'ipv4']).sort()
    const read = async (): Promise<readonly string[]> => {
      const family = isV6 ? ['-6'] : []
      const text = await run('ip', '-n', this.fabric.router, '-j', ...family, 'route', 'show', 'exact', vip)
      const routes = Json.parse(text === '' ? '[]' : text).list()
      const hops = routes.flatMap((route) => (route.at('nexthops').isMissing ? [route] : route.at('nexthops').list()))
      return hops.map((hop) => hop.at('gateway').text()).sort()
    }
    await eventually(`the kernel forwards ${vip}`, read, (hops) => assert.deepEqual(hops, expected))
  }

  /** Every change of a VIP's route that the router's kernel has told so far. */
  routeChanges(): readonly string[] {
    const lines = this.#monitor.output().split('\n')
    return lines.filter((line) => vips.some((vip) => line.includes(`${vip} `)))
  }

  /** Starts to send packets through the VIPs. */
  flow(perSecond: number): Promise<Traffic> {
    return Traffic.flow(this.fabric, this.sinks, { addresses: vips, perSecond })
  }
}

const bfdProfile = `
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata:
  name: default
  namespace: metallb-system
`
