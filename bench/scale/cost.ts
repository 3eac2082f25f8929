import { bytesOf, eventBytes, protobufBytes } from './recorded.ts'
import { endpointsEach } from './objects.ts'

/** A cluster, and how much happens in it. */
export interface Setting {
  readonly nodes: number
  readonly services: number
  /** Of the Services, those with policy Cluster: every node announces them. */
  readonly clusterShare: number
  readonly changesPerSecond: number
  /** Of the changes, those of EndpointSlices; the others are of Services. */
  readonly sliceShare: number
  /** Objects whose owners write at most so many a second, for each speaker (apps/holdfast/src/speaker/reports.ts). */
  readonly statusesPerSecond: number
}

export const target: Setting = {
  nodes: 5000,
  services: 10_000,
  clusterShare: 0.5,
  changesPerSecond: 10,
  sliceShare: 0.9,
  statusesPerSecond: 20,
}

/** Watches of a speaker (docs/reference/rbac.md), and how long one lasts on average (the reflector: 300 to 600 s). */
const watchesEach = 13
const watchSeconds = 450
/** kube-apiserver sends one a minute to each watch. */
const bookmark = { seconds: 60, bytes: 170 }
/** A kubelet reports its Node when something changed, else every five minutes. */
const nodeReportSeconds = 300

/** What is computed, all for the whole cluster unless it says otherwise. */
export interface Cost {
  readonly eventBytesEach: number
  readonly watchBytesPerSecond: number
  readonly eventsPerSecond: number
  readonly bookmarkBytesPerSecond: number
  readonly ownNodeBytesPerSecond: number
  readonly watchRequestsPerSecond: number
  readonly watches: number
  readonly connections: number
  readonly connectionsOverHttp1: number
  readonly protobufBytesPerSecond: number
  /** Of one speaker, before compression. */
  readonly listBytes: number
  readonly listRequests: number
  readonly statusObjects: number
  readonly statusBytes: number
  readonly statusWrites: number
  readonly statusWritesPerSecond: number
}

const pageSize = 500

export function costOf(setting: Setting): Cost {
  const { nodes, services, changesPerSecond, sliceShare, clusterShare } = setting
  const mean = (slice: number, service: number): number => slice * sliceShare + service * (1 - sliceShare)
  const eventBytesEach = mean(eventBytes('EndpointSlice'), eventBytes('Service'))
  const watches = nodes * watchesEach
  const announced = services * clusterShare * nodes + services * (1 - clusterShare) * endpointsEach
  return {
    eventBytesEach,
    watchBytesPerSecond: eventBytesEach * changesPerSecond * nodes,
    eventsPerSecond: changesPerSecond * nodes,
    bookmarkBytesPerSecond: (watches * bookmark.bytes) / bookmark.seconds,
    ownNodeBytesPerSecond: (nodes * eventBytes('Node')) / nodeReportSeconds,
    watchRequestsPerSecond: watches / watchSeconds,
    watches,
    connections: nodes,
    connectionsOverHttp1: nodes * (watchesEach + 1),
    protobufBytesPerSecond: mean(protobufBytes.EndpointSlice, protobufBytes.Service) * changesPerSecond * nodes,
    listBytes: services * (bytesOf('Service') + bytesOf('EndpointSlice')),
    listRequests: 2 * Math.ceil(services / pageSize) + watchesEach - 2,
    statusObjects: announced,
    statusBytes: announced * bytesOf('ServiceBGPStatus'),
    statusWrites: 2 * announced,
    statusWritesPerSecond: 2 * nodes * setting.statusesPerSecond,
  }
}
