import type { NotificationMessage, PeerOutput, Role, StateName } from '@holdfast/bgp'
import type { PeerSnapshot } from './driver-types.ts'
import { Traffic } from './wire.ts'

/** How far a connection is; of two, the further one is the peer's state. */
const PROGRESS: Readonly<Record<StateName, number>> = {
  idle: 0,
  active: 1,
  connect: 2,
  openSent: 3,
  openConfirm: 4,
  established: 5,
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Told = Mutable<Omit<PeerSnapshot, 'received' | 'sent' | 'pendingBytes'>>

/** What a driver knows of its peer's past: everything in a snapshot that happened rather than is. */
export class PeerRecord {
  readonly received = new Traffic()
  readonly sent = new Traffic()
  readonly #states: Record<Role, StateName> = { active: 'idle', passive: 'idle' }
  readonly #told: Told

  constructor(nowMs: number) {
    this.#told = {
      state: 'idle',
      sinceMs: nowMs,
      negotiated: undefined,
      lastReason: undefined,
      lastFailure: undefined,
      lastNotification: undefined,
      establishedCount: 0,
      dialCount: 0,
    }
  }

  /** Notes an output of the session machine. */
  note(output: PeerOutput, nowMs: number): void {
    switch (output.kind) {
      case 'dial':
        this.#told.dialCount += 1
        break
      case 'changed':
        this.#changed(output, nowMs)
        break
      case 'established':
        this.#told.establishedCount += 1
        this.#told.negotiated = output.negotiated
        break
      case 'lost':
        this.#told.negotiated = undefined
        this.#told.lastFailure = { atMs: nowMs, reason: output.reason }
        break
      default:
    }
  }

  noteNotification(direction: 'sent' | 'received', notification: NotificationMessage, nowMs: number): void {
    this.#told.lastNotification = { atMs: nowMs, direction, notification }
  }

  /** The session machine was replaced: both connections are Idle. */
  reset(nowMs: number): void {
    this.#states.active = 'idle'
    this.#states.passive = 'idle'
    this.#told.negotiated = undefined
    this.#told.state = 'idle'
    this.#told.sinceMs = nowMs
  }

  snapshot(pendingBytes: number): PeerSnapshot {
    return { ...this.#told, received: this.received.counters(), sent: this.sent.counters(), pendingBytes }
  }

  #changed({ role, from, to, reason }: Extract<PeerOutput, { kind: 'changed' }>, nowMs: number): void {
    this.#states[role] = to
    const { active, passive } = this.#states
    const state = PROGRESS[active] > PROGRESS[passive] ? active : passive
    if (PROGRESS[to] < PROGRESS[from] && state !== 'established') this.#told.lastFailure = { atMs: nowMs, reason }
    if (state === this.#told.state) return
    this.#told.state = state
    this.#told.sinceMs = nowMs
    this.#told.lastReason = reason
  }
}
