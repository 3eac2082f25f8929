import { join } from 'node:path'
import { run } from '../harness/command.ts'
import { Json } from '../harness/json.ts'
import { Lab } from '../harness/lab.ts'
import {
  advertisementManifest,
  endpointsManifest,
  ManifestDirectory,
  namespaceManifest,
  nodeManifest,
  poolManifest,
  serviceManifest,
} from '../harness/manifests.ts'
import type { LabProcess } from '../harness/process.ts'
import { peerManifests, type Stage } from './manifests.ts'
import { largeCommunityCount, largeVip, sessionOf, sessions, vips, type Session } from './plan.ts'

const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')
const probeProgram = join(import.meta.dirname, 'open-probe.ts')

/**
 * One router and one node, joined by one cable with a network for each session:
 *
 *     router  10.20.K.1, fd00:20:K::1  ====  10.20.K.2, fd00:20:K::2  node
 *
 * The node runs holdfast, with every session in one process; the router runs whatever implementation is looked at.
 */
export class Site {
  readonly lab: Lab
  readonly router: string
  readonly node: string
  readonly sessions: readonly Session[]
  readonly #manifests: ManifestDirectory
  #holdfast: LabProcess | undefined
  #starts = 0
  #ttlsLoweredMs = 0

  private constructor(lab: Lab, router: string, node: string, chosen: readonly Session[]) {
    this.lab = lab
    this.router = router
    this.node = node
    this.sessions = chosen
    this.#manifests = new ManifestDirectory(join(lab.directory, 'manifests'))
  }

  /** With these sessions alone. */
  static async create(chosen: readonly Session[] = sessions): Promise<Site> {
    const lab = Lab.create()
    try {
      const router = await lab.addNamespace('router')
      const node = await lab.addNamespace('node')
      await run('ip', 'link', 'add', 'eth0', 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', node)
      await addAddresses(
        router,
        chosen.flatMap(({ subnets }) => subnets.router),
      )
      await addAddresses(
        node,
        chosen.flatMap(({ subnets }) => subnets.node),
      )
      return new Site(lab, router, node, chosen)
    } catch (error) {
      lab.close()
      throw error
    }
  }

  /** Writes what the node is to announce, and to whom. */
  writeManifests(stage: Stage): void {
    const [vipA, vipB] = [0, 1].map((index) => [vips.ipv4[index] ?? '', vips.ipv6[index] ?? ''])
    const large = [largeVip.ipv4, largeVip.ipv6]
    const service = (name: string, id: number, addresses: readonly string[] = []): readonly string[] => [
      serviceManifest({ name, id, loadBalancerIPs: addresses }),
      endpointsManifest(name, [{ node: 'node', isReady: true }]),
    ]
    this.#manifests.write(
      'services.yaml',
      namespaceManifest('default'),
      nodeManifest('node', ['10.20.255.2', 'fd00:20:ffff::2']),
      poolManifest({ name: 'public', addresses: ['192.0.2.0/26', '2001:db8::/122'] }),
      ...service('web-a', 10, vipA),
      ...service('web-b', 11, vipB),
      ...service('large', 20, large),
      advertisementManifest({ name: 'public', services: ['web-a', 'web-b'] }),
      largeAdvertisement(this.sessions),
    )
    this.#manifests.write('peers.yaml', ...peerManifests(this.sessions, stage))
  }

  /** Starts holdfast, again where it has ended. */
  start(): LabProcess {
    this.#starts += 1
    const place = ['--node', 'node', '--state', join(this.lab.directory, 'state'), '--listen', '[::]:179', '--json']
    this.#holdfast = this.lab.start(this.node, `holdfast-${this.#starts}`, [
      executable,
      'standalone',
      this.#manifests.path,
      ...place,
    ])
    return this.#holdfast
  }

  get holdfast(): LabProcess {
    if (this.#holdfast === undefined) throw new Error('holdfast was not started')
    return this.#holdfast
  }

  /** Takes the node's end of a session's network away: nothing from there arrives any more, and the cable stays up. */
  async cut(session: Session): Promise<void> {
    await onAddresses(this.node, 'del', session.subnets.node)
  }

  /** What the node sends on these sessions has from now on a TTL, or hop limit, of 254. */
  /** How long ago `lowerTtls` was. */
  get lowTtlsForMs(): number {
    return performance.now() - this.#ttlsLoweredMs
  }

  async lowerTtls(chosen: readonly Session[]): Promise<void> {
    const rules = chosen.map(({ routerAddress }) =>
      routerAddress.includes(':')
        ? `ip6 daddr ${routerAddress} meta l4proto tcp ip6 hoplimit set 254`
        : `ip daddr ${routerAddress} meta l4proto tcp ip ttl set 254`,
    )
    const lines = ['table inet ttls {', 'chain output {', 'type filter hook output priority 0;', ...rules, '}', '}', '']
    await run('ip', 'netns', 'exec', this.node, 'nft', lines.join('\n'))
    this.#ttlsLoweredMs = performance.now()
  }

  /** The sum of a counter of the kernel, as `TcpExt TCPMD5Failure`, over both ends. */
  async counter(name: string): Promise<{ readonly router: number; readonly node: number }> {
    return { router: await counterOf(this.router, name), node: await counterOf(this.node, name) }
  }
}

const addAddresses = async (namespace: string, addresses: readonly string[]): Promise<void> => {
  await onAddresses(namespace, 'add', addresses)
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
}

async function onAddresses(namespace: string, action: 'add' | 'del', addresses: readonly string[]): Promise<void> {
  const option = (address: string): string => (address.includes(':') && action === 'add' ? ' nodad' : '')
  const lines = addresses.map((one) => `ip -n ${namespace} address ${action} ${one} dev eth0${option(one)}`)
  await run('sh', '-ec', lines.join('\n'))
}

async function counterOf(namespace: string, name: string): Promise<number> {
  const text = await run('ip', 'netns', 'exec', namespace, 'cat', '/proc/net/netstat')
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('TcpExt:'))
  return Number(values.split(' ')[names.split(' ').indexOf(name)] ?? Number.NaN)
}

/** The codes of the capabilities that the router offers to a stranger with the session's AS number. */
export async function capabilitiesOf(site: Site, { transport, relation }: Session): Promise<ReadonlySet<number>> {
  const { nodeAddress, routerAddress, nodeAsn, nodeRouterId, family } = sessionOf(transport, relation, 'probe')
  const args = [nodeAddress, routerAddress, String(nodeAsn), nodeRouterId, family]
  const text = await run('ip', 'netns', 'exec', site.node, process.execPath, probeProgram, ...args)
  return new Set(
    Json.parse(text)
      .list()
      .map((code) => code.number()),
  )
}

/** The route that fits into no message of 4,096 octets; for `main` alone. */
const largeAdvertisement = (chosen: readonly Session[]): string => `
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata:
  name: large
  namespace: metallb-system
spec:
  serviceSelectors: [{ matchLabels: { app: large } }]
  peers: ${JSON.stringify(chosen.filter(({ purpose }) => purpose === 'main').map(({ name }) => name))}
  communities: ${JSON.stringify(Array.from({ length: largeCommunityCount }, (_, n) => `large:64500:1:${n}`))}
`
