import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensurePrograms } from '../cluster/binaries.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { root } from '../deploy/helm.ts'
import { runScript } from '../harness/script.ts'
import type { MetallbPrograms } from './programs.ts'
import { variables, type Block } from './page.ts'

/** A person's shell in a directory with the checkout's `deploy`, with an administrator's kubeconfig. */
export class Shell {
  readonly #directory: string
  readonly #env: Readonly<Record<string, string>>
  readonly #metallb: MetallbPrograms

  private constructor(directory: string, env: Readonly<Record<string, string>>, metallb: MetallbPrograms) {
    this.#directory = directory
    this.#env = env
    this.#metallb = metallb
  }

  static async open(cluster: Cluster, metallb: MetallbPrograms): Promise<Shell> {
    const { helm } = await ensurePrograms(['helm'])
    const directory = join(cluster.lab.directory, 'shell')
    mkdirSync(directory)
    symlinkSync(join(root, 'deploy'), join(directory, 'deploy'))
    const KUBECONFIG = join(directory, 'kubeconfig')
    copyFileSync(cluster.kubeconfig(), KUBECONFIG)
    const own = join(root, 'node_modules', '.bin')
    const PATH = [dirname(helm), dirname(cluster.kubectlPath), own, process.env['PATH']].join(':')
    return new Shell(directory, { PATH, HOME: directory, KUBECONFIG }, metallb)
  }

  /** Standard output; rejects with everything that was said where a command fails. */
  run(script: string): Promise<string> {
    const here = script.replaceAll(/https:\S+metallb-native\.yaml/g, this.#metallb.manifest)
    return runScript(`${variables}\n${here}`, { cwd: this.#directory, env: this.#env })
  }

  /** What the blocks print, those that are not run without a kubelet included. */
  async follow(chosen: readonly Block[]): Promise<string> {
    let said = ''
    for (const { script } of chosen) said += await this.run(script)
    return said
  }
}
