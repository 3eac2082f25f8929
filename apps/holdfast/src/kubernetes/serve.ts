import type { FollowedState, KubeApi } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { MetricFamily } from '../metrics/exposition.ts'
import type { ProgramCounts } from '../metrics/program-metrics.ts'
import { programMetrics } from '../metrics/program-metrics.ts'
import { version } from '../version.ts'
import type { HttpCommand } from './command.ts'
import type { Checks, HttpServers } from './http.ts'
import { startHttp } from './http.ts'
import type { Log } from './log.ts'
import { createMetricsAccess } from './metrics-access.ts'

/** What a program of the cluster has to show over HTTP. */
export interface Served {
  readonly live: Checks
  readonly ready: Checks
  readonly metrics: () => readonly MetricFamily[]
  readonly counts: () => Pick<
    ProgramCounts,
    'updates' | 'updateErrors' | 'isConfigurationLoaded' | 'isConfigurationStale'
  >
  readonly followed: () => readonly FollowedState[]
}

export interface ServeOptions {
  readonly command: HttpCommand
  readonly api: KubeApi
  readonly clock: Clock
  readonly log: Log
  /** `holdfast-speaker`: the name in a certificate of our own making. */
  readonly program: string
}

/** Serves health, readiness and metrics as the command says. Throws `StartUpError` where a port cannot be had. */
export async function serve(options: ServeOptions, served: Served): Promise<HttpServers> {
  const { command, api, clock, log, program } = options
  const startSeconds = Date.now() / 1000 - process.uptime()
  const servers = await startHttp({
    command,
    clock,
    live: served.live,
    ready: served.ready,
    metrics: () => [
      ...programMetrics({
        ...served.counts(),
        version,
        apiAgeSeconds: apiAgeSeconds(served.followed(), clock.now()),
        cpuSeconds: cpuSeconds(),
        residentBytes: process.memoryUsage.rss(),
        startSeconds,
      }),
      ...served.metrics(),
    ],
    mayRead: createMetricsAccess(api, clock),
    serverName: program,
    warn: (message) => log.log('warn', 'metrics', message),
  })
  for (const [purpose, address] of [['health', servers.health] as const, ['metrics', servers.metrics] as const]) {
    if (address !== undefined) log.log('info', 'serving', `${purpose} at ${address}`, { purpose, address })
  }
  return servers
}

/** Of the kind that was heard of most recently; undefined: none was. */
function apiAgeSeconds(states: readonly FollowedState[], nowMs: number): number | undefined {
  const contacts = states.flatMap(({ lastContactMs }) => (lastContactMs === undefined ? [] : [lastContactMs]))
  return contacts.length === 0 ? undefined : (nowMs - Math.max(...contacts)) / 1000
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
