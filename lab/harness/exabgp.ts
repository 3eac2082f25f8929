import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import { Json } from './json.ts'
import type { Lab } from './lab.ts'
import type { LabProcess } from './process.ts'

const program = fileURLToPath(import.meta.resolve('./exabgp-process.ts'))

export interface ExabgpOptions {
  /** Of its folder and log; several may run in one namespace. */
  readonly name: string
  /** Configuration that refers to the API process as `lab`. */
  readonly neighbors: string
  /** Local addresses that it listens on. */
  readonly listen: readonly string[]
}

/** ExaBGP in a namespace, in the foreground, with a process of ours at its API. */
export class ExabgpRouter {
  readonly process: LabProcess
  readonly #log: string
  readonly #socket: string

  private constructor(process: LabProcess, log: string, socket: string) {
    this.process = process
    this.#log = log
    this.#socket = socket
  }

  static async start(lab: Lab, namespace: string, { name, neighbors, listen }: ExabgpOptions): Promise<ExabgpRouter> {
    const folder = join(lab.directory, name)
    mkdirSync(folder)
    const [file, log, socket] = ['exabgp.conf', 'events.json', 'commands.sock'].map((name) => join(folder, name))
    if (file === undefined || log === undefined || socket === undefined) throw new Error('three names give three paths')
    const run = `${process.execPath} ${program} ${log} ${socket}`
    writeFileSync(file, `process lab {\n  run ${run};\n  encoder json;\n}\n${neighbors}`)
    const environment = [
      'exabgp_daemon_user=root',
      'exabgp_daemon_drop=false',
      'exabgp_api_cli=false',
      'exabgp_api_ack=false',
      `exabgp_tcp_bind=${listen.join(' ')}`,
    ]
    const started = lab.start(namespace, name, ['env', ...environment, '/usr/sbin/exabgp', file])
    await eventually(
      'ExaBGP has started its process',
      () => existsSync(socket),
      (found) => {
        if (!found) throw new Error(started.output())
      },
      { timeoutMs: 20_000 },
    )
    return new ExabgpRouter(started, log, socket)
  }

  /** Everything that ExaBGP has said so far, in order. What it says of ROUTE-REFRESH messages is no JSON, and left out. */
  events(): readonly Json[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n').slice(0, -1)
    return lines
      .filter((line) => line.startsWith('{') && !line.includes('"type": "refresh"'))
      .map((line) => Json.parse(line))
  }

  /** Gives ExaBGP a command of its API. */
  command(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const connection = createConnection(this.#socket, () => connection.end(`${text}\n`, resolve))
      connection.on('error', reject)
    })
  }
}
