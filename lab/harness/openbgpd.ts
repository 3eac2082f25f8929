import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { eventually } from './eventually.ts'
import { Json } from './json.ts'
import type { Lab } from './lab.ts'
import type { LabProcess } from './process.ts'

/**
 * OpenBGPD in a namespace, in the foreground. Its processes give up root and are confined to /run/openbgpd, which they get
 * from a /run of their own: `ip netns exec` has made a mount namespace that nobody else is in.
 */
export class OpenbgpdRouter {
  readonly process: LabProcess
  readonly #socket: string

  private constructor(process: LabProcess, socket: string) {
    this.process = process
    this.#socket = socket
  }

  static async start(lab: Lab, namespace: string, configuration: string): Promise<OpenbgpdRouter> {
    const folder = join(lab.directory, 'openbgpd')
    mkdirSync(folder)
    const file = join(folder, 'bgpd.conf')
    const socket = join(folder, 'bgpd.sock')
    writeFileSync(file, `socket "${socket}"\n${configuration}`, { mode: 0o600 })
    const script = `mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/openbgpd && exec /usr/sbin/bgpd -d -v -f ${file}`
    const started = lab.start(namespace, 'openbgpd', ['sh', '-c', script])
    await eventually(
      'OpenBGPD listens on its control socket',
      () => existsSync(socket),
      (found) => {
        if (!found) throw new Error(started.output())
      },
    )
    return new OpenbgpdRouter(started, socket)
  }

  /** What `bgpctl -j` says. */
  async show(...command: readonly string[]): Promise<Json> {
    return Json.parse(await this.execute('-j', ...command))
  }

  /** Now and then bgpctl waits for an answer for ever while many sessions change; the next one is answered. */
  async execute(...command: readonly string[]): Promise<string> {
    const ask = (): Promise<string> => run('timeout', '3', '/usr/sbin/bgpctl', '-s', this.#socket, ...command)
    return ask().catch(ask)
  }
}
