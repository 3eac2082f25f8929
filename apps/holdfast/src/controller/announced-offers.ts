import type { Offer } from './announced-heard.ts'

/** Which nodes offer which Service: from one ServiceBGPStatus each, looked up both ways. */
export interface Offers {
  /** An object came, changed or went. */
  readonly put: (before: Offer | undefined, after: Offer | undefined) => void
  /** By node. */
  readonly of: (service: string) => ReadonlyMap<string, Offer>
  /** Keys of the Services that a node offers. */
  readonly ofNode: (node: string) => Iterable<string>
}

const none: ReadonlySet<Offer> = new Set()

/**
 * Two objects of one node and Service are one for a moment while a speaker tidies up: the last one that came counts. Sets of what is kept
 * anyway: a change costs the same however many nodes offer the Service, and however many Services the node offers.
 */
export function createOffers(): Offers {
  const byService = new Map<string, Set<Offer>>()
  const byNode = new Map<string, Set<Offer>>()

  return {
    put: (before, after) => {
      if (before !== undefined) {
        remove(byService, before.service, before)
        remove(byNode, before.node, before)
      }
      if (after === undefined) return
      add(byService, after.service, after)
      add(byNode, after.node, after)
    },
    of: (service) => new Map([...(byService.get(service) ?? none)].map((offer) => [offer.node, offer])),
    ofNode: (node) => new Set([...(byNode.get(node) ?? none)].map(({ service }) => service)),
  }
}

function add(sets: Map<string, Set<Offer>>, key: string, offer: Offer): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([offer]))
  else known.add(offer)
}

function remove(sets: Map<string, Set<Offer>>, key: string, offer: Offer): void {
  const known = sets.get(key)
  known?.delete(offer)
  if (known?.size === 0) sets.delete(key)
}
