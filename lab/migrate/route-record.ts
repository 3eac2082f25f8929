import { join } from 'node:path'
import { tailOf } from '../faults/routes.ts'
import type { Lab } from '../harness/lab.ts'

/** One thing that the kernel told of a prefix that BGP has put into its table. */
export interface RouteChange {
  readonly prefix: string
  /** Sorted; empty: the route is gone. */
  readonly nextHops: readonly string[]
  readonly line: string
}

/** Every change of IPv4 routes of BGP in the kernel's table of a namespace, from the first one on. */
export interface RouteRecord {
  /** All so far, in order. */
  readonly changes: () => readonly RouteChange[]
  /** The routes of now. */
  readonly present: () => ReadonlyMap<string, readonly string[]>
}

/**
 * Listens to what the kernel of the namespace tells of its routes. To be called before there are any. Only for a zebra that uses no
 * nexthop objects: those change without a word about the routes that use them.
 */
export function recordRoutes(lab: Lab, namespace: string, name: string): RouteRecord {
  lab.start(namespace, `${name}-routes`, ['ip', '-4', '-o', '-ts', 'monitor', 'route'])
  const tail = tailOf(join(lab.directory, `${name}-routes.out`))
  const all: RouteChange[] = []
  const changes = (): readonly RouteChange[] => {
    for (const line of tail()) all.push(...changeIn(line))
    return all
  }
  return {
    changes,
    present: () => {
      const now = new Map<string, readonly string[]>()
      for (const { prefix, nextHops } of changes()) {
        if (nextHops.length === 0) now.delete(prefix)
        else now.set(prefix, nextHops)
      }
      return now
    },
  }
}

function changeIn(line: string): readonly RouteChange[] {
  const [, deleted, prefix = ''] = /\] (Deleted )?([\d./]+) .*proto bgp/.exec(line) ?? []
  if (prefix === '') return []
  const nextHops = [...line.matchAll(/via ([\d.]+)/g)].map(([, address = '']) => address).sort()
  return [{ prefix, nextHops: deleted === undefined ? nextHops : [], line }]
}
