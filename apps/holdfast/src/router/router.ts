import { plainSession, type PeerConfig } from '@holdfast/bgp'
import type { Address } from '@holdfast/ip'
import { addressKey, formatAddress, formatPrefix } from '@holdfast/ip'
import type { Connection, Endpoint, Listener, PeerDriver, PeerEvent, Transport } from '@holdfast/net'
import { createPeerDriver, formatEndpoint, listenForPeers } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { NeighborEvent, Report } from '../events.ts'
import { refusedConnection } from '../refused-connection.ts'
import type { EcmpSet } from './rib.ts'
import { Rib } from './rib.ts'

export interface RouterOptions {
  readonly listen: Endpoint
  readonly asn: number
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
}

/** A running collector. */
export interface Router {
  readonly listening: Endpoint
  readonly rib: Rib
  /** Says goodbye to every neighbour and frees the port. Never rejects. */
  readonly stop: () => Promise<void>
}

export type RouterStart =
  { readonly kind: 'running'; readonly router: Router } | { readonly kind: 'failed'; readonly message: string }

/** More neighbours than any rack has: a bound for what strangers can make us keep. */
const mostNeighbors = 1000
/** Changes of routes are told together, since neighbours that offer one prefix speak at nearly the same time. */
const tellAfterMs = 30

/**
 * Starts a collector: it accepts a BGP session from any neighbour of any AS, dials nobody, announces nothing, installs
 * nothing, and tells which next hops each prefix has.
 */
export async function startRouter(options: RouterOptions): Promise<RouterStart> {
  const neighbors = new Neighbors(options)
  const { transport, clock, listen, asn, report } = options
  const result = await listenForPeers({
    transport,
    clock,
    at: listen,
    match: (ends) => neighbors.accepterFor(ends),
    observe: (event) => report(refusedConnection(event)),
  })
  if (result.kind === 'failed') return { kind: 'failed', message: result.fault.message }
  const { listener } = result
  report({ event: 'listening', purpose: 'router', address: formatEndpoint(listener.local), outcome: 'listening', asn })
  return { kind: 'running', router: running(listener, neighbors) }
}

const running = (listener: Listener, neighbors: Neighbors): Router => ({
  listening: listener.local,
  rib: neighbors.rib,
  stop: async () => {
    listener.stop()
    await neighbors.stop()
  },
})

interface Ends {
  readonly local: Endpoint
  readonly remote: Endpoint
}

interface Neighbor {
  readonly driver: PeerDriver
  isEstablished: boolean
}

class Neighbors {
  readonly rib: Rib
  readonly #options: RouterOptions
  readonly #neighbors = new Map<string, Neighbor>()
  #alarm: Alarm | undefined

  constructor(options: RouterOptions) {
    this.#options = options
    this.rib = new Rib(options.asn)
  }

  /**
   * Takes the connection for the neighbour at the other end, which becomes one only then: a connection that the listener's
   * limits refuse leaves nothing behind. undefined: there is no room.
   */
  accepterFor(ends: Ends): Pick<PeerDriver, 'accept'> | undefined {
    const key = formatAddress(ends.remote.address)
    const known = this.#neighbors.get(key)
    if (known !== undefined) return known.driver
    const hasRoom = this.#neighbors.size < mostNeighbors || this.#oldestWithoutSession() !== undefined
    return hasRoom ? { accept: (connection) => this.#welcome(key, ends, connection) } : undefined
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#neighbors.values()].map(({ driver }) => driver.stop('administrativeShutdown')))
    this.#alarm?.cancel()
  }

  #welcome(key: string, ends: Ends, connection: Connection): boolean {
    if (this.#neighbors.size >= mostNeighbors) this.#makeRoom()
    const neighbor = this.#add(key, ends)
    const isAccepted = neighbor.driver.accept(connection)
    if (!isAccepted) this.#remove(key, neighbor, { code: 'refused', message: 'its connection was refused' })
    return isAccepted
  }

  /** Who waits longest without a session gives way: else a thousand silent strangers would keep everybody out. */
  #makeRoom(): void {
    const [key, neighbor] = this.#oldestWithoutSession() ?? []
    if (key === undefined || neighbor === undefined) return
    this.#remove(key, neighbor, { code: 'replaced', message: 'too many neighbours without a session' })
  }

  #oldestWithoutSession(): readonly [string, Neighbor] | undefined {
    for (const entry of this.#neighbors) if (!entry[1].isEstablished) return entry
    return undefined
  }

  #add(key: string, { remote, local }: Ends): Neighbor {
    const { transport, clock } = this.#options
    const driver = createPeerDriver({
      config: this.#config(local.address),
      remote,
      local: undefined,
      socket: undefined,
      isRestarting: false,
      record: undefined,
      transport,
      clock,
      observe: (event) => {
        // One that was removed may still have something to say while another one has its address.
        if (this.#neighbors.get(key) === neighbor) this.#observe(key, neighbor, event)
      },
    })
    const neighbor: Neighbor = { driver, isEstablished: false }
    this.#neighbors.set(key, neighbor)
    driver.start()
    return neighbor
  }

  #config(local: Address): PeerConfig {
    const { asn, listen } = this.#options
    return {
      ...plainSession,
      localAsn: asn,
      remoteAsn: 'any',
      routerId: routerId(local) ?? routerId(listen.address) ?? asn,
      isPassive: true,
      hasExtendedNextHop: true,
      seed: asn,
    }
  }

  #observe(key: string, neighbor: Neighbor, event: PeerEvent): void {
    switch (event.kind) {
      case 'established':
        neighbor.isEstablished = true
        this.#tell(key, {
          state: 'established',
          reason: 'established',
          message: 'the session is up',
          remoteAsn: event.negotiated.remoteAsn,
        })
        return
      case 'learned':
        return this.#learned(key, neighbor, event)
      case 'lost':
        this.#forget(key)
        return this.#remove(key, neighbor, event.reason)
      case 'changed':
        // A neighbour that hung up before its OPEN leaves nothing behind but a place that others need.
        if (!neighbor.isEstablished && isOver(event)) this.#remove(key, neighbor, event.reason)
        return
      case 'crashed':
        this.#forget(key)
        return this.#remove(key, neighbor, { code: 'crashed', message: 'a defect of Holdfast ended the session' })
      case 'unsent':
      case 'notification':
      case 'refused':
        return
    }
  }

  #forget(key: string): void {
    this.rib.forget(key)
    this.#schedule()
  }

  #learned(key: string, { driver }: Neighbor, { update }: Extract<PeerEvent, { kind: 'learned' }>): void {
    const { negotiated } = driver.snapshot()
    if (negotiated === undefined) return
    this.rib.update(
      { neighbor: key, neighborRouterId: negotiated.remoteRouterId, isInternal: negotiated.isInternal },
      update,
    )
    this.#schedule()
  }

  /** A neighbour is known for as long as it is connected: it comes back as a new one. */
  #remove(key: string, neighbor: Neighbor, reason: { code: string; message: string }): void {
    this.#neighbors.delete(key)
    void neighbor.driver.stop('peerDeconfigured')
    this.#tell(key, { state: 'idle', reason: reason.code, message: reason.message })
  }

  #tell(key: string, event: Omit<NeighborEvent, 'event' | 'remote'>): void {
    this.#options.report({ event: 'neighbor', remote: key, ...event })
  }

  #schedule(): void {
    this.#alarm ??= this.#options.clock.after(tellAfterMs, () => {
      this.#alarm = undefined
      for (const set of this.rib.takeChanges()) this.#options.report(routeEvent(set))
    })
  }
}

/** A connection that got further than waiting is back at waiting, or at nothing. */
const isOver = ({ from, to }: Extract<PeerEvent, { kind: 'changed' }>): boolean =>
  (to === 'idle' || to === 'active') && from !== 'idle' && from !== 'active'

const routerId = (address: Address): number | undefined =>
  address.family === 'ipv4' && addressKey(address) !== 0 ? address.value : undefined

function routeEvent({ prefix, nextHops, best }: EcmpSet): Parameters<Report>[0] {
  const attributes = best?.attributes
  return {
    event: 'route',
    prefix: formatPrefix(prefix),
    nextHops: nextHops.map(formatAddress),
    asPath: attributes?.asPath.flatMap(({ asns }) => asns) ?? [],
    communities: [
      ...(attributes?.communities ?? []).map((value) => `${value >>> 16}:${value & 0xffff}`),
      ...(attributes?.largeCommunities ?? []).map(
        ({ globalAdmin, data1, data2 }) => `${globalAdmin}:${data1}:${data2}`,
      ),
    ],
    ...(attributes?.localPref === undefined ? {} : { localPref: attributes.localPref }),
  }
}
