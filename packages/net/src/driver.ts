import {
  createPeer,
  refusal,
  step,
  type CeaseReason,
  type Message,
  type Peer,
  type PeerInput,
  type PeerOutput,
  type Role,
  type Route,
} from '@holdfast/bgp'
import type { Alarm } from '@holdfast/runtime'
import type { PeerDriver, PeerDriverOptions, PeerEvent, PeerSnapshot } from './driver-types.ts'
import { PeerConnections } from './peer-connections.ts'
import { PeerRecord } from './peer-record.ts'
import { PeerTimers } from './peer-timers.ts'
import { RateLimit } from './rate-limit.ts'
import type { Connection } from './transport.ts'
import { ceaseBytes, rejectConnection } from './wire.ts'

/** With this much pending, a peer that takes nothing gets no more: only the latest routes count once it does again. */
const MOST_PENDING_BYTES = 1_048_576

/** A bug that shows at once after each start must not become a hot loop. */
const RESTART_MS = 60_000

/** RFC 4271 section 4.5: a Cease that no subcode describes. */
const CEASE_UNSPECIFIC = ceaseBytes(0)

/** Creates the driver of one peer; it does nothing until `start`, except that it can take routes. */
export function createPeerDriver(options: PeerDriverOptions): PeerDriver {
  const driver = new Driver(options)
  return {
    start: () => driver.start(),
    stop: (reason) => driver.stop(reason),
    setRoutes: (routes) => driver.setRoutes(routes),
    accept: (connection) => driver.accept(connection),
    snapshot: () => driver.snapshot(),
  }
}

/** What makes the machine send all its routes anew. */
type RefreshInput = Extract<PeerInput, { kind: 'received' | 'timer' }>

const asksForEverything = (input: PeerInput): input is RefreshInput =>
  (input.kind === 'received' && input.message.kind === 'routeRefresh') ||
  (input.kind === 'timer' && input.timer === 'refresh')

class Driver {
  readonly #options: PeerDriverOptions
  readonly #record: PeerRecord
  readonly #timers: PeerTimers
  readonly #connections: PeerConnections
  readonly #refusals: RateLimit
  #peer: Peer
  #isStarted = false
  /** What is to be done, in order: a step is never begun inside another one. */
  readonly #tasks: (() => void)[] = []
  #isBusy = false
  #routes: readonly Route[] = []
  /** The machine does not have `#routes` yet. */
  #areRoutesNew = false
  /** Who waits until what was hung up is closed. */
  readonly #waiting: (() => void)[] = []
  readonly #postponed = new Map<string, RefreshInput>()
  #restart: Alarm | undefined

  constructor(options: PeerDriverOptions) {
    const { clock, config } = options
    this.#options = options
    this.#record = new PeerRecord(clock.now())
    this.#timers = new PeerTimers(clock, (role, timer) => this.#do(() => this.#step({ kind: 'timer', role, timer })))
    this.#connections = new PeerConnections({
      driver: options,
      traffic: this.#record,
      happened: (inputs) =>
        this.#do(() => {
          for (const input of inputs()) this.#step(input)
        }),
    })
    this.#refusals = new RateLimit(clock)
    this.#peer = createPeer(config, clock.now())
  }

  start(): void {
    this.#do(() => {
      this.#isStarted = true
      this.#step({ kind: 'start' })
    })
  }

  stop(reason: CeaseReason): Promise<void> {
    return new Promise((resolve) => {
      this.#do(() => {
        this.#waiting.push(resolve)
        this.#isStarted = false
        this.#restart?.cancel()
        this.#step({ kind: 'stop', reason })
      })
    })
  }

  setRoutes(routes: readonly Route[]): void {
    this.#do(() => {
      this.#routes = routes
      this.#areRoutesNew = true
    })
  }

  accept(connection: Connection): boolean {
    if (!this.#connections.has('passive') && refusal(this.#peer) === undefined) {
      this.#connections.adopt('passive', connection)
      return true
    }
    rejectConnection(connection)
    const suppressed = this.#refusals.admit()
    if (suppressed !== undefined) this.#do(() => this.#tell({ kind: 'refused', remote: connection.remote, suppressed }))
    return false
  }

  snapshot(): PeerSnapshot {
    return this.#record.snapshot(this.#connections.pendingBytes())
  }

  /** Runs a task, or appends it to those that are being run. What goes wrong in it costs this peer alone. */
  #do(task: () => void): void {
    this.#tasks.push(task)
    if (this.#isBusy) return
    this.#isBusy = true
    for (let next = this.#tasks.shift(); next !== undefined; next = this.#tasks.shift()) {
      try {
        next()
        this.#offerRoutes()
        this.#connections.flush()
      } catch (error) {
        this.#crashed(error)
      }
      if (!this.#connections.isClosing) for (const resolve of this.#waiting.splice(0)) resolve()
    }
    this.#isBusy = false
  }

  #step(input: PeerInput): void {
    if (asksForEverything(input) && this.#connections.pendingBytes() > MOST_PENDING_BYTES) {
      this.#postponed.set(JSON.stringify(input), input)
      return
    }
    const nowMs = this.#options.clock.now()
    if (input.kind === 'received') this.#noteNotification('received', input.role, input.message)
    const { peer, outputs } = step(this.#peer, input, nowMs)
    this.#peer = peer
    for (const output of outputs) {
      this.#record.note(output, nowMs)
      this.#perform(output)
    }
  }

  #perform(output: PeerOutput): void {
    switch (output.kind) {
      case 'dial':
        this.#connections.dial()
        break
      case 'hangUp':
        this.#connections.hangUp(output.role)
        break
      case 'send':
        this.#connections.wire(output.role).write(output.message)
        this.#noteNotification('sent', output.role, output.message)
        break
      case 'codec':
        this.#connections.wire(output.role).context = output.context
        break
      case 'arm':
        this.#timers.arm(output.role, output.timer, output.ms)
        break
      case 'disarm':
        this.#timers.disarm(output.role, output.timer)
        break
      default:
        this.#tell(output)
    }
  }

  #noteNotification(direction: 'sent' | 'received', role: Role, message: Message): void {
    if (message.kind !== 'notification') return
    this.#record.noteNotification(direction, message, this.#options.clock.now())
    this.#tell({ kind: 'notification', direction, role, notification: message })
  }

  #tell(event: PeerEvent): void {
    this.#options.observe(event)
  }

  /**
   * Gives the machine the latest routes and what was postponed, unless the peer is far behind with what it was sent before:
   * one that takes nothing and asks for everything again and again would make what waits for it grow without end.
   */
  #offerRoutes(): void {
    if (this.#connections.pendingBytes() > MOST_PENDING_BYTES) return
    const postponed = [...this.#postponed.values()]
    this.#postponed.clear()
    for (const input of postponed) if (this.#connections.has(input.role)) this.#step(input)
    if (!this.#areRoutesNew) return
    this.#areRoutesNew = false
    this.#step({ kind: 'desire', routes: this.#routes })
  }

  /** Ends everything that the machine began, and begins with a new one: the old one's state can be anything. */
  #crashed(error: unknown): void {
    const { clock, config } = this.#options
    this.#connections.abandon(CEASE_UNSPECIFIC)
    this.#timers.clear()
    this.#postponed.clear()
    this.#peer = createPeer(config, clock.now())
    this.#record.reset(clock.now())
    this.#areRoutesNew = true
    this.#restart?.cancel()
    if (this.#isStarted) this.#restart = clock.after(RESTART_MS, () => this.start())
    try {
      this.#tell({ kind: 'crashed', error, restartMs: this.#isStarted ? RESTART_MS : undefined })
    } catch (observerError) {
      process.emitWarning(observerError instanceof Error ? observerError : String(observerError))
    }
  }
}
