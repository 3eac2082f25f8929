import { afi, safi } from './iana.ts'
import type { CapabilityName, Reduction } from './negotiate-offer.ts'
import { noReduction, openMessage } from './negotiate-offer.ts'
import type { PeerConfig } from './peer.ts'

/*
 * Which capabilities an OPEN leaves out for a peer that does not get along with them. Whatever happens, everything is
 * offered again in the end, and each attempt waits for the back-off, so that no peer is ever asked in a hot loop.
 */

/**
 * RFC 5492 sections 3 and 5. `named`: those of ours that the peer said it does not support. It gets the next OPEN without
 * these; where that is no help, one without any, and then one with all again.
 */
export function reductionAfterRefusal(
  config: PeerConfig,
  refused: Reduction,
  named: readonly CapabilityName[],
): Reduction {
  const earlier = refused.kind === 'named' ? refused.capabilities : []
  const narrower: Reduction = { kind: 'named', capabilities: [...earlier, ...named] }
  if (named.length > 0 && refused.kind !== 'everything' && isUseful(config, narrower)) return narrower
  const bare: Reduction = { kind: 'everything' }
  return refused.kind !== 'everything' && isUseful(config, bare) ? bare : noReduction
}

/**
 * So many connections that the peer closes on our OPEN, without a word, before it is tried with a smaller one. With the back-off
 * that takes about two minutes: a router that holds us in Idle for a while after a session was lost (5 s in GoBGP) closes
 * like that too, and a session without graceful restart would then cost the routes that it still keeps for us.
 */
const closesBeforeReduction = 8

/**
 * Devices that do not know a capability, and no NOTIFICATION for it, just close. But so do routers on which we are not
 * configured, or that have yet to start: most attempts offer everything, then one offers less.
 */
export function reductionAfterCloses(config: PeerConfig, closes: number): Reduction {
  const round = closesBeforeReduction + 1
  if (closes % round !== closesBeforeReduction) return noReduction
  const bare: Reduction = { kind: 'everything' }
  const isSecond = closes % (2 * round) > round
  return isSecond && isUseful(config, bare) ? bare : { kind: 'recent' }
}

/** Without the capability of RFC 4760 there is IPv4 unicast only: an OPEN that leaves no family of ours is spared. */
function isUseful(config: PeerConfig, reduction: Reduction): boolean {
  const { capabilities } = openMessage(config, { isRestarting: false, reduction })
  const families = capabilities.filter((capability) => capability.kind === 'multiprotocol')
  if (families.length === 0) return config.families.includes('ipv4')
  return config.families.some((family) =>
    families.some((each) => each.afi === afi[family] && each.safi === safi.unicast),
  )
}
