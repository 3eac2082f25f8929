import { plainSession, type PeerConfig, type Route, type RouteAttributes } from '@holdfast/bgp'
import { hostPrefix, ipv4 } from '@holdfast/ip'
import type { Clock } from '@holdfast/runtime'
import { createPeerDriver } from './driver.ts'
import type { PeerDriver, PeerEvent } from './driver-types.ts'
import { listenForPeers } from './listener.ts'
import type { Endpoint, Transport } from './transport.ts'

export interface RehearsalOptions {
  readonly transport: Transport
  readonly clock: Clock
  /** How many sessions, one after another. */
  readonly rounds: number
}

/** 127.0.0.1: what is rehearsed never leaves the host. */
const LOOPBACK = ipv4(0x7f000001)

/** A session with oneself takes some milliseconds. Where it cannot be had (no loopback device, a filter), it is no loss. */
const LIMIT_MS = 500

/** One object, as an announcement's routes share theirs. */
const ATTRIBUTES: RouteAttributes = {
  origin: 'igp',
  localPref: undefined,
  med: undefined,
  communities: [0xfc000001],
  largeCommunities: [],
  extendedCommunities: [],
  prepend: 0,
  nextHop: undefined,
}

/** All of TEST-NET-1 (RFC 5737), so that they cannot be taken for anybody's. */
const ROUTES: readonly Route[] = Array.from({ length: 256 }, (_, index) => ({
  prefix: hostPrefix(ipv4(0xc0000200 + index)),
  attributes: ATTRIBUTES,
}))

/** An ordinary session, between private ASes (RFC 6996). */
const SPEAKER: PeerConfig = { ...plainSession, localAsn: 64512, remoteAsn: 64513, routerId: 1, isPassive: true }
const ROUTER: PeerConfig = { ...plainSession, localAsn: 64513, remoteAsn: 64512, routerId: 2 }

/**
 * Holds sessions with ourselves over loopback, with routes that nobody else sees: V8 compiles a function when it is first
 * called, and what a session calls, some 300 functions here and in Node, costs the first one more time than all else.
 * Resolves when everything is closed again: with how many sessions came to their end, each within half a second.
 */
export async function rehearseSessions({ rounds, ...surroundings }: RehearsalOptions): Promise<number> {
  for (let round = 0; round < rounds; round += 1) if (!(await rehearse(surroundings))) return round
  return rounds
}

type Surroundings = Omit<RehearsalOptions, 'rounds'>

/** One session, from the dial to the NOTIFICATION. */
async function rehearse(surroundings: Surroundings): Promise<boolean> {
  const { transport, clock } = surroundings
  const at = { address: LOOPBACK, port: 0 }
  const speaker = driverOf(SPEAKER, at, surroundings)
  const listening = await listenForPeers({ transport, clock, at, match: () => speaker, observe: () => undefined })
  if (listening.kind === 'failed') return false
  const { listener } = listening
  speaker.setRoutes(ROUTES)
  speaker.start()
  const isComplete = await hear(listener.local, surroundings)
  await speaker.stop('administrativeShutdown')
  listener.stop()
  return isComplete
}

/** Dials the speaker and waits for the end of its routes; false: they did not come in time. */
async function hear(at: Endpoint, surroundings: Surroundings): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const router = driverOf(ROUTER, at, surroundings, (event) => {
    if (event.kind === 'learned' && event.update.endOfRib === 'ipv6') resolve(true)
  })
  const limit = surroundings.clock.after(LIMIT_MS, () => resolve(false))
  router.start()
  const isComplete = await promise
  limit.cancel()
  await router.stop('administrativeShutdown')
  return isComplete
}

function driverOf(
  config: PeerConfig,
  remote: Endpoint,
  { transport, clock }: Surroundings,
  observe: (event: PeerEvent) => void = () => undefined,
): PeerDriver {
  const local = { address: LOOPBACK, port: 0 }
  const options = { local, socket: undefined, isRestarting: false, record: undefined }
  return createPeerDriver({ config, remote, transport, clock, observe, ...options })
}
