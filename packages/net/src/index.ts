export { createPeerDriver } from './driver.ts'
export type {
  MessageCounts,
  PeerDriver,
  PeerDriverOptions,
  PeerEvent,
  PeerSnapshot,
  TrafficCounters,
} from './driver-types.ts'
export { progressOf } from './peer-record.ts'
export { formatEndpoint } from './endpoint.ts'
export { listenForPeers, type ListenerEvent, type PeerListenerOptions, type RefusalCause } from './listener.ts'
export {
  createSimulatedNetwork,
  splitAtRandom,
  type LinkState,
  type SimulatedNetwork,
  type SimulatedNetworkOptions,
} from './simulated-network.ts'
export type { Split } from './simulated-pipe.ts'
export { createTcpTransport } from './tcp-transport.ts'
export type * from './transport.ts'
export type { RecordedInput, RecordedOutput, RecordEntry } from './recording.ts'
export { recordingLine } from './recording-json.ts'
export { rehearseSessions, type RehearsalOptions } from './rehearsal.ts'
export { parseRecording, type ParsedRecording } from './recording-parse.ts'
export { replay, type Replay, type ReplayDifference, type ReplayedChange } from './replay.ts'
export type { BfdEvent, BfdService, BfdSession, BfdSessionOptions } from './bfd-service.ts'
export { createBfdService, type BfdServiceOptions } from './bfd-thread.ts'
export {
  discoverNeighbor,
  type NeighborDiscovery,
  type NeighborDiscoveryOptions,
  type NeighborEvent,
} from './unnumbered-discovery.ts'
