import type { Served } from '../kubernetes/serve.ts'
import { announcedMetrics } from '../metrics/announced-metrics.ts'
import { sessionMetrics } from '../metrics/session-metrics.ts'
import type { PeerView } from '../peers/view.ts'
import type { SpeakerProgram } from './program.ts'

/**
 * What a speaker shows over HTTP. It is live for as long as it answers: a restart would mend neither a router nor an API server. It
 * is ready once it knows what to announce and may: a rollout goes on to the next node then.
 */
export const servedBySpeaker = (program: SpeakerProgram, node: string, peers: () => readonly PeerView[]): Served => ({
  live: {},
  ready: {
    configuration: () => (program.speaker.pass === undefined ? 'nothing is known of the cluster yet' : undefined),
    kubeProxy: () => (program.speaker.gate.isOpen ? undefined : program.speaker.gate.message),
  },
  metrics: () => {
    const { pass } = program.speaker
    return [
      ...sessionMetrics(peers()),
      ...(pass === undefined ? [] : announcedMetrics(node, pass.evaluation.model, pass.plan)),
    ]
  },
  counts: () => ({
    updates: program.speaker.counts.passes,
    updateErrors: program.speaker.counts.defects,
    isConfigurationLoaded: program.speaker.pass !== undefined,
    isConfigurationStale: (program.speaker.faults?.length ?? 0) > 0,
  }),
  followed: () => program.states(),
})
