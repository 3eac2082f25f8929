import type { Intervals, Millis, Session } from './session.ts'
import type { BfdConfig } from './types.ts'

/** Nothing that a profile or a peer asks for makes us send, or expect, packets more often than this. */
const shortestIntervalMs: Millis = 10

/** The field of a packet holds no more (2^32 - 1 microseconds). */
const longestIntervalMs: Millis = 4_294_967

/** RFC 5880 section 6.8.3: for as long as a session is not Up. */
const slowTransmitMs: Millis = 1000

/** A configuration inside the limits of packet and processor; what is no number becomes the shortest interval. */
export function clampConfig(config: BfdConfig): BfdConfig {
  const { echoReceiveIntervalMs: echoMs } = config
  return {
    ...config,
    transmitIntervalMs: clamp(config.transmitIntervalMs, shortestIntervalMs, longestIntervalMs),
    receiveIntervalMs: clamp(config.receiveIntervalMs, shortestIntervalMs, longestIntervalMs),
    detectMultiplier: Math.floor(clamp(config.detectMultiplier, 1, 255)),
    // RFC 5883 section 3: there is no Echo function over several hops.
    echoReceiveIntervalMs:
      echoMs === undefined || config.isMultihop ? undefined : clamp(echoMs, shortestIntervalMs, longestIntervalMs),
  }
}

const clamp = (value: number, least: number, most: number): number => (value >= least ? Math.min(value, most) : least)

/** The values that we advertise now: RFC 5880 section 6.8.3 wants a slow start while the session is not Up. */
export const advertised = ({ config, state }: Pick<Session, 'config' | 'state'>): Intervals => ({
  transmitMs: state === 'up' ? config.transmitIntervalMs : Math.max(config.transmitIntervalMs, slowTransmitMs),
  receiveMs: config.receiveIntervalMs,
})

/**
 * RFC 5880 section 6.8.3: while the session is Up, a longer transmit interval and a shorter receive interval wait until the
 * peer has confirmed them; everything else counts at once.
 */
export function inForceAfter(before: Intervals, wanted: Intervals, isUp: boolean): Intervals {
  if (!isUp) return wanted
  return {
    transmitMs: Math.min(before.transmitMs, wanted.transmitMs),
    receiveMs: Math.max(before.receiveMs, wanted.receiveMs),
  }
}

/** The interval that we send at, before jitter: RFC 5880 section 6.8.7. */
export const transmitInterval = ({ inForce, remote }: Pick<Session, 'inForce' | 'remote'>): Millis =>
  Math.max(inForce.transmitMs, remote?.requiredMinRxMs ?? 0)

/** The silence that ends a session: RFC 5880 section 6.8.4. undefined: there is no peer yet. */
export const detectionTime = ({ inForce, remote }: Pick<Session, 'inForce' | 'remote'>): Millis | undefined =>
  remote === undefined ? undefined : remote.detectMultiplier * Math.max(inForce.receiveMs, remote.desiredMinTxMs)

/** How long the peer waits for our packets before it gives the session up, as far as we can know. */
export const peerDetectionTime = (session: Session): Millis =>
  session.config.detectMultiplier * transmitInterval(session)
