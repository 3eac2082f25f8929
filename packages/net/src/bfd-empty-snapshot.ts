import type { BfdSnapshot } from '@holdfast/bfd'

/** A session that has not begun: nothing is known, and nothing was sent. */
export const emptySnapshot = (sinceMs: number, obstacle: string | undefined): BfdSnapshot => ({
  state: 'down',
  remoteState: undefined,
  sinceMs,
  localDiscriminator: 0,
  remoteDiscriminator: undefined,
  localDiagnostic: 0,
  remoteDiagnostic: undefined,
  transmitIntervalMs: 0,
  detectionTimeMs: undefined,
  remote: undefined,
  counters: { sent: 0, received: 0, dropped: {}, upCount: 0, downCount: 0 },
  obstacle,
})
