import { equalAddresses, isLinkLocal, type Address } from '@holdfast/ip'
import { optionsFault } from './tcp-transport-options.ts'
import type { ConnectionFault, Endpoint, ListenHandler, Listener, ProtectedPeer } from './transport.ts'

export interface SimulatedProtection {
  readonly peer: ProtectedPeer
  readonly fault: ConnectionFault | undefined
}

/** A listener of a simulated host, with what it demands of its peers. */
export class SimulatedListener implements Listener {
  readonly local: Endpoint
  readonly handler: ListenHandler
  readonly stop: () => void
  #protections: readonly SimulatedProtection[] = []

  constructor(local: Endpoint, handler: ListenHandler, stop: () => void) {
    this.local = local
    this.handler = handler
    this.stop = stop
  }

  readonly protect = (peers: readonly ProtectedPeer[]): ReturnType<Listener['protect']> => {
    this.#protections = peers.map((peer) => ({ peer, fault: optionsFault(peer.socket) }))
    return this.#protections.flatMap(({ peer, fault }) => (fault === undefined ? [] : [{ peer, fault }]))
  }

  /** The TTL of a SYN-ACK, which is sent before it is known whose connection it will be: the highest that a peer has. */
  get ttl(): number | undefined {
    const ttls = this.#protections.flatMap(({ peer }) => peer.socket.ttl ?? [])
    return ttls.length === 0 ? undefined : Math.max(...ttls)
  }

  protectionOf(address: Address, device: string | undefined): SimulatedProtection | undefined {
    const isOf = ({ peer }: SimulatedProtection, its: string | undefined): boolean =>
      equalAddresses(peer.address, address) && (!isLinkLocal(address) || peer.socket.device === its)
    return this.#protections.find((one) => isOf(one, device)) ?? this.#protections.find((one) => isOf(one, undefined))
  }
}
