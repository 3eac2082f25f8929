import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './command.ts'
import { eventually } from './eventually.ts'
import { Json } from './json.ts'
import type { Lab } from './lab.ts'
import type { LabProcess } from './process.ts'

/** gobgpd in a namespace, in the foreground; its API listens on the namespace's loopback. */
export class GobgpRouter {
  readonly process: LabProcess
  readonly #namespace: string

  private constructor(process: LabProcess, namespace: string) {
    this.process = process
    this.#namespace = namespace
  }

  /** `configuration` is TOML. */
  static async start(lab: Lab, namespace: string, configuration: string): Promise<GobgpRouter> {
    const folder = join(lab.directory, 'gobgp')
    mkdirSync(folder)
    const file = join(folder, 'gobgpd.toml')
    writeFileSync(file, configuration)
    const options = ['-f', file, '--log-plain', '--api-hosts', '127.0.0.1:50051', '--pprof-disable', '-l', 'debug']
    const started = lab.start(namespace, 'gobgpd', ['/usr/bin/gobgpd', ...options])
    const router = new GobgpRouter(started, namespace)
    await eventually(
      'gobgpd answers',
      () => router.execute('global'),
      () => undefined,
      { timeoutMs: 20_000 },
    )
    return router
  }

  /** What `gobgp -j` says. */
  async show(...command: readonly string[]): Promise<Json> {
    const text = await this.execute('-j', ...command)
    return text.startsWith('{') || text.startsWith('[') ? Json.parse(text) : new Json(undefined)
  }

  execute(...command: readonly string[]): Promise<string> {
    return run('ip', 'netns', 'exec', this.#namespace, '/usr/bin/gobgp', ...command)
  }
}
