import { join } from 'node:path'

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
const executable = join(root, 'node_modules', '.bin', 'holdfast')

export const holdfast: Product = {
  name: 'Holdfast',
  controller: `${executable} controller --port 0 --health-probe-port 0`,
  speaker: [
    ...[executable, 'speaker', '--log-level warn --port 0 --health-probe-port 0 --no-listen --kube-proxy-health none'],
    ...['--socket "$BENCH_DIRECTORY/speaker.sock"', '--state "$BENCH_STATE"'],
  ].join(' '),
  crds: join(root, 'deploy', 'crds'),
}

/** True where the speaker keeps on disk what it knew, in the place that the bench gives it. */
export const keepsState = (product: Product): boolean => product.speaker.includes('BENCH_STATE')
