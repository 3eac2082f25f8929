import type { MetricFamily } from './exposition.ts'

/** What controller and speaker both count of their configuration and of themselves. */
export interface ProgramCounts {
  readonly version: string
  /** Snapshots of the cluster that were acted upon. */
  readonly updates: number
  /** Of these, those that a defect or a refused write kept from taking effect. */
  readonly updateErrors: number
  /** False until a first configuration was in force. */
  readonly isConfigurationLoaded: boolean
  /** True while objects of the configuration are broken and older versions of them are in force. */
  readonly isConfigurationStale: boolean
  /** Seconds since the API server last gave a sign of life; undefined: it never did. */
  readonly apiAgeSeconds: number | undefined
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** When the process started, in seconds since 1970. */
  readonly startSeconds: number
}

const single = (name: string, type: MetricFamily['type'], help: string, value: number): MetricFamily => ({
  name,
  type,
  help,
  samples: [{ labels: {}, value }],
})

/** MetalLB's names (`metallb_k8s_client_*`), the usual names of a process, and ours. */
export const programMetrics = (counts: ProgramCounts): readonly MetricFamily[] => [
  {
    name: 'holdfast_build_info',
    type: 'gauge',
    help: 'Always 1; the version is a label.',
    samples: [{ labels: { version: counts.version }, value: 1 }],
  },
  single('metallb_k8s_client_updates_total', 'counter', 'Changes of the cluster that were acted upon.', counts.updates),
  single(
    'metallb_k8s_client_update_errors_total',
    'counter',
    'Changes of the cluster that could not take effect.',
    counts.updateErrors,
  ),
  single(
    'metallb_k8s_client_config_loaded_bool',
    'gauge',
    '1 once a configuration has been in force.',
    Number(counts.isConfigurationLoaded),
  ),
  single(
    'metallb_k8s_client_config_stale_bool',
    'gauge',
    '1 while objects of the configuration are broken and older versions of them are in force.',
    Number(counts.isConfigurationStale),
  ),
  ...(counts.apiAgeSeconds === undefined
    ? []
    : [
        single(
          'holdfast_api_server_age_seconds',
          'gauge',
          'Seconds since the API server last gave a sign of life.',
          counts.apiAgeSeconds,
        ),
      ]),
  single('process_cpu_seconds_total', 'counter', 'Processor time, user and system.', counts.cpuSeconds),
  single('process_resident_memory_bytes', 'gauge', 'Resident memory.', counts.residentBytes),
  single('process_start_time_seconds', 'gauge', 'Start of the process, in seconds since 1970.', counts.startSeconds),
]
