import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { Fabric } from '../harness/fabric.ts'
import type { LabProcess } from '../harness/process.ts'
import { fileURLToPath } from 'node:url'

const sourceProgram = fileURLToPath(import.meta.resolve('./udp-source.ts'))
const sinkProgram = fileURLToPath(import.meta.resolve('./udp-sink.ts'))
const port = 9000

/** What became of the packets. */
export interface Tally {
  readonly sent: number
  /** Numbers that no node received. */
  readonly lost: readonly number[]
  /** Packets that reached a node but not the program there, whose receive buffer was full: the lab's fault. */
  readonly overflows: number
  /** How many each node received. */
  readonly byNode: ReadonlyMap<string, number>
}

/** A client that sends numbered packets to each address at an even pace, and a receiver on every node. */
export class Traffic {
  readonly #fabric: Fabric
  readonly #source: LabProcess
  readonly #sinks: ReadonlyMap<string, LabProcess>

  private constructor(fabric: Fabric, source: LabProcess, sinks: ReadonlyMap<string, LabProcess>) {
    this.#fabric = fabric
    this.#source = source
    this.#sinks = sinks
  }

  /** Puts the addresses on every node's loopback and has the receivers listen. Nothing is sent before `flow`. */
  static async listen(fabric: Fabric, addresses: readonly string[]): Promise<ReadonlyMap<string, LabProcess>> {
    const sinks = new Map<string, LabProcess>()
    for (const { name, namespace } of fabric.nodes) {
      for (const address of addresses) await addAddress(namespace, address)
      const command = ['nice', '-n', '-15', process.execPath, sinkProgram, String(port), ...addresses] as const
      sinks.set(name, fabric.lab.start(namespace, `sink-${name}`, [...command]))
    }
    for (const sink of sinks.values()) await prints(sink, 'listening')
    return sinks
  }

  /** Starts to send: to each address so many packets a second. */
  static async flow(
    fabric: Fabric,
    sinks: ReadonlyMap<string, LabProcess>,
    { addresses, perSecond }: { readonly addresses: readonly string[]; readonly perSecond: number },
  ): Promise<Traffic> {
    const command = ['nice', '-n', '-15', process.execPath, sourceProgram, String(port), String(perSecond)] as const
    const source = fabric.lab.start(fabric.client, 'source', [...command, ...addresses])
    await prints(source, 'sending')
    return new Traffic(fabric, source, sinks)
  }

  /** Stops sending and counts. */
  async stop(): Promise<Tally> {
    await this.#source.stop()
    const sent = Json.parse(this.#source.output().trim().split('\n').at(-1) ?? '')
      .at('sent')
      .number()
    let overflows = 0
    for (const { namespace } of this.#fabric.nodes) overflows += await overflowsIn(namespace)
    const missing = new Set(Array.from({ length: sent }, (_, number) => number))
    const byNode = new Map<string, number>()
    for (const [name, sink] of this.#sinks) {
      // It goes on until nothing has come for a while, so that what is on its way arrives.
      await sink.stop()
      const received = sink.output().trim().split('\n').slice(1).flatMap(numbers)
      for (const number of received) missing.delete(number)
      byNode.set(name, received.length)
    }
    return { sent, lost: [...missing], overflows, byNode }
  }
}

/** A line of the receiver: `7` or `7-9`. */
function numbers(line: string): readonly number[] {
  const [first = Number.NaN, last = first] = line.split('-').map(Number)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

const prints = (program: LabProcess, word: string): Promise<string> =>
  eventually(
    `${program.name} is ready`,
    () => program.output(),
    (output) => {
      if (!output.includes(word)) throw new Error('not yet')
    },
  )

async function addAddress(namespace: string, address: string): Promise<void> {
  const isV6 = address.includes(':')
  const option = isV6 ? ['nodad'] : []
  await run('ip', '-n', namespace, 'address', 'add', `${address}/${isV6 ? 128 : 32}`, 'dev', 'lo', ...option)
}

async function overflowsIn(namespace: string): Promise<number> {
  const text = await run('ip', 'netns', 'exec', namespace, 'cat', '/proc/net/snmp', '/proc/net/snmp6')
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp:'))
  const v4 = Number(values.split(' ')[names.split(' ').indexOf('RcvbufErrors')])
  return v4 + Number(/Udp6RcvbufErrors\s+(\d+)/.exec(text)?.[1] ?? 0)
}
