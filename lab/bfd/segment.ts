import { run } from '../harness/command.ts'
import { Lab, setSysctls } from '../harness/lab.ts'

/** One machine on the segment: `number` is the end of its addresses. */
export interface Machine {
  readonly namespace: string
  readonly ipv4: string
  readonly ipv6: string
  readonly linkLocal: string
  readonly loopback4: string
  readonly loopback6: string
  /** The switch's port to it. */
  readonly port: string
}

/**
 * Machines on one switch, which is a namespace of its own: a port of it can fail without either end seeing its own link go
 * down. 10.0.0.N and fd00::N on eth0, and on the loopback 10.1.0.N and fd01::N for sessions over several hops.
 */
export class Segment {
  readonly lab: Lab
  readonly #switch: string

  private constructor(lab: Lab, fabricSwitch: string) {
    this.lab = lab
    this.#switch = fabricSwitch
  }

  static async create(): Promise<Segment> {
    const lab = Lab.create()
    const fabricSwitch = await lab.addNamespace('switch')
    await run('ip', '-n', fabricSwitch, 'link', 'add', 'br0', 'type', 'bridge')
    await run('ip', '-n', fabricSwitch, 'link', 'set', 'br0', 'up')
    return new Segment(lab, fabricSwitch)
  }

  get switchNamespace(): string {
    return this.#switch
  }

  async add(name: string, number: number): Promise<Machine> {
    const namespace = await this.lab.addNamespace(name)
    const machine = {
      namespace,
      ipv4: `10.0.0.${number}`,
      ipv6: `fd00::${number}`,
      linkLocal: `fe80::${number}`,
      loopback4: `10.1.0.${number}`,
      loopback6: `fd01::${number}`,
      port: name,
    }
    const ip = (...args: readonly string[]): Promise<string> => run('ip', '-n', namespace, ...args)
    await run(
      'ip',
      'link',
      'add',
      'eth0',
      'netns',
      namespace,
      'type',
      'veth',
      'peer',
      'name',
      name,
      'netns',
      this.#switch,
    )
    await run('ip', '-n', this.#switch, 'link', 'set', name, 'master', 'br0', 'up')
    await ip('link', 'set', 'eth0', 'addrgenmode', 'none')
    await ip('address', 'add', `${machine.ipv4}/24`, 'dev', 'eth0')
    await ip('address', 'add', `${machine.ipv6}/64`, 'dev', 'eth0', 'nodad')
    await ip('address', 'add', `${machine.linkLocal}/64`, 'dev', 'eth0', 'nodad')
    await ip('address', 'add', `${machine.loopback4}/32`, 'dev', 'lo')
    await ip('address', 'add', `${machine.loopback6}/128`, 'dev', 'lo', 'nodad')
    await ip('link', 'set', 'eth0', 'up')
    await setSysctls(namespace, {
      'net/ipv4/ip_forward': 1,
      'net/ipv6/conf/all/forwarding': 1,
      'net/ipv4/conf/all/send_redirects': 0,
      'net/ipv4/conf/eth0/send_redirects': 0,
    })
    return machine
  }

  /** Nothing passes any more, and no end sees its own link go down. */
  async cut({ port }: Machine): Promise<void> {
    await run('ip', '-n', this.#switch, 'link', 'set', port, 'down')
  }

  async mend({ port }: Machine): Promise<void> {
    await run('ip', '-n', this.#switch, 'link', 'set', port, 'up')
  }

  /** Makes the loopbacks of these machines reach one another over two hops, by way of `hop`. */
  async connectLoopbacks(hop: Machine, machines: readonly Machine[]): Promise<void> {
    const routes = machines.flatMap((to) => [
      { from: hop, to, via: to },
      ...machines.filter((from) => from !== to).map((from) => ({ from, to, via: hop })),
    ])
    for (const { from, to, via } of routes) {
      const ip = (...args: readonly string[]): Promise<string> => run('ip', '-n', from.namespace, ...args)
      await ip('route', 'add', `${to.loopback4}/32`, 'via', via.ipv4, 'src', from.loopback4)
      await ip('-6', 'route', 'add', `${to.loopback6}/128`, 'via', via.ipv6, 'src', from.loopback6)
    }
  }
}
