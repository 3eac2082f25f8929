import { spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { writeBundle } from '../../tools/build/bundle.ts'

/** Two programs that give Services their addresses and announce them, and the CRDs that they want. */
export interface Product {
  readonly name: string
  /** Commands of a shell, in which the variables of `stage.ts` are set. */
  readonly controller: string
  readonly speaker: string
  /** A directory for kubectl apply. */
  readonly crds: string
}

const root = join(import.meta.dirname, '..', '..')
export const holdfastCrds = join(root, 'deploy', 'crds')

// As deploy/image/assemble.sh and the Dockerfile have them.
const environment = 'MALLOC_ARENA_MAX=1'
const flags = '--max-semi-space-size=2'

/** docs/reference/cli.md: no kubeconfig is at that path. */
const startUpFailed = 3

/**
 * Holdfast as its image starts it: from the bundle, which is built into the directory, with compiled code of an earlier start in a cache beside
 * it. The directory must outlive the programs.
 */
export async function buildHoldfast(directory: string): Promise<Product> {
  await writeBundle(join(directory, 'program'))
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const executable = executableIn(directory)
  for (const program of ['speaker', 'controller']) {
    const warm = spawnSync('sh', ['-c', `${executable} ${program} --kubeconfig /nonexistent`], { encoding: 'utf8' })
    if (warm.status !== startUpFailed) throw new Error(`${program} does not start from the bundle: ${warm.stderr}`)
  }
  return {
    name: 'Holdfast',
    controller: `${executable} controller --port 0 --health-probe-port 0`,
    speaker: speakerFrom(directory),
    crds: holdfastCrds,
  }
}

function executableIn(directory: string): string {
  const cache = join(directory, 'cache')
  return `env ${environment} NODE_COMPILE_CACHE=${cache} ${process.execPath} ${flags} ${join(directory, 'program', 'holdfast.mjs')}`
}

/** The command of a speaker that `buildHoldfast` has put there. */
export const speakerFrom = (directory: string): string =>
  [
    executableIn(directory),
    'speaker --log-level warn --port 0 --health-probe-port 0 --no-listen --kube-proxy-health none',
    '--socket "$BENCH_DIRECTORY/speaker.sock" --state "$BENCH_STATE"',
  ].join(' ')

/** True where the speaker keeps on disk what it knew, in the place that the bench gives it. */
export const keepsState = (product: Product): boolean => product.speaker.includes('BENCH_STATE')
