import assert from 'node:assert/strict'
import { plainSession, type NotificationMessage, type PeerConfig, type Route } from '@holdfast/bgp'
import { formatAddress, formatPrefix, ipv4, type Address } from '@holdfast/ip'
import { createVirtualClock, type Clock, type VirtualClock } from '@holdfast/runtime'
import { createPeerDriver } from '../driver.ts'
import type { PeerDriver, PeerEvent } from '../driver-types.ts'
import { listenForPeers, type ListenerEvent } from '../listener.ts'
import type { RecordEntry } from '../recording.ts'
import { createSimulatedNetwork, type SimulatedNetwork, type SimulatedNetworkOptions } from '../simulated-network.ts'
import type { Endpoint, SocketOptions, Transport } from '../transport.ts'

export const PORT = 179

/** A driver with everything that it told. */
export interface Speaker {
  readonly driver: PeerDriver
  readonly events: { readonly atMs: number; readonly event: PeerEvent }[]
  /** What the peer announces: prefix to next hop and attributes; empty when the session is lost. */
  readonly learned: Map<string, string>
  readonly state: () => string
  readonly notifications: (direction: 'sent' | 'received') => readonly string[]
  readonly reasons: (to: string) => readonly string[]
}

export function configOf(overrides: Partial<PeerConfig> = {}): PeerConfig {
  return {
    localAsn: 65001,
    remoteAsn: 65002,
    routerId: 0x0a000001,
    ...plainSession,
    ...overrides,
  }
}

export interface SpeakerOptions {
  readonly config: PeerConfig
  readonly transport: Transport
  readonly clock: Clock
  readonly local: Endpoint | undefined
  readonly remote: Endpoint
  readonly socket?: SocketOptions
  readonly isRestarting?: boolean
  readonly record?: (entry: RecordEntry) => void
  /** Called before the event is recorded. */
  readonly intercept?: (event: PeerEvent) => void
}

/** Creates a driver and records what it tells. */
export function createSpeaker({ intercept, ...options }: SpeakerOptions): Speaker {
  const events: { readonly atMs: number; readonly event: PeerEvent }[] = []
  const learned = new Map<string, string>()
  const observe = (event: PeerEvent): void => {
    intercept?.(event)
    events.push({ atMs: options.clock.now(), event })
    collect(learned, event)
  }
  const { socket, isRestarting = false, record } = options
  const driver = createPeerDriver({ ...options, socket, isRestarting, record, observe })
  return {
    driver,
    events,
    learned,
    state: () => driver.snapshot().state,
    notifications: (direction) =>
      events.flatMap(({ event }) =>
        event.kind === 'notification' && event.direction === direction ? [codes(event.notification)] : [],
      ),
    reasons: (to) =>
      events.flatMap(({ event }) => (event.kind === 'changed' && event.to === to ? [event.reason.code] : [])),
  }
}

/** `6/2`. */
const codes = ({ code, subcode }: NotificationMessage): string => `${code}/${subcode}`

function collect(learned: Map<string, string>, event: PeerEvent): void {
  if (event.kind === 'lost' || event.kind === 'crashed') learned.clear()
  if (event.kind !== 'learned') return
  const { withdrawn, announced } = event.update
  for (const prefix of withdrawn) learned.delete(formatPrefix(prefix))
  for (const { nextHop, prefixes } of announced?.reach ?? []) {
    const { origin, localPref, communities } = announced!.attributes
    for (const prefix of prefixes) {
      learned.set(formatPrefix(prefix), [formatAddress(nextHop), origin, localPref ?? '-', ...communities].join(' '))
    }
  }
}

/** `count` routes 10.x.y.z/32 from `first`, all with one object of attributes. */
export function routesOf(first: number, count: number, communities: readonly number[] = []): readonly Route[] {
  const attributes = {
    origin: 'igp',
    localPref: undefined,
    med: undefined,
    communities,
    largeCommunities: [],
    extendedCommunities: [],
    prepend: 0,
    nextHop: undefined,
  } as const
  return Array.from({ length: count }, (_, index) => ({
    prefix: { address: ipv4(0x0a000000 + first + index), length: 32 },
    attributes,
  }))
}

export const prefixesOf = (routes: readonly Route[]): readonly string[] =>
  routes.map(({ prefix }) => formatPrefix(prefix)).sort()

export interface SimulatedPeersOptions {
  readonly seed?: number
  readonly a?: Partial<PeerConfig>
  readonly b?: Partial<PeerConfig>
  readonly network?: Partial<SimulatedNetworkOptions>
  readonly interceptA?: (event: PeerEvent) => void
  readonly socketA?: SocketOptions
  readonly recordA?: (entry: RecordEntry) => void
  readonly recordB?: (entry: RecordEntry) => void
}

/** Two speakers, A and B, each with a listener, on a simulated network. */
export interface SimulatedPeers {
  readonly clock: VirtualClock
  readonly network: SimulatedNetwork
  readonly a: Speaker
  readonly b: Speaker
  readonly addressA: Address
  readonly addressB: Address
  readonly listenerEventsB: ListenerEvent[]
  readonly isUp: () => boolean
  /** Starts both and lets time pass until both are Established. */
  readonly bringUp: () => void
  /** Stops both, and fails where a connection or an alarm is left. */
  readonly end: () => Promise<void>
}

export async function createSimulatedPeers(options: SimulatedPeersOptions = {}): Promise<SimulatedPeers> {
  const { seed = 1 } = options
  const clock = createVirtualClock(1_000_000)
  const network = createSimulatedNetwork({ clock, seed, ...options.network })
  const addressA = ipv4(0xc0000201)
  const addressB = ipv4(0xc0000202)
  const at = (address: Address): Endpoint => ({ address, port: PORT })
  const [transportA, transportB] = [network.host(addressA), network.host(addressB)]
  const a = createSpeaker({
    config: configOf({ seed: 2 * seed, ...options.a }),
    transport: transportA,
    clock,
    local: { address: addressA, port: 0 },
    remote: at(addressB),
    ...(options.interceptA !== undefined && { intercept: options.interceptA }),
    ...(options.socketA !== undefined && { socket: options.socketA }),
    ...(options.recordA !== undefined && { record: options.recordA }),
  })
  const b = createSpeaker({
    config: configOf({ localAsn: 65002, remoteAsn: 65001, routerId: 0x0a000002, seed: 2 * seed + 1, ...options.b }),
    transport: transportB,
    clock,
    local: undefined,
    remote: at(addressA),
    ...(options.recordB !== undefined && { record: options.recordB }),
  })
  const listen = async (transport: Transport, address: Address, speaker: Speaker): Promise<ListenerEvent[]> => {
    const told: ListenerEvent[] = []
    const remote = speaker === a ? addressB : addressA
    const result = await listenForPeers({
      transport,
      clock,
      at: at(address),
      match: (ends) => (formatAddress(ends.remote.address) === formatAddress(remote) ? speaker.driver : undefined),
      observe: (event) => told.push(event),
    })
    assert.equal(result.kind, 'listening')
    return told
  }
  await listen(transportA, addressA, a)
  const listenerEventsB = await listen(transportB, addressB, b)
  const isUp = (): boolean => a.state() === 'established' && b.state() === 'established'

  return {
    clock,
    network,
    a,
    b,
    addressA,
    addressB,
    listenerEventsB,
    isUp,
    bringUp: () => {
      a.driver.start()
      b.driver.start()
      assert.ok(clock.runUntil(isUp, 600_000), `seed ${seed}: not up: A ${a.state()}, B ${b.state()}`)
    },
    end: async () => {
      const stopped = [a.driver.stop('administrativeShutdown'), b.driver.stop('administrativeShutdown')]
      clock.advance(60_000)
      await Promise.all(stopped)
      assert.equal(network.openEnds(), 0, 'no connection is left')
      assert.equal(clock.pending(), 0, 'no alarm is left')
    },
  }
}
