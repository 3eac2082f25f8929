import { equalAddresses, formatAddress, isLinkLocal, type Address } from '@holdfast/ip'
import type { Alarm, Clock } from '@holdfast/runtime'
import { advertisement, isAdvertisement, solicitation } from './unnumbered-message.ts'
import {
  ALL_NODES,
  ALL_ROUTERS,
  isUsable,
  openRouterSocket,
  type OpenedRouterSocket,
  type Obstacle,
  type RouterSocket,
} from './unnumbered-socket.ts'

/** The search for the router of a link, and what keeps that informed of us. */
export interface NeighborDiscovery {
  readonly stop: () => void
}

export type NeighborEvent =
  /** The router's link-local address, the first one or another one than before. */
  | { readonly kind: 'found'; readonly address: Address }
  /** The router has said nothing for long, or the device is gone. What was found is void. */
  | { readonly kind: 'lost'; readonly address: Address }
  /** Nothing can be found as long as this is so. Told once; it is tried again and again. */
  | ({ readonly kind: 'obstacle' } & Obstacle)

export interface NeighborDiscoveryOptions {
  readonly device: string
  readonly clock: Clock
  /** Never called from inside `discoverNeighbor` or `stop`. */
  readonly observe: (event: NeighborEvent) => void
}

/** What discovery needs of the system. */
export interface LinkSystem {
  readonly open: (device: string) => OpenedRouterSocket
  readonly isUsable: (device: string) => boolean
}

/** Often enough for a person that waits; a raw socket cannot wake Node's event loop. */
const POLL_MS = 250

/** As often as FRR advertises itself on an unnumbered link: a router that restarts learns our address again by then. */
const ADVERTISE_MS = 10_000
/** RFC 4861 section 6.2.4: the first few may come faster, 3 s apart (MIN_DELAY_BETWEEN_RAS). */
const FIRST_ADVERTISE_MS = 3000
const FIRST_ADVERTISEMENTS = 3

/** RFC 4861 section 6.3.7: RTR_SOLICITATION_INTERVAL, MAX_RTR_SOLICITATIONS; then seldom, for a router that comes up later. */
const SOLICIT_MS = 4000
const FIRST_SOLICITATIONS = 3
const LATER_SOLICIT_MS = 60_000

/** Three times the longest that a router waits by default between advertisements (RFC 4861 section 6.2.1: 600 s). */
const SILENT_MS = 1_800_000

/** A router answers a solicitation within 0.5 s, or 3 s after its last advertisement (RFC 4861 section 6.2.6). */
const ANSWER_MS = 5000

/** One burst of hostile advertisements must not hold up the event loop. */
const MOST_PER_POLL = 64

/**
 * BGP unnumbered: finds the router at the other end of a link by its IPv6 router advertisements (RFC 4861), and advertises
 * ourselves so that the router finds us. A link has one such router: where there are two, the first one stays.
 */
export function discoverNeighbor(
  options: NeighborDiscoveryOptions,
  system: LinkSystem = { open: openRouterSocket, isUsable },
): NeighborDiscovery {
  const discovery = new Discovery(options, system)
  return { stop: () => discovery.stop() }
}

interface Router {
  readonly address: Address
  readonly heardMs: number
}

class Discovery {
  readonly #options: NeighborDiscoveryOptions
  readonly #system: LinkSystem
  #alarm: Alarm
  #isStopped = false
  #socket: RouterSocket | undefined
  #known: Router | undefined
  /** Another router that was heard while the known one had not fallen silent. */
  #contender: { readonly address: Address; readonly sinceMs: number } | undefined
  #obstacle: string | undefined
  #advertised = { count: 0, nextMs: Number.NEGATIVE_INFINITY }
  #solicited = { count: 0, nextMs: Number.NEGATIVE_INFINITY }

  constructor(options: NeighborDiscoveryOptions, system: LinkSystem) {
    this.#options = options
    this.#system = system
    this.#alarm = options.clock.after(0, () => this.#poll())
  }

  stop(): void {
    this.#isStopped = true
    this.#alarm.cancel()
    this.#socket?.close()
    this.#socket = undefined
  }

  #poll(): void {
    const nowMs = this.#options.clock.now()
    this.#listen(nowMs)
    if (nowMs >= this.#advertised.nextMs) this.#advertise(nowMs)
    if (this.#known !== undefined && nowMs - this.#known.heardMs > SILENT_MS) this.#lose(nowMs)
    if (this.#known === undefined && nowMs >= this.#solicited.nextMs) this.#solicit(nowMs)
    // The observer may have stopped us.
    if (!this.#isStopped) this.#alarm = this.#options.clock.after(POLL_MS, () => this.#poll())
  }

  #listen(nowMs: number): void {
    for (let count = 0; count < MOST_PER_POLL; count += 1) {
      const received = this.#socket?.receive()
      if (received === undefined) return
      // RFC 4861 section 6.1.2.
      if (isLinkLocal(received.from) && isAdvertisement(received.bytes)) this.#heard(received.from, nowMs)
    }
  }

  #heard(address: Address, nowMs: number): void {
    const known = this.#known
    if (known === undefined) this.#find(address, nowMs)
    else if (equalAddresses(known.address, address)) this.#known = { address, heardMs: nowMs }
    else this.#contend(known, address, nowMs)
  }

  /** A router that got another address has left its old one: nobody answers there. Two routers answer both. */
  #contend(known: Router, address: Address, nowMs: number): void {
    const contender = this.#contender
    if (contender === undefined || !equalAddresses(contender.address, address)) {
      this.#contender = { address, sinceMs: nowMs }
      this.#solicit(nowMs)
    } else if (nowMs - contender.sinceMs >= ANSWER_MS) {
      if (known.heardMs < contender.sinceMs) {
        this.#find(address, nowMs)
        return
      }
      this.#meet(twoRouters(this.#options.device, [known.address, address]))
      this.#contender = { address, sinceMs: nowMs }
      this.#solicit(nowMs)
    }
  }

  #find(address: Address, nowMs: number): void {
    this.#known = { address, heardMs: nowMs }
    this.#contender = undefined
    this.#obstacle = undefined
    this.#options.observe({ kind: 'found', address })
  }

  #lose(nowMs: number): void {
    const known = this.#known
    this.#known = undefined
    this.#contender = undefined
    this.#solicited = { count: 0, nextMs: nowMs }
    if (known !== undefined) this.#options.observe({ kind: 'lost', address: known.address })
  }

  #meet({ message, remedy }: Obstacle): void {
    if (message === this.#obstacle) return
    this.#obstacle = message
    this.#options.observe({ kind: 'obstacle', message, remedy })
  }

  #advertise(nowMs: number): void {
    const count = this.#advertised.count + 1
    this.#advertised = { count, nextMs: nowMs + (count < FIRST_ADVERTISEMENTS ? FIRST_ADVERTISE_MS : ADVERTISE_MS) }
    if (this.#socket !== undefined && !this.#system.isUsable(this.#options.device)) this.#close(nowMs)
    if (this.#socket === undefined) this.#open(nowMs)
    const code = this.#socket?.send(advertisement(this.#socket.mac), ALL_NODES)
    if (code === 'ENODEV' || code === 'ENXIO') this.#close(nowMs)
  }

  #solicit(nowMs: number): void {
    const count = this.#solicited.count + 1
    this.#solicited = { count, nextMs: nowMs + (count < FIRST_SOLICITATIONS ? SOLICIT_MS : LATER_SOLICIT_MS) }
    this.#socket?.send(solicitation(this.#socket.mac), ALL_ROUTERS)
  }

  #open(nowMs: number): void {
    if (this.#isStopped) return
    const opened = this.#system.open(this.#options.device)
    if (opened.kind === 'obstacle') {
      this.#meet(opened.obstacle)
      return
    }
    this.#socket = opened.socket
    this.#obstacle = undefined
    this.#advertised = { count: 1, nextMs: nowMs + FIRST_ADVERTISE_MS }
    this.#solicited = { count: 0, nextMs: nowMs }
  }

  /** The device is gone, down, or another one of the same name. */
  #close(nowMs: number): void {
    this.#socket?.close()
    this.#socket = undefined
    this.#lose(nowMs)
  }
}

const twoRouters = (device: string, addresses: readonly Address[]): Obstacle => ({
  message: `more than one router advertises itself on ${device}: ${addresses.map(formatAddress).join(', ')}`,
  remedy: 'Name the router by its address instead of the interface.',
})
