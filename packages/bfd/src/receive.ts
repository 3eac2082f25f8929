import type { ControlPacket, DropCause } from './packet.ts'
import type { Remote, Session } from './session.ts'
import { diagnostics } from './iana.ts'
import type { BfdState } from './types.ts'

/**
 * Why a packet may not touch this session: the rest of RFC 5880 section 6.8.6's rules, in its order; undefined: it may.
 *
 * `unprovenRestart`: a packet with Your Discriminator 0 says that its sender knows nothing of our session. While that is Up,
 * such a packet counts only when it has the discriminator of our peer and says why it went down: otherwise anybody on the
 * link could end the session with a guess, or with a packet of its beginning sent again. (Section 6.8.6 leaves to us by what
 * such packets find their session.) A peer that did restart is silent to us then, and the Detection Time ends the session.
 */
export function refusal(session: Session, packet: ControlPacket): DropCause | undefined {
  const isUnknown = packet.yourDiscriminator !== 0 && packet.yourDiscriminator !== session.localDiscriminator
  if (isUnknown) return 'yourDiscriminatorUnknown'
  if (packet.yourDiscriminator === 0 && !isOfDownSession(packet)) return 'yourDiscriminatorZero'
  if (packet.isAuthenticated) return 'authentication'
  if (packet.isPoll && packet.isFinal) return 'pollAndFinal'
  return isProven(session, packet) ? undefined : 'unprovenRestart'
}

const isProven = ({ state, remote }: Session, packet: ControlPacket): boolean =>
  packet.yourDiscriminator !== 0 || state !== 'up' || isOfOurPeer(remote, packet)

const isOfDownSession = ({ state }: ControlPacket): boolean => state === 'down' || state === 'adminDown'

const isOfOurPeer = (remote: Remote | undefined, { myDiscriminator, diagnostic }: ControlPacket): boolean =>
  remote?.discriminator === myDiscriminator && diagnostic !== diagnostics.none

export const remoteOf = (packet: ControlPacket): Remote => ({
  discriminator: packet.myDiscriminator,
  state: packet.state,
  diagnostic: packet.diagnostic,
  isDemand: packet.isDemand,
  isControlPlaneIndependent: packet.isControlPlaneIndependent,
  detectMultiplier: packet.detectMultiplier,
  desiredMinTxMs: packet.desiredMinTxUs / 1000,
  requiredMinRxMs: packet.requiredMinRxUs / 1000,
  requiredMinEchoRxMs: packet.requiredMinEchoRxUs / 1000,
})

/**
 * RFC 5880 section 6.8.6, with the picture of section 6.2:
 *
 *     peer says   we are Down   Init   Up
 *     AdminDown          Down   Down   Down
 *     Down               Init   Init   Down
 *     Init               Up     Up     Up
 *     Up                 Down   Up     Up
 */
export function stateAfter(state: BfdState, said: BfdState): BfdState {
  if (state === 'adminDown') return state
  switch (said) {
    case 'adminDown':
      return 'down'
    case 'down':
      return state === 'up' ? 'down' : 'init'
    case 'init':
      return 'up'
    case 'up':
      return state === 'down' ? 'down' : 'up'
  }
}

/** RFC 5880 section 6.6: the peer wants no periodic packets while both sides are Up. */
export const isDemandActive = ({ state, remote }: Pick<Session, 'state' | 'remote'>): boolean =>
  remote?.isDemand === true && state === 'up' && remote.state === 'up'
