import { diagnosticName } from './iana.ts'
import { detectionTime, transmitInterval } from './intervals.ts'
import type { ChangeReason, Session } from './session.ts'
import type { BfdSnapshot, BfdState } from './types.ts'

/** A session as others see it. */
export function snapshotOf(session: Session): BfdSnapshot {
  const { lastRemote, remote, counters } = session
  return {
    state: session.state,
    remoteState: lastRemote?.state,
    sinceMs: session.sinceMs,
    localDiscriminator: session.localDiscriminator,
    remoteDiscriminator: remote?.discriminator,
    localDiagnostic: session.localDiagnostic,
    remoteDiagnostic: lastRemote?.diagnostic,
    transmitIntervalMs: transmitInterval(session),
    detectionTimeMs: detectionTime(session),
    remote:
      remote === undefined
        ? undefined
        : {
            detectMultiplier: remote.detectMultiplier,
            desiredMinTxMs: remote.desiredMinTxMs,
            requiredMinRxMs: remote.requiredMinRxMs,
            requiredMinEchoRxMs: remote.requiredMinEchoRxMs,
            isControlPlaneIndependent: remote.isControlPlaneIndependent,
            isDemand: remote.isDemand,
          },
    counters: { ...counters, dropped: counters.dropped },
    obstacle: undefined,
  }
}

/**
 * RFC 5882 sections 3.2 and 4.2: only a session that was Up can fail, and a peer (or we) that shuts BFD down says nothing
 * about the path.
 */
export const isPathFailure = (from: BfdState, reason: ChangeReason): boolean =>
  from === 'up' && (reason.kind === 'detectionTimeExpired' || reason.kind === 'neighborSignaledDown')

/** Why the state changed, for a person. */
export function describeChange(reason: ChangeReason): string {
  switch (reason.kind) {
    case 'neighborHeard':
      return 'the peer is heard; whether it hears us is not known yet'
    case 'neighborHearsUs':
      return 'both sides hear each other'
    case 'detectionTimeExpired':
      return `nothing came from the peer for ${Math.round(reason.withinMs)} ms, the Detection Time`
    case 'neighborSignaledDown':
      return `the peer says that the session is down: ${diagnosticName(reason.remoteDiagnostic)}`
    case 'neighborAdminDown':
      return `the peer has BFD shut down (${diagnosticName(reason.remoteDiagnostic)}), which is no failure of the path`
    case 'stopped':
      return 'the session was shut down on our side'
  }
}
