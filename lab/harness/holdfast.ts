import { join } from 'node:path'
import type { Fabric } from './fabric.ts'
import type { LabProcess } from './process.ts'

/** The program as a user has it after set-up. */
const executable = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'holdfast')

export interface StandaloneOptions {
  readonly manifests: string
  /** Where the node keeps its state. Each node has its own. */
  readonly state?: string
  /** ADDR:PORT to accept sessions on; none are accepted without it. */
  readonly listen?: string
  /** Further arguments. */
  readonly more?: readonly string[]
}

/** Where `holdfast peers` asks the process of a node. */
const socketOf = (fabric: Fabric, nodeName: string): string => join(fabric.lab.directory, `${nodeName}.sock`)

/** Starts `holdfast standalone` in the namespace of a node, as that node. */
export function startStandalone(fabric: Fabric, nodeName: string, options: StandaloneOptions): LabProcess {
  const listen = options.listen === undefined ? ['--no-listen'] : ['--listen', options.listen]
  const state = options.state ?? join(fabric.lab.directory, `state-${nodeName}`)
  const { namespace } = fabric.node(nodeName)
  return fabric.lab.start(namespace, `holdfast-${nodeName}`, [
    executable,
    'standalone',
    options.manifests,
    '--node',
    nodeName,
    '--state',
    state,
    ...listen,
    '--socket',
    socketOf(fabric, nodeName),
    ...(options.more ?? []),
    '--json',
  ])
}
