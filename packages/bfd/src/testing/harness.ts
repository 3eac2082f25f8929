import assert from 'node:assert/strict'
import { decodeControlPacket } from '../codec.ts'
import type { ControlPacket } from '../packet.ts'
import type { Session, SessionInput, SessionOutput, TimerName } from '../session.ts'
import { createSession, step } from '../step.ts'
import type { BfdConfig } from '../types.ts'

export const config: BfdConfig = {
  transmitIntervalMs: 300,
  receiveIntervalMs: 300,
  detectMultiplier: 3,
  isPassive: false,
  echoReceiveIntervalMs: undefined,
  isMultihop: false,
  minimumTtl: 254,
}

export const ours = 0x11111111
export const theirs = 0x22222222

/** A packet of a peer that has nothing to say yet. */
export const packetOf = (change: Partial<ControlPacket> = {}): ControlPacket => ({
  diagnostic: 0,
  state: 'down',
  isPoll: false,
  isFinal: false,
  isControlPlaneIndependent: false,
  isAuthenticated: false,
  isDemand: false,
  detectMultiplier: 3,
  myDiscriminator: theirs,
  yourDiscriminator: ours,
  desiredMinTxUs: 300_000,
  requiredMinRxUs: 300_000,
  requiredMinEchoRxUs: 0,
  ...change,
})

/** Drives one session by hand: what it puts out is kept, and timers ring when they are told to. */
export class Driven {
  session: Session
  nowMs = 0
  outputs: readonly SessionOutput[] = []

  constructor(change: Partial<BfdConfig> = {}, seed = 1) {
    this.session = createSession({ ...config, ...change }, { discriminator: ours, seed }, 0)
  }

  static started(change: Partial<BfdConfig> = {}, seed = 1): Driven {
    const driven = new Driven(change, seed)
    driven.feed({ kind: 'start' })
    return driven
  }

  /** Up with a peer of the same intervals; the Poll Sequence that follows is over. */
  static up(change: Partial<BfdConfig> = {}, peer: Partial<ControlPacket> = {}): Driven {
    const driven = Driven.started(change)
    driven.ring('transmit')
    driven.receive({ yourDiscriminator: 0, ...peer })
    driven.receive({ state: 'init', ...peer })
    assert.equal(driven.session.state, 'up')
    driven.receive({ state: 'up', isFinal: true, ...peer })
    driven.receive({ state: 'up', ...peer })
    return driven
  }

  feed(input: SessionInput, afterMs = 0): readonly SessionOutput[] {
    this.nowMs += afterMs
    const result = step(this.session, input, this.nowMs)
    this.session = result.session
    this.outputs = result.outputs
    return result.outputs
  }

  receive(change: Partial<ControlPacket>, afterMs = 0): readonly SessionOutput[] {
    return this.feed({ kind: 'received', packet: packetOf(change) }, afterMs)
  }

  /** As a driver does it with the payload of a datagram. */
  receiveBytes(bytes: Uint8Array): readonly SessionOutput[] {
    const decoded = decodeControlPacket(bytes)
    return this.feed(
      decoded.kind === 'packet'
        ? { kind: 'received', packet: decoded.packet }
        : { kind: 'refused', cause: decoded.cause },
    )
  }

  ring(timer: TimerName, afterMs = 0): readonly SessionOutput[] {
    return this.feed({ kind: 'timer', timer }, afterMs)
  }

  configure(change: Partial<BfdConfig>): readonly SessionOutput[] {
    return this.feed({ kind: 'configure', config: { ...this.session.config, ...change } })
  }

  /** What the last input made it send. */
  get sent(): readonly ControlPacket[] {
    return this.outputs.flatMap((output) => (output.kind === 'send' ? [output.packet] : []))
  }

  /** What the last input armed the timer for; undefined: it did not. */
  armed(timer: TimerName): number | undefined {
    return this.outputs.flatMap((output) => (output.kind === 'arm' && output.timer === timer ? [output.ms] : [])).at(-1)
  }

  get isDisarmed(): readonly TimerName[] {
    return this.outputs.flatMap((output) => (output.kind === 'disarm' ? [output.timer] : []))
  }
}
