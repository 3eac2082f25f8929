import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { eventually } from './eventually.ts'
import type { Lab } from './lab.ts'
import type { LabProcess } from './process.ts'

/** BIRD 2 in a namespace, in the foreground. */
export class BirdRouter {
  readonly process: LabProcess
  readonly #socket: string

  private constructor(process: LabProcess, socket: string) {
    this.process = process
    this.#socket = socket
  }

  static async start(lab: Lab, namespace: string, configuration: string): Promise<BirdRouter> {
    const folder = join(lab.directory, 'bird')
    mkdirSync(folder)
    const file = join(folder, 'bird.conf')
    const socket = join(folder, 'bird.ctl')
    writeFileSync(file, configuration)
    const command = ['/usr/sbin/bird', '-f', '-c', file, '-s', socket, '-P', join(folder, 'bird.pid')] as const
    const started = lab.start(namespace, 'bird', [...command])
    await eventually(
      'BIRD listens on its control socket',
      () => existsSync(socket),
      (found) => {
        if (!found) throw new Error(started.output())
      },
    )
    return new BirdRouter(started, socket)
  }

  /** What birdc prints for a command, without its greeting. */
  async show(command: string): Promise<string> {
    return (await run('/usr/sbin/birdc', '-s', this.#socket, command)).split('\n').slice(1).join('\n')
  }
}
