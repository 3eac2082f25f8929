import type { PeerConfig } from './peer.ts'

/**
 * The settings of a session that asks for no more than RFC 4271 and both families, with the times that its section 10
 * suggests (ConnectRetryTime 120 s, HoldTime 90 s): what is left to say is who talks to whom.
 */
export const plainSession: Omit<PeerConfig, 'localAsn' | 'remoteAsn' | 'routerId'> = {
  holdTimeSeconds: 90,
  keepaliveSeconds: undefined,
  connectRetrySeconds: 120,
  isPassive: false,
  delayOpenSeconds: 0,
  families: ['ipv4', 'ipv6'],
  globalAsn: undefined,
  gracefulRestart: undefined,
  longLivedStaleSeconds: undefined,
  hasAddPath: false,
  hasExtendedNextHop: false,
  role: undefined,
  isRoleStrict: false,
  prefixLimit: undefined,
  sendHoldSeconds: undefined,
  withheldCapabilities: [],
  seed: 1,
}
