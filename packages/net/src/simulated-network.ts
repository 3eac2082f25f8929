import { addressKey, equalAddresses, isUnspecified, type Address } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import { dialFault, equalEndpoints, listenFault } from './endpoint.ts'
import { createRandom, type Random } from './random.ts'
import { SimulatedConnection } from './simulated-connection.ts'
import type { PipeMedium, Split } from './simulated-pipe.ts'
import { SimulatedListener } from './simulated-listener.ts'
import { hasTtlFor, reaches } from './simulated-protection.ts'
import { NO_OPTIONS, optionsFault } from './tcp-transport-options.ts'
import type {
  ConnectionFault,
  DialOptions,
  DialResult,
  Endpoint,
  ListenHandler,
  ListenResult,
  SocketOptions,
  Stoppable,
  Transport,
} from './transport.ts'

export interface SimulatedNetworkOptions {
  readonly clock: Clock
  /** The same seed and the same calls give the same run. */
  readonly seed: number
  /** How long everything takes from end to end, chosen anew each time; 1 to 10 unless given. */
  readonly latencyMs?: { readonly least: number; readonly most: number }
  /** How streams are cut into chunks; at random places unless given. */
  readonly split?: Split
}

/** `silent`: everything waits unseen, as behind a dead switch. `refusing`: new connections are refused. */
export type LinkState = 'open' | 'silent' | 'refusing'

/** Hosts joined by links that can fail. Bytes of a stream never change their order, everything else may. */
export interface SimulatedNetwork {
  /** Adds a host that has these addresses, and returns its TCP. */
  readonly host: (...addresses: readonly Address[]) => Transport
  /** Sets the link between two addresses, both ways. What waited on a silent link goes on when that opens. */
  readonly setLink: (one: Address, other: Address, state: LinkState) => void
  /** Breaks the connections between two addresses: each end sees a reset. New ones may follow at once. */
  readonly cut: (one: Address, other: Address) => void
  /** How many ends of connections are not closed yet. */
  readonly openEnds: () => number
}

/** As long as Linux waits before it sends a SYN again. */
const SYN_RETRY_MS = 1000
const FIRST_EPHEMERAL_PORT = 49_152

/** Chunks of any length from one byte up, evenly. */
export const splitAtRandom: Split = (_offset, length, random) => 1 + Math.floor(random() * length)

/** Creates a network without hosts. */
export function createSimulatedNetwork(options: SimulatedNetworkOptions): SimulatedNetwork {
  const network = new Network(options)
  return {
    host: (...addresses) => network.host(addresses),
    setLink: (one, other, state) => network.setLink(one, other, state),
    cut: (one, other) => network.cut(one, other),
    openEnds: () => network.ends().length,
  }
}

interface Host {
  readonly addresses: readonly Address[]
  readonly listeners: Map<string, SimulatedListener>
}

interface Dial {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly options: SocketOptions
  isOver: boolean
  /** The two ends, once the other side has accepted. */
  ends: readonly [SimulatedConnection, SimulatedConnection] | undefined
  readonly answer: (result: DialResult) => void
}

class Network {
  readonly #clock: Clock
  readonly #random: Random
  readonly #split: Split
  readonly #latency: { readonly least: number; readonly most: number }
  readonly #hosts: Host[] = []
  readonly #links = new Map<string, LinkState>()
  #ends: SimulatedConnection[] = []
  #nextPort = FIRST_EPHEMERAL_PORT

  constructor({ clock, seed, latencyMs, split }: SimulatedNetworkOptions) {
    this.#clock = clock
    this.#random = createRandom(seed)
    this.#split = split ?? splitAtRandom
    this.#latency = latencyMs ?? { least: 1, most: 10 }
  }

  host(addresses: readonly Address[]): Transport {
    const host: Host = { addresses, listeners: new Map() }
    this.#hosts.push(host)
    return {
      dial: (options, done) => this.#dial(host, options, done),
      listen: (at, handler) => Promise.resolve(this.#listen(host, at, handler)),
      obstacle: optionsFault,
    }
  }

  setLink(one: Address, other: Address, state: LinkState): void {
    this.#links.set(linkKey(one, other), state)
    if (state !== 'silent') for (const end of this.#endsBetween(one, other)) end.resume()
  }

  cut(one: Address, other: Address): void {
    for (const end of this.#endsBetween(one, other)) this.#clock.after(this.#latencyMs(), () => end.break())
  }

  ends(): readonly SimulatedConnection[] {
    this.#ends = this.#ends.filter((end) => !end.isClosed)
    return this.#ends
  }

  #endsBetween(one: Address, other: Address): readonly SimulatedConnection[] {
    const key = linkKey(one, other)
    return this.ends().filter((end) => linkKey(end.local.address, end.remote.address) === key)
  }

  #latencyMs(): number {
    const { least, most } = this.#latency
    return least + this.#random() * (most - least)
  }

  #link(one: Address, other: Address): LinkState {
    return this.#links.get(linkKey(one, other)) ?? 'open'
  }

  #listen(host: Host, at: Endpoint, handler: ListenHandler): ListenResult {
    if (!isUnspecified(at.address) && !hasAddress(host, at.address)) {
      return { kind: 'failed', fault: listenFault('EADDRNOTAVAIL', at) }
    }
    const local = { address: at.address, port: at.port === 0 ? this.#ephemeralPort() : at.port }
    const key = endpointKey(local)
    if (host.listeners.has(key)) return { kind: 'failed', fault: listenFault('EADDRINUSE', at) }
    const listener = new SimulatedListener(local, handler, () => void host.listeners.delete(key))
    host.listeners.set(key, listener)
    return { kind: 'listening', listener }
  }

  #dial(
    host: Host,
    { to, from, timeoutMs, socket = NO_OPTIONS }: DialOptions,
    done: (result: DialResult) => void,
  ): Stoppable {
    const finish = (): boolean => {
      if (dial.isOver) return false
      dial.isOver = true
      timeout.cancel()
      return true
    }
    const dial: Dial = {
      from: this.#source(host, from, to),
      to,
      options: socket,
      isOver: false,
      ends: undefined,
      answer: (result) => {
        if (!finish()) return
        if (result.kind === 'failed') dial.ends?.[0].abort()
        done(result)
      },
    }
    const timeout = this.#clock.after(timeoutMs, () => fail(dial, 'ETIMEDOUT'))
    const fault = optionsFault(socket) ?? this.#sourceFault(host, dial)
    if (fault === undefined) this.#cross(dial, () => this.#synArrived(dial))
    else this.#clock.after(0, () => dial.answer({ kind: 'failed', fault }))
    const stop = (): void => {
      if (finish()) dial.ends?.[0].abort()
    }
    return { stop }
  }

  #source(host: Host, from: Endpoint | undefined, to: Endpoint): Endpoint {
    const address = from?.address ?? host.addresses.find(({ family }) => family === to.address.family)
    const port = from === undefined || from.port === 0 ? this.#ephemeralPort() : from.port
    // Without an address of the family there is no source: any address that is not the host's says so.
    return { address: address ?? to.address, port }
  }

  #sourceFault(host: Host, dial: Dial): ConnectionFault | undefined {
    const { from, to } = dial
    if (!hasAddress(host, from.address)) return dialFault('EADDRNOTAVAIL', dial)
    const isInUse = this.ends().some((end) => equalEndpoints(end.local, from) && equalEndpoints(end.remote, to))
    return isInUse ? dialFault('EADDRINUSE', dial) : undefined
  }

  /** Runs something at the other end of the link; while that is silent, it is tried again and again. */
  #cross(dial: Dial, run: () => void): void {
    this.#clock.after(this.#latencyMs(), () => {
      if (dial.isOver) return
      if (this.#link(dial.from.address, dial.to.address) === 'silent') {
        this.#clock.after(SYN_RETRY_MS, () => this.#cross(dial, run))
      } else {
        run()
      }
    })
  }

  #synArrived(dial: Dial): void {
    const host = this.#hosts.find((candidate) => hasAddress(candidate, dial.to.address))
    const listener = host === undefined ? undefined : listenerOf(host, dial.to)
    if (listener === undefined || this.#link(dial.from.address, dial.to.address) === 'refusing') {
      const code = host === undefined ? 'EHOSTUNREACH' : 'ECONNREFUSED'
      this.#cross(dial, () => fail(dial, code))
      return
    }
    this.#heard(dial, listener)
  }

  /** As by the kernel: a SYN with the wrong key or too low a TTL is dropped, and a SYN-ACK has the TTL of the listener. */
  #heard(dial: Dial, listener: SimulatedListener): void {
    const protection = listener.protectionOf(dial.from.address, dial.options.device)
    const fault = protection?.fault
    const options = fault === undefined ? (protection?.peer.socket ?? NO_OPTIONS) : NO_OPTIONS
    if (!reaches(dial.options, options) || !hasTtlFor(listener.ttl, dial.options)) {
      this.#clock.after(SYN_RETRY_MS, () => this.#cross(dial, () => this.#synArrived(dial)))
      return
    }
    const near = { at: dial.from, options: dial.options }
    const ends = SimulatedConnection.join(this.#medium(dial), near, { at: dial.to, options })
    dial.ends = ends
    this.#ends.push(...ends)
    if (fault === undefined) {
      listener.handler.accepted(ends[1])
    } else {
      ends[1].abort()
      listener.handler.faulted(fault, dial.from)
    }
    this.#cross(dial, () => this.#synAckArrived(dial, ends[0]))
  }

  #synAckArrived(dial: Dial, near: SimulatedConnection): void {
    if (near.isClosed) {
      fail(dial, 'ECONNRESET')
      return
    }
    dial.answer({ kind: 'connected', connection: near })
    near.resume()
    dial.ends?.[1].resume()
  }

  /** What the far end sends before the near end is up waits for that. */
  #medium(dial: Dial): PipeMedium {
    return {
      clock: this.#clock,
      random: this.#random,
      split: this.#split,
      latencyMs: () => this.#latencyMs(),
      isOpen: () => dial.isOver && this.#link(dial.from.address, dial.to.address) !== 'silent',
    }
  }

  #ephemeralPort(): number {
    const port = this.#nextPort
    this.#nextPort = port === 65_535 ? FIRST_EPHEMERAL_PORT : port + 1
    return port
  }
}

function fail(dial: Dial, code: string): void {
  dial.answer({ kind: 'failed', fault: dialFault(code, dial) })
}

function listenerOf(host: Host, at: Endpoint): SimulatedListener | undefined {
  const exact = host.listeners.get(endpointKey(at))
  if (exact !== undefined) return exact
  const unspecified: Address =
    at.address.family === 'ipv4' ? { family: 'ipv4', value: 0 } : { family: 'ipv6', value: 0n }
  return host.listeners.get(endpointKey({ address: unspecified, port: at.port }))
}

const hasAddress = (host: Host, address: Address): boolean => host.addresses.some((own) => equalAddresses(own, address))

const textKey = (address: Address): string => `${address.family} ${addressKey(address)}`
const endpointKey = (at: Endpoint): string => `${textKey(at.address)} ${at.port}`
const linkKey = (one: Address, other: Address): string => [textKey(one), textKey(other)].sort().join(' - ')
