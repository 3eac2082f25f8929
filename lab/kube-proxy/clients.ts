import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { boundToUs } from '../cluster/control-plane.ts'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import type { Fabric } from '../harness/fabric.ts'
import { familyOf } from '../harness/frr.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'

const arrivalsProgram = fileURLToPath(import.meta.resolve('./arrivals-main.ts'))
const heldProgram = fileURLToPath(import.meta.resolve('./held-main.ts'))

/** What came of the connections of a client that opens one after the other. */
export interface Arrivals {
  /** How often each answer came. */
  readonly answers: ReadonlyMap<string, number>
  /** How many were never connected. */
  readonly refused: number
  /** How many were connected and then broke: the router moved them to a node that does not know them. */
  readonly broken: number
  /** First segments that were sent again: a node took one and gave no answer. */
  readonly repeats: number
  readonly errors: readonly string[]
}

/** Connections that the client opens one after the other, every 20 ms, whatever becomes of them. */
export interface ArrivingClient {
  /** No further one is opened. */
  readonly end: () => void
  /** Resolves when what became of all of them is known. */
  readonly ended: () => Promise<Arrivals>
}

export async function startArrivals(fabric: Fabric, address: string): Promise<ArrivingClient> {
  const before = await firstSegmentsRepeated(fabric)
  const client = startClient(fabric, fabric.client, [arrivalsProgram, urlOf(address, '/'), '20'])
  await eventually(
    'the client begins',
    () => client.output(),
    (output) => assert.match(output, /arriving/),
  )
  return {
    end: () => client.signal('SIGTERM'),
    ended: async () => {
      await client.exited
      const said = Json.parse(client.output().trim().split('\n').at(-1) ?? '')
      const answers = said.at('answers')
      return {
        answers: new Map(answers.keys().map((answer) => [answer, answers.at(answer).number()])),
        refused: said.at('refused').number(),
        broken: said.at('broken').number(),
        repeats: (await firstSegmentsRepeated(fabric)) - before,
        errors: said
          .at('errors')
          .list()
          .map((error) => error.text()),
      }
    },
  }
}

/** Connections that are opened from a namespace and held until the program is stopped. */
export async function holdConnections(
  fabric: Fabric,
  namespace: string,
  { address, count }: { readonly address: string; readonly count: number },
): Promise<LabProcess> {
  const client = startClient(fabric, namespace, [heldProgram, urlOf(address, '/held'), String(count)])
  await eventually(
    `${count} connections are open`,
    () => client.output(),
    (output) => assert.equal(output.split('\n').length - 1, count),
  )
  return client
}

/** The status that each URL is answered with, asked from the router; 0 where nobody answers. */
export async function statusesOf({ router }: Fabric, urls: readonly string[]): Promise<readonly number[]> {
  const script =
    'const ask = (url) => fetch(url).then(({ status }) => status, () => 0); ' +
    'Promise.all(process.argv.slice(1).map(ask)).then((all) => console.log(JSON.stringify({ all })))'
  const told = Json.parse(await run('ip', 'netns', 'exec', router, process.execPath, '-e', script, ...urls))
  return told
    .at('all')
    .list()
    .map((status) => status.number())
}

let clientsStarted = 0

function startClient({ lab }: Fabric, namespace: string, args: readonly string[]): LabProcess {
  clientsStarted += 1
  return lab.start(namespace, `client-${clientsStarted}`, boundToUs([process.execPath, ...args]))
}

/** What comes after the address begins with a port or a path. */
export const urlOf = (address: string, rest: string): string =>
  `http://${familyOf(address) === 'ipv6' ? `[${address}]` : address}${rest}`

/** TCPSynRetrans of the client's kernel, which does not depend on how busy the programs are. */
async function firstSegmentsRepeated({ client }: Fabric): Promise<number> {
  const text = await run('ip', 'netns', 'exec', client, 'cat', '/proc/net/netstat')
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('TcpExt:'))
  return Number(values.split(' ')[names.split(' ').indexOf('TCPSynRetrans')])
}
