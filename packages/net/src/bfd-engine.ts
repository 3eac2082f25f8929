import {
  createSession,
  decodeControlPacket,
  describeChange,
  encodeControlPacket,
  isPathFailure,
  snapshotOf,
  step,
  type BfdConfig,
  type BfdSnapshot,
  type Session,
  type SessionInput,
  type SessionOutput,
  type TimerName,
} from '@holdfast/bfd'
import type { Alarm, Clock } from '@holdfast/runtime'
import { EchoBudget } from './bfd-echo.ts'
import { describeObstacle } from './bfd-obstacle.ts'
import { BfdReceivers, type Received } from './bfd-receivers.ts'
import type { BfdEvent, BfdSessionOptions } from './bfd-service.ts'
import type { BfdSender, BfdSockets } from './bfd-socket.ts'

export interface BfdEngineOptions {
  readonly clock: Clock
  readonly sockets: BfdSockets
  /** A random unsigned 32-bit number that nobody can guess. */
  readonly random: () => number
  /** Runs a call after what has already arrived was read. */
  readonly afterReading: (run: () => void) => void
  readonly observe: (id: number, event: BfdEvent) => void
}

/** How often a session that cannot run is tried again. */
const retryMs = 1000

/** How long the peers may take to confirm that they know of our end. */
const longestGoodbyeMs = 2500

/** Performs what the session machines ask for: all of BFD in one thread, on whatever clock and sockets it is given. */
export class BfdEngine {
  readonly #options: BfdEngineOptions
  readonly #entries = new Map<number, Entry>()
  readonly #receivers: BfdReceivers<Entry>
  #housekeeping: Alarm | undefined

  constructor(options: BfdEngineOptions) {
    this.#options = options
    this.#receivers = new BfdReceivers(options, (received) => this.#receive(received))
  }

  open(id: number, options: BfdSessionOptions): void {
    for (const other of this.#entries.values()) if (isSamePeer(other.options, options)) this.#replace(other)
    const entry = this.#createEntry(id, options)
    this.#entries.set(id, entry)
    this.#begin(entry)
    this.#housekeeping ??= this.#options.clock.after(retryMs, () => this.#keepHouse())
  }

  configure(id: number, config: BfdConfig): void {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.isClosing) return
    const before = entry.options
    const options = { ...before, config }
    if (config.isMultihop !== before.config.isMultihop) {
      const from = entry.session.state
      this.#replace(entry)
      this.open(id, options)
      const message = 'single-hop and multihop are different sessions: a new one begins'
      this.#options.observe(id, { from, to: 'down', isFailure: false, message })
      return
    }
    entry.options = options
    this.#feed(entry, { kind: 'configure', config })
    this.#guard(entry, () => this.#receivers.update(entry))
  }

  /** Ends the session with AdminDown. */
  close(id: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.isClosing) return
    entry.isClosing = true
    this.#feed(entry, { kind: 'stop' })
  }

  /** undefined: there is no such session any more. */
  snapshot(id: number): BfdSnapshot | undefined {
    const entry = this.#entries.get(id)
    return entry === undefined ? undefined : this.#snapshot(entry)
  }

  snapshots(): readonly { readonly id: number; readonly snapshot: BfdSnapshot }[] {
    return [...this.#entries.values()].map((entry) => ({ id: entry.id, snapshot: this.#snapshot(entry) }))
  }

  /** Ends all sessions with AdminDown; `done` is called when the peers know, or have had time to. */
  stop(done: () => void): void {
    const { clock } = this.#options
    const finish = (): void => {
      limit.cancel()
      this.#whenEmpty = () => undefined
      for (const entry of this.#entries.values()) this.#dispose(entry)
      this.#housekeeping?.cancel()
      done()
    }
    const limit = clock.after(longestGoodbyeMs, finish)
    for (const { id } of [...this.#entries.values()]) this.close(id)
    if (this.#entries.size === 0) finish()
    else this.#whenEmpty = finish
  }

  #whenEmpty: () => void = () => undefined

  #createEntry(id: number, options: BfdSessionOptions): Entry {
    const { clock, random } = this.#options
    const draws = { discriminator: this.#drawDiscriminator(), seed: random() }
    return {
      id,
      options,
      session: createSession(options.config, draws, clock.now()),
      alarms: new Map(),
      echo: new EchoBudget(clock),
      sender: undefined,
      deviceIndex: 0,
      obstacle: undefined,
      isClosing: false,
    }
  }

  /** RFC 5880 section 6.3: unique among our sessions, and not 0. */
  #drawDiscriminator(): number {
    for (;;) {
      const drawn = this.#options.random() >>> 0
      const isTaken = [...this.#entries.values()].some(({ session }) => session.localDiscriminator === drawn)
      if (drawn !== 0 && !isTaken) return drawn
    }
  }

  /** Opens what the session needs; where that fails, housekeeping tries again. */
  #begin(entry: Entry): void {
    const { sockets } = this.#options
    this.#guard(entry, () => {
      const { device } = entry.options
      entry.deviceIndex = device === undefined ? 0 : sockets.deviceIndex(device)
      this.#receivers.update(entry)
      entry.sender ??= sockets.openSender({ ...entry.options, isMultihop: entry.options.config.isMultihop })
      this.#feed(entry, { kind: 'start' })
    })
  }

  /** What the system refuses becomes the session's obstacle. */
  #guard(entry: Entry, run: () => void): void {
    try {
      entry.obstacle = undefined
      run()
    } catch (error) {
      entry.obstacle = describeObstacle(error, entry.options)
    }
  }

  /** Tries what did not work before, and notices a device that went, or came again under another number. */
  #keepHouse(): void {
    const { clock, sockets } = this.#options
    this.#housekeeping = clock.after(retryMs, () => this.#keepHouse())
    for (const entry of this.#entries.values()) {
      const { device } = entry.options
      if (device !== undefined && sockets.deviceIndex(device) !== entry.deviceIndex) {
        entry.sender?.close()
        entry.sender = undefined
      }
      if (entry.sender === undefined) this.#begin(entry)
    }
  }

  #receive({ entry, bytes, source, port, reflect }: Received<Entry>): void {
    if (port !== 'echo') {
      const decoded = decodeControlPacket(bytes)
      if (decoded.kind === 'packet') this.#feed(entry, { kind: 'received', packet: decoded.packet })
      else this.#feed(entry, { kind: 'refused', cause: decoded.cause })
      return
    }
    const intervalMs = entry.session.config.echoReceiveIntervalMs
    if (entry.session.state !== 'up' || intervalMs === undefined || !entry.echo.admit(bytes, intervalMs)) return
    this.#guardSending(entry, () => reflect(bytes, entry.options.remote, source))
  }

  #feed(entry: Entry, input: SessionInput): void {
    const { session, outputs } = step(entry.session, input, this.#options.clock.now())
    entry.session = session
    for (const output of outputs) this.#perform(entry, output)
  }

  #perform(entry: Entry, output: SessionOutput): void {
    switch (output.kind) {
      case 'send':
        this.#guardSending(entry, () => entry.sender?.send(encodeControlPacket(output.packet)))
        break
      case 'arm':
        this.#arm(entry, output.timer, output.ms)
        break
      case 'disarm':
        disarm(entry, output.timer)
        break
      case 'changed':
        this.#options.observe(entry.id, {
          from: output.from,
          to: output.to,
          isFailure: isPathFailure(output.from, output.reason),
          message: describeChange(output.reason),
        })
        break
      case 'dropped':
        this.#receivers.countUnwanted(entry)
        break
      case 'ended':
        this.#dispose(entry)
        break
    }
  }

  #guardSending(entry: Entry, run: () => void): void {
    if (entry.sender === undefined) return
    this.#guard(entry, run)
  }

  /**
   * A thread that did not run for a while finds the Detection Time over and the peer's packets waiting in the socket: they are
   * read first, and put the end off.
   */
  #arm(entry: Entry, timer: TimerName, ms: number): void {
    disarm(entry, timer)
    const ring = (): void => {
      if (entry.alarms.get(timer) !== alarm) return
      entry.alarms.delete(timer)
      this.#feed(entry, { kind: 'timer', timer })
    }
    const { clock, afterReading } = this.#options
    const alarm = clock.after(ms, timer === 'detect' ? () => afterReading(ring) : ring)
    entry.alarms.set(timer, alarm)
  }

  #replace(entry: Entry): void {
    this.#feed(entry, { kind: 'stop' })
    this.#dispose(entry)
  }

  #dispose(entry: Entry): void {
    for (const timer of [...entry.alarms.keys()]) disarm(entry, timer)
    entry.sender?.close()
    entry.sender = undefined
    this.#receivers.remove(entry)
    if (this.#entries.get(entry.id) !== entry) return
    this.#entries.delete(entry.id)
    if (this.#entries.size === 0) this.#whenEmpty()
  }

  #snapshot(entry: Entry): BfdSnapshot {
    const snapshot = snapshotOf(entry.session)
    const dropped: Record<string, number> = { ...snapshot.counters.dropped }
    const filteredByKernel = this.#receivers.droppedCount(entry)
    if (filteredByKernel > 0) dropped['filteredByKernel'] = filteredByKernel
    const tooMany = this.#receivers.tooManyCount(entry)
    if (tooMany > 0) dropped['tooMany'] = tooMany
    return { ...snapshot, counters: { ...snapshot.counters, dropped }, obstacle: entry.obstacle }
  }
}

/** A session of the engine. */
interface Entry {
  readonly id: number
  options: BfdSessionOptions
  session: Session
  readonly alarms: Map<TimerName, Alarm>
  readonly echo: EchoBudget
  sender: BfdSender | undefined
  /** 0: the session has no device, or there is none of its name. */
  deviceIndex: number
  obstacle: string | undefined
  isClosing: boolean
}

function disarm(entry: Entry, timer: TimerName): void {
  entry.alarms.get(timer)?.cancel()
  entry.alarms.delete(timer)
}

const isSamePeer = (one: BfdSessionOptions, other: BfdSessionOptions): boolean =>
  one.remote.family === other.remote.family &&
  one.remote.value === other.remote.value &&
  one.device === other.device &&
  one.config.isMultihop === other.config.isMultihop
