import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../harness/lab.ts'

/** Something that was lost at the router. */
export interface Loss {
  /** An address, or `session with ADDRESS`. */
  readonly what: string
  /** As the router told it. */
  readonly line: string
}

/** Host routes of IPv4 that BGP put into a kernel's table, from the first one on. */
export interface RouteMonitor {
  readonly has: (address: string) => boolean
  /** Every deletion so far, however short the route was away. */
  readonly losses: () => readonly Loss[]
}

/** Listens to what the kernel of the namespace tells of its routes. To be called before there are any. */
export function monitorRoutes(lab: Lab, namespace: string): RouteMonitor {
  lab.start(namespace, 'monitor', ['ip', '-ts', 'monitor', 'route'])
  const tail = tailOf(join(lab.directory, 'monitor.out'))
  const present = new Set<string>()
  const losses: Loss[] = []
  const take = (line: string): void => {
    const [, deleted, what = ''] = /\] (Deleted )?([\d.]+) .*proto bgp/.exec(line) ?? []
    if (what === '') return
    if (deleted === undefined) present.add(what)
    else if (present.delete(what)) losses.push({ what, line })
  }
  const read = (): void => {
    for (const line of tail()) take(line)
  }
  return {
    has: (address) => {
      read()
      return present.has(address)
    },
    losses: () => {
      read()
      return losses
    },
  }
}

/** The complete lines of a file that came since the last call. */
export function tailOf(path: string): () => readonly string[] {
  let offset = 0
  let rest = ''
  return () => {
    const file = openSync(path, 'r')
    const chunk = Buffer.alloc(Math.max(0, fstatSync(file).size - offset))
    const length = readSync(file, chunk, 0, chunk.length, offset)
    closeSync(file)
    offset += length
    const lines = (rest + chunk.toString('utf8', 0, length)).split('\n')
    rest = lines.pop() ?? ''
    return lines
  }
}
