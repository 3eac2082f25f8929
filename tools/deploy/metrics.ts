// Every metric that the programs have, from the functions that make them.
import { evaluate } from '@holdfast/model'
import { announcedMetrics } from '../../apps/holdfast/src/metrics/announced-metrics.ts'
import type { MetricFamily } from '../../apps/holdfast/src/metrics/exposition.ts'
import { poolMetrics } from '../../apps/holdfast/src/metrics/pool-metrics.ts'
import { programMetrics } from '../../apps/holdfast/src/metrics/program-metrics.ts'
import { sessionMetrics } from '../../apps/holdfast/src/metrics/session-metrics.ts'

/** Metrics of one kind, with the labels that each has. */
export interface MetricGroup {
  /** Where the table stands in docs/reference/metrics.md. */
  readonly title: string
  /** The file that makes them, in apps/holdfast/src/metrics. */
  readonly file: string
  readonly families: readonly Omit<MetricFamily, 'samples'>[]
  readonly labelsOf: (name: string) => readonly string[]
}

/** All of them. A file of metrics that is not named here fails a test. */
export const metricGroups = (): readonly MetricGroup[] => [
  {
    title: 'both programs',
    file: 'program-metrics.ts',
    families: programMetrics({
      version: '',
      updates: 0,
      updateErrors: 0,
      isConfigurationLoaded: true,
      isConfigurationStale: false,
      apiAgeSeconds: 0,
      cpuSeconds: 0,
      residentBytes: 0,
      startSeconds: 0,
    }),
    labelsOf: (name) => (name === 'holdfast_build_info' ? ['version'] : []),
  },
  {
    title: 'controller',
    file: 'pool-metrics.ts',
    families: poolMetrics(new Map(), () => 0),
    labelsOf: () => ['pool'],
  },
  {
    title: 'speaker',
    file: 'session-metrics.ts',
    families: sessionMetrics([]),
    labelsOf: (name) => (name.startsWith('metallb_') ? ['peer', 'vrf'] : ['peer', 'vrf', 'name', 'node']),
  },
  {
    title: 'speaker, for every address',
    file: 'announced-metrics.ts',
    families: announcedMetrics('', evaluate([], undefined).model, { routes: new Map(), decisions: new Map() }),
    labelsOf: () => ['service', 'protocol', 'node', 'ip'],
  },
]
