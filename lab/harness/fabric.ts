import { fileURLToPath } from 'node:url'
import { run } from './command.ts'
import { eventually } from './eventually.ts'
import { Json } from './json.ts'
import { Lab, setSysctls } from './lab.ts'

const node = process.execPath
const serverProgram = fileURLToPath(import.meta.resolve('./http-server.ts'))
const clientProgram = fileURLToPath(import.meta.resolve('./http-client.ts'))

interface FabricNode {
  readonly name: string
  readonly namespace: string
  readonly ipv4: string
  readonly ipv6: string
  /** The switch's port to this node. */
  readonly port: string
}

interface Places {
  readonly router: string
  readonly fabricSwitch: string
  readonly client: string
}

export const routerAddress = { ipv4: '10.0.0.1', ipv6: 'fd00:0:0:1::1' } as const
const clientAddress = { ipv4: '10.0.1.2', ipv6: 'fd00:0:0:2::2' } as const

/**
 * A router and nodes on one segment, and a client behind the router. The switch is a namespace of its own, so that a
 * port of it can fail without either end seeing its own link go down.
 *
 *     client ---- router ---- switch ---- node-a, node-b, node-c
 *     10.0.1.2    10.0.0.1                10.0.0.11, .12, .13
 *     fd00:0:0:2::2  fd00:0:0:1::1        fd00:0:0:1::11, ::12, ::13
 */
export class Fabric {
  readonly lab: Lab
  readonly router: string
  readonly client: string
  readonly nodes: readonly FabricNode[]
  readonly #switch: string

  private constructor(lab: Lab, places: Places, nodes: readonly FabricNode[]) {
    this.lab = lab
    this.router = places.router
    this.#switch = places.fabricSwitch
    this.client = places.client
    this.nodes = nodes
  }

  static async create(nodeNames: readonly string[]): Promise<Fabric> {
    const lab = Lab.create()
    const fabricSwitch = await lab.addNamespace('switch')
    await run('ip', '-n', fabricSwitch, 'link', 'add', 'br0', 'type', 'bridge')
    await run('ip', '-n', fabricSwitch, 'link', 'set', 'br0', 'up')

    const router = await lab.addNamespace('router')
    await plugIn(fabricSwitch, 'router', router, routerAddress)
    await setSysctls(router, {
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      'net/ipv4/fib_multipath_hash_policy': 1,
      'net/ipv6/fib_multipath_hash_policy': 1,
    })

    const client = await lab.addNamespace('client')
    await run('ip', 'link', 'add', 'eth1', 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client)
    await setUp(router, 'eth1', { ipv4: '10.0.1.1', ipv6: 'fd00:0:0:2::1' })
    await setUp(client, 'eth0', clientAddress)
    await addDefaultRoutes(client, { ipv4: '10.0.1.1', ipv6: 'fd00:0:0:2::1' })

    const nodes: FabricNode[] = []
    for (const [index, name] of nodeNames.entries()) {
      const namespace = await lab.addNamespace(name)
      const addresses = { ipv4: `10.0.0.${11 + index}`, ipv6: `fd00:0:0:1::${11 + index}` }
      await plugIn(fabricSwitch, name, namespace, addresses)
      await addDefaultRoutes(namespace, routerAddress)
      nodes.push({ name, namespace, ...addresses, port: name })
    }
    return new Fabric(lab, { router, fabricSwitch, client }, nodes)
  }

  node(name: string): FabricNode {
    const found = this.nodes.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no node ${name}`)
    return found
  }

  /** Puts the addresses on every node's loopback and starts a web server there that answers with the node's name. */
  async serve(addresses: readonly string[]): Promise<void> {
    for (const { name, namespace } of this.nodes) {
      for (const address of addresses) {
        const isV6 = address.includes(':')
        const option = isV6 ? ['nodad'] : []
        await run('ip', '-n', namespace, 'address', 'add', `${address}/${isV6 ? 128 : 32}`, 'dev', 'lo', ...option)
      }
      const server = this.lab.start(namespace, `http-${name}`, [node, serverProgram, name, '80'])
      await eventually(
        `the web server of ${name} listens`,
        () => server.output(),
        (output) => {
          if (!output.includes('listening')) throw new Error('not yet')
        },
      )
    }
  }

  /** How often each node answered the client over `connections` new connections; failures under `error: …`. */
  async fetch(address: string, connections: number): Promise<ReadonlyMap<string, number>> {
    const host = address.includes(':') ? `[${address}]` : address
    const args = ['netns', 'exec', this.client, node, clientProgram, `http://${host}/`, String(connections)]
    const answers = Json.parse(await run('ip', ...args))
    return new Map(answers.keys().map((answer) => [answer, answers.at(answer).number()]))
  }

  /** Switches the port of the switch to a node off: nothing passes, and the router's own link stays up. */
  async cut(nodeName: string): Promise<void> {
    await run('ip', '-n', this.#switch, 'link', 'set', this.node(nodeName).port, 'down')
  }

  async mend(nodeName: string): Promise<void> {
    await run('ip', '-n', this.#switch, 'link', 'set', this.node(nodeName).port, 'up')
  }
}

interface Addresses {
  readonly ipv4: string
  readonly ipv6: string
}

async function plugIn(fabricSwitch: string, port: string, namespace: string, addresses: Addresses): Promise<void> {
  const otherEnd = ['peer', 'name', port, 'netns', fabricSwitch]
  await run('ip', 'link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', ...otherEnd)
  await run('ip', '-n', fabricSwitch, 'link', 'set', port, 'master', 'br0', 'up')
  await setUp(namespace, 'eth0', addresses)
}

async function setUp(namespace: string, device: string, { ipv4, ipv6 }: Addresses): Promise<void> {
  await run('ip', '-n', namespace, 'address', 'add', `${ipv4}/24`, 'dev', device)
  await run('ip', '-n', namespace, 'address', 'add', `${ipv6}/64`, 'dev', device, 'nodad')
  await run('ip', '-n', namespace, 'link', 'set', device, 'up')
}

async function addDefaultRoutes(namespace: string, via: Addresses): Promise<void> {
  await run('ip', '-n', namespace, 'route', 'add', 'default', 'via', via.ipv4)
  await run('ip', '-n', namespace, '-6', 'route', 'add', 'default', 'via', via.ipv6)
}
