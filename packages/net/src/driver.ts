import {
  createPeer,
  encodeMessage,
  inboundRole,
  refusal,
  step,
  type Message,
  type Peer,
  type PeerInput,
  type PeerOutput,
  type Role,
  type Route,
  type StopReason,
} from '@holdfast/bgp'
import type { Alarm } from '@holdfast/runtime'
import { snapshotOf } from './driver-snapshot.ts'
import { SHARE_MS, turnsOf } from './driver-turns.ts'
import type { PeerDriver, PeerDriverOptions, PeerEvent, PeerSnapshot } from './driver-types.ts'
import { PeerConnections, type Fed } from './peer-connections.ts'
import { PeerRecord } from './peer-record.ts'
import { PeerTimers } from './peer-timers.ts'
import { RateLimit } from './rate-limit.ts'
import { Recorder } from './recording-recorder.ts'
import type { Connection, SocketOptions } from './transport.ts'
import { ceaseBytes, rejectConnection, type Wire } from './wire.ts'

/** Messages that a peer may have dealt with before others have their turn. */
const MOST_MESSAGES = 512

/** A bug that shows at once after each start must not become a hot loop. */
const RESTART_MS = 60_000

/** RFC 4271 section 4.5: a Cease that no subcode describes. */
const CEASE_UNSPECIFIC = ceaseBytes(0)

/** Creates the driver of one peer; it does nothing until `start`, except that it can take routes. */
export function createPeerDriver(options: PeerDriverOptions): PeerDriver {
  const driver = new Driver(options)
  return {
    start: () => driver.start(),
    stop: (reason, communication) => driver.stop(reason, communication),
    bfdDown: (message) => driver.bfdDown(message),
    secure: (socket) => driver.secure(socket),
    setRoutes: (routes) => driver.setRoutes(routes),
    accept: (connection) => driver.accept(connection),
    snapshot: () => driver.snapshot(),
  }
}

/** AFI/SAFI whose routes we may have: only a request for these makes the machine send anything. */
const REFRESHABLE: readonly string[] = ['1/1', '2/1']

/** Which requests for all routes are one and the same; undefined: the input is none. */
function refreshKey(input: PeerInput): string | undefined {
  if (input.kind === 'timer') return input.timer === 'refresh' ? 'timer' : undefined
  if (input.kind !== 'received' || input.message.kind !== 'routeRefresh' || input.message.subtype !== 0)
    return undefined
  const family = `${input.message.afi}/${input.message.safi}`
  return REFRESHABLE.includes(family) ? family : undefined
}

class Driver {
  readonly #options: PeerDriverOptions
  readonly #record: PeerRecord
  readonly #recorder: Recorder | undefined
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
  /** Requests for all routes that have to wait, each of them once, and what they came on. */
  readonly #postponed = new Map<string, { readonly fed: Fed; readonly wire: Wire }>()
  #restart: Alarm | undefined
  readonly #share = (untilMs: number): boolean => this.#takeTurn(untilMs)

  constructor(options: PeerDriverOptions) {
    const { clock, config, isRestarting, record } = options
    this.#options = options
    this.#record = new PeerRecord(clock.now())
    this.#recorder = record && new Recorder(record)
    this.#connections = new PeerConnections({
      driver: options,
      traffic: this.#record,
      happened: (input) => this.#do(() => this.#step({ input })),
      woken: () => turnsOf(clock).now(this.#share),
    })
    this.#timers = new PeerTimers({
      clock,
      ring: (role, timer) => this.#do(() => this.#step({ input: { kind: 'timer', role, timer } })),
      unreadOf: (role) => this.#connections.unreadOf(role),
    })
    this.#refusals = new RateLimit(clock)
    this.#peer = this.#createPeer(config, isRestarting)
  }

  start(): void {
    this.#do(() => {
      this.#isStarted = true
      this.#step({ input: { kind: 'start' } })
    })
  }

  stop(reason: StopReason, communication: string | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#do(() => {
        this.#waiting.push(resolve)
        this.#isStarted = false
        this.#restart?.cancel()
        this.#step({ input: { kind: 'stop', reason, ...(communication !== undefined && { communication }) } })
      })
    })
  }

  bfdDown(message: string): void {
    this.#do(() => this.#step({ input: { kind: 'bfdDown', message } }))
  }

  secure(socket: SocketOptions | undefined): void {
    this.#do(() => this.#connections.secure(socket))
  }

  setRoutes(routes: readonly Route[]): void {
    this.#routes = routes
    this.#areRoutesNew = true
    turnsOf(this.#options.clock).now(this.#share)
  }

  accept(connection: Connection): boolean {
    const role = inboundRole(this.#peer)
    if (!this.#connections.has(role) && refusal(this.#peer) === undefined) {
      this.#connections.adopt(role, connection)
      return true
    }
    rejectConnection(connection)
    const suppressed = this.#refusals.admit()
    if (suppressed !== undefined) this.#do(() => this.#tell({ kind: 'refused', remote: connection.remote, suppressed }))
    return false
  }

  snapshot(): PeerSnapshot {
    return snapshotOf({ record: this.#record, connections: this.#connections, timers: this.#timers, peer: this.#peer })
  }

  /**
   * What waits for its turn: received messages, the latest routes, output. Other peers' turns and all timers come between
   * two of these. Returns whether more is left.
   */
  #takeTurn(untilMs: number): boolean {
    if (this.#isBusy) return true
    let messages = 0
    const isOver = (): boolean => {
      messages += 1
      return messages >= MOST_MESSAGES || this.#options.clock.now() >= untilMs
    }
    this.#do(() => {
      for (const fed of this.#connections.read(isOver)) this.#step(fed)
      this.#offerRoutes()
    })
    return this.#hasWork
  }

  get #hasWork(): boolean {
    return this.#connections.hasUnread || this.#connections.canFlush || this.#canOffer
  }

  get #canOffer(): boolean {
    return (this.#areRoutesNew || this.#postponed.size > 0) && !this.#connections.isBehind
  }

  /** Runs a task, or appends it to those that are being run. What goes wrong in it costs this peer alone. */
  #do(task: () => void): void {
    this.#tasks.push(task)
    if (this.#isBusy) return
    this.#isBusy = true
    for (let next = this.#tasks.shift(); next !== undefined; next = this.#tasks.shift()) {
      try {
        next()
        this.#flush()
      } catch (error) {
        this.#crashed(error)
      }
      if (!this.#connections.isClosing) for (const resolve of this.#waiting.splice(0)) resolve()
    }
    this.#isBusy = false
    if (this.#hasWork) turnsOf(this.#options.clock).later(this.#share)
  }

  #flush(): void {
    const untilMs = this.#options.clock.now() + SHARE_MS
    this.#connections.flush(() => this.#options.clock.now() >= untilMs)
  }

  #step({ input, bytes }: Fed): void {
    const key = refreshKey(input)
    if (key !== undefined && 'role' in input && this.#connections.isBehind) {
      const wire = this.#connections.wire(input.role)
      this.#postponed.set(key, { fed: { input, bytes: bytes?.slice() }, wire })
      return
    }
    const nowMs = this.#options.clock.now()
    if (input.kind === 'received') this.#note('received', input.role, input.message)
    this.#recorder?.input(input, bytes, nowMs)
    const { peer, outputs } = step(this.#peer, input, nowMs)
    this.#peer = peer
    for (const output of outputs) {
      this.#record.note(output, nowMs)
      if (output.kind === 'send') {
        this.#send(output.role, output.message, nowMs)
      } else {
        this.#recorder?.did(output, nowMs)
        this.#perform(output)
      }
    }
  }

  #send(role: Role, message: Message, nowMs: number): void {
    const wire = this.#connections.wire(role)
    // Else it is encoded when its turn comes: a whole table of routes with their own attributes takes a second.
    const bytes = this.#recorder && encodeMessage(message, wire.context)
    if (bytes !== undefined) this.#recorder?.sent(role, bytes, nowMs)
    wire.write(message, bytes)
    this.#note('sent', role, message)
  }

  #perform(output: Exclude<PeerOutput, { kind: 'send' }>): void {
    switch (output.kind) {
      case 'dial':
        this.#connections.dial()
        break
      case 'hangUp':
        if (output.isAbrupt === true) this.#connections.abort(output.role)
        else this.#connections.hangUp(output.role)
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
      case 'established':
        this.#connections.startSendHold(output.role, output.negotiated.sendHoldSeconds * 1000)
        this.#tell(output)
        break
      default:
        this.#tell(output)
    }
  }

  #note(direction: 'sent' | 'received', role: Role, message: Message): void {
    this.#record.noteMessage(direction, message, this.#options.clock.now())
    if (message.kind === 'notification') this.#tell({ kind: 'notification', direction, role, notification: message })
  }

  #tell(event: PeerEvent): void {
    this.#options.observe(event)
  }

  /**
   * Gives the machine the latest routes and what was postponed, unless the peer is behind with what it was sent before: one
   * that takes nothing and asks for everything again and again would make what waits for it grow without end.
   */
  #offerRoutes(): void {
    if (!this.#canOffer) return
    const postponed = [...this.#postponed.values()]
    this.#postponed.clear()
    for (const { fed, wire } of postponed) if (this.#connections.isOpen(wire)) this.#step(fed)
    if (!this.#areRoutesNew || this.#connections.isBehind) return
    this.#areRoutesNew = false
    this.#step({ input: { kind: 'desire', routes: this.#routes } })
  }

  #createPeer(config: PeerDriverOptions['config'], isRestarting: boolean): Peer {
    const nowMs = this.#options.clock.now()
    this.#recorder?.created(config, isRestarting, nowMs)
    return createPeer(config, nowMs, { isRestarting })
  }

  /** Ends everything that the machine began, and begins with a new one: the old one's state can be anything. */
  #crashed(error: unknown): void {
    const { clock, config } = this.#options
    this.#recorder?.crashed(error, clock.now())
    this.#connections.abandon(CEASE_UNSPECIFIC)
    this.#timers.clear()
    this.#postponed.clear()
    // The new machine knows nothing of the routes that the peer has: to the peer that is a restart (RFC 4724 section 3).
    this.#peer = this.#createPeer(config, true)
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
