export { createPeerDriver } from './driver.ts'
export type {
  MessageCounts,
  PeerDriver,
  PeerDriverOptions,
  PeerEvent,
  PeerSnapshot,
  TrafficCounters,
} from './driver-types.ts'
export { formatEndpoint } from './endpoint.ts'
export { listenForPeers, type ListenerEvent, type PeerListenerOptions } from './listener.ts'
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
