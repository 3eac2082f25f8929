import type { Offer } from './announced-heard.ts'

/** Which nodes offer which Service: from one ServiceBGPStatus each, looked up both ways. */
export interface Offers {
  /** An object came, changed or went. */
  readonly put: (before: Offer | undefined, after: Offer | undefined) => void
  /** By node: names of BGPPeers. */
  readonly of: (service: string) => ReadonlyMap<string, readonly string[]>
  /** Keys of the Services that a node offers. */
  readonly ofNode: (node: string) => Iterable<string>
}

const none: ReadonlyMap<string, readonly string[]> = new Map()

/** Two objects of one node and Service are one for a moment while a speaker tidies up: the last one that came counts. */
export function createOffers(): Offers {
  const services = new Map<string, Map<string, readonly string[]>>()

  function remove({ service, node, peers }: Offer): void {
    const nodes = services.get(service)
    if (nodes?.get(node) !== peers) return
    nodes.delete(node)
    if (nodes.size === 0) services.delete(service)
  }

  function add({ service, node, peers }: Offer): void {
    const nodes = services.get(service)
    if (nodes === undefined) services.set(service, new Map([[node, peers]]))
    else nodes.set(node, peers)
  }

  return {
    put: (before, after) => {
      if (before !== undefined) remove(before)
      if (after !== undefined) add(after)
    },
    of: (service) => services.get(service) ?? none,
    ofNode: function* (node) {
      for (const [service, nodes] of services) if (nodes.has(node)) yield service
    },
  }
}
