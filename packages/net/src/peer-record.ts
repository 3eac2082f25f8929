import type { Message, NotificationMessage, PeerOutput, Role, StateName, UpdateMessage } from '@holdfast/bgp'
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

/** How far a state is on the way to Established: of two states, the one with the greater number is further. */
export const progressOf = (state: StateName): number => PROGRESS[state]

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Told = Mutable<
  Pick<
    PeerSnapshot,
    | 'state'
    | 'sinceMs'
    | 'negotiated'
    | 'lastReason'
    | 'lastFailure'
    | 'lastNotification'
    | 'establishedCount'
    | 'dialCount'
    | 'offered'
    | 'lastReceivedMs'
    | 'lastSentMs'
    | 'updateFaults'
    | 'endOfRibReceived'
  >
>

/** One UPDATE can have a fault for every third of its 65,535 octets: so much of them is told. */
const MOST_FAULT_TEXT = 400

const NO_FAULTS: PeerSnapshot['updateFaults'] = { count: 0, latest: undefined }

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
      offered: { local: undefined, peer: undefined },
      lastReceivedMs: undefined,
      lastSentMs: undefined,
      updateFaults: NO_FAULTS,
      endOfRibReceived: [],
    }
  }

  /** Whose connection the peer's state is about: the further one. */
  get role(): Role {
    const { active, passive } = this.#states
    return PROGRESS[active] > PROGRESS[passive] ? 'active' : 'passive'
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
        this.#told.updateFaults = NO_FAULTS
        this.#told.endOfRibReceived = []
        break
      case 'lost':
        this.#told.negotiated = undefined
        this.#told.lastFailure = { atMs: nowMs, reason: output.reason }
        break
      case 'learned':
        this.#learned(output.update)
        break
      default:
    }
  }

  /** Notes a message that came or goes. */
  noteMessage(direction: 'sent' | 'received', message: Message, nowMs: number): void {
    this.#told[direction === 'sent' ? 'lastSentMs' : 'lastReceivedMs'] = nowMs
    if (message.kind === 'notification') this.#noteNotification(direction, message, nowMs)
    if (message.kind !== 'open') return
    const end = direction === 'sent' ? 'local' : 'peer'
    this.#told.offered = { ...this.#told.offered, [end]: message }
  }

  /** The session machine was replaced: both connections are Idle. */
  reset(nowMs: number): void {
    this.#states.active = 'idle'
    this.#states.passive = 'idle'
    this.#told.negotiated = undefined
    this.#told.state = 'idle'
    this.#told.sinceMs = nowMs
  }

  told(): Readonly<Told> & Pick<PeerSnapshot, 'received' | 'sent'> {
    return { ...this.#told, received: this.received.counters(), sent: this.sent.counters() }
  }

  #noteNotification(direction: 'sent' | 'received', notification: NotificationMessage, nowMs: number): void {
    this.#told.lastNotification = { atMs: nowMs, direction, notification }
  }

  #learned({ faults, endOfRib }: UpdateMessage): void {
    if (faults.length > 0) {
      this.#told.updateFaults = { count: this.#told.updateFaults.count + 1, latest: faultText(faults) }
    }
    if (endOfRib !== undefined && !this.#told.endOfRibReceived.includes(endOfRib)) {
      this.#told.endOfRibReceived = [...this.#told.endOfRibReceived, endOfRib]
    }
  }

  #changed({ role, from, to, reason }: Extract<PeerOutput, { kind: 'changed' }>, nowMs: number): void {
    this.#states[role] = to
    const state = this.#states[this.role]
    if (PROGRESS[to] < PROGRESS[from] && state !== 'established') this.#told.lastFailure = { atMs: nowMs, reason }
    if (state === this.#told.state) return
    this.#told.state = state
    this.#told.sinceMs = nowMs
    this.#told.lastReason = reason
  }
}

/** The first faults as far as there is room, and how many there are beside them. */
function faultText(faults: UpdateMessage['faults']): string {
  let text = ''
  for (const [index, { message }] of faults.entries()) {
    const next = index === 0 ? message : `${text}; ${message}`
    if (next.length > MOST_FAULT_TEXT && index > 0) return `${text}; … and ${faults.length - index} more`
    text = next.length > MOST_FAULT_TEXT ? `${next.slice(0, MOST_FAULT_TEXT)}…` : next
  }
  return text
}
