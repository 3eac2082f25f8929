import type { Cost } from './cost.ts'
import type { Simulated } from './simulate.ts'

const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const sizeTable = (sizes: readonly (readonly [string, number, number | undefined])[]): string =>
  table(
    ['object', 'octets as JSON', 'as protobuf'],
    sizes.map(([kind, json, protobuf]) => [kind, count(json), protobuf === undefined ? 'none' : count(protobuf)]),
  )

export const costTable = (cost: Cost): string =>
  table(
    ['', ''],
    [
      ['octets of one event, on average', count(cost.eventBytesEach)],
      ['events a second to all speakers', count(cost.eventsPerSecond)],
      [
        'watch traffic to all speakers',
        `${megabytes(cost.watchBytesPerSecond)} MB/s, ${((cost.watchBytesPerSecond * 8) / 1e9).toFixed(2)} Gbit/s`,
      ],
      ['the same as protobuf', `${megabytes(cost.protobufBytesPerSecond)} MB/s`],
      ['bookmarks', `${megabytes(cost.bookmarkBytesPerSecond)} MB/s`],
      ['each speaker’s own Node', `${megabytes(cost.ownNodeBytesPerSecond)} MB/s`],
      ['watches', count(cost.watches)],
      ['watches made anew', `${count(cost.watchRequestsPerSecond)} a second`],
      ['connections', `${count(cost.connections)}; over HTTP/1.1 ${count(cost.connectionsOverHttp1)}`],
      [
        'first lists of one speaker',
        `${megabytes(cost.listBytes)} MB before compression, ${count(cost.listRequests)} requests`,
      ],
      ['ServiceBGPStatus objects', `${count(cost.statusObjects)}, ${(cost.statusBytes / 1e9).toFixed(1)} GB in etcd`],
      ['writes for them, once', `${count(cost.statusWrites)}, at up to ${count(cost.statusWritesPerSecond)} a second`],
    ],
  )

export const simulationTable = (runs: readonly Simulated[]): string =>
  table(
    [
      'Services',
      'changes a second',
      'CPU idle',
      'CPU',
      'CPU per change',
      'received',
      'of it JSON',
      'written',
      'connections',
      'start: CPU',
      'start: received',
      'resident (peak)',
    ],
    runs.map((run) => [
      count(run.services),
      count(run.changesPerSecond),
      percent(run.idleCpuShare),
      percent(run.cpuShare),
      `${((run.cpuShare / run.changesPerSecond) * 1000).toFixed(2)} ms`,
      `${(run.sentPerSecond / 1000).toFixed(1)} kB/s`,
      `${(run.eventsPerSecond / 1000).toFixed(1)} kB/s`,
      `${run.writesPerSecond.toFixed(2)} a second`,
      count(run.connections),
      `${run.startCpuSeconds.toFixed(1)} s`,
      `${megabytes(run.atStart.sent)} MB of ${megabytes(run.atStart.listed)} MB`,
      `${run.residentMiB.toFixed(0)} (${run.peakMiB.toFixed(0)}) MiB`,
    ]),
  )

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.01 ? 3 : 1)} %`
