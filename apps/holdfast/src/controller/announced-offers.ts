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

const none: readonly Offer[] = []

/**
 * Two objects of one node and Service are one for a moment while a speaker tidies up: the last one that came counts. Lists of what is
 * kept anyway, rather than tables: there is an object for each Service and node.
 */
export function createOffers(): Offers {
  const services = new Map<string, readonly Offer[]>()

  function remove(offer: Offer): void {
    const others = (services.get(offer.service) ?? none).filter((one) => one !== offer)
    if (others.length === 0) services.delete(offer.service)
    else services.set(offer.service, others)
  }

  return {
    put: (before, after) => {
      if (before !== undefined) remove(before)
      if (after !== undefined) services.set(after.service, (services.get(after.service) ?? none).concat(after))
    },
    of: (service) => new Map((services.get(service) ?? none).map(({ node, peers }) => [node, peers])),
    ofNode: function* (node) {
      for (const [service, offers] of services) if (offers.some((offer) => offer.node === node)) yield service
    },
  }
}
