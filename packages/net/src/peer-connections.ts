import type { PeerInput, Role } from '@holdfast/bgp'
import type { Alarm } from '@holdfast/runtime'
import type { PeerDriverOptions } from './driver-types.ts'
import { SendHold } from './peer-send-hold.ts'
import type { Connection, DialResult, Endpoint, SocketOptions, Stoppable } from './transport.ts'
import { Wire, type Traffic } from './wire.ts'

/** A packet that was lost is better sent anew than waited for: the kernel's own repeats come ever more seldom. */
const LONGEST_DIAL_MS = 10_000

/** How long a connection that we close may take to deliver our NOTIFICATION. */
const LINGER_MS = 1000

/** An ordinary connection. */
const NO_OPTIONS: SocketOptions = {
  md5Password: undefined,
  tcpAo: undefined,
  ttl: undefined,
  minimumTtl: undefined,
  device: undefined,
}

/** What the session machine is to be told; `bytes`: the message that it comes from. */
export interface Fed {
  readonly input: PeerInput
  readonly bytes?: Uint8Array | undefined
}

export interface PeerConnectionsOptions {
  readonly driver: PeerDriverOptions
  readonly traffic: { readonly received: Traffic; readonly sent: Traffic }
  /** Called when something happened that the session machine is to be told at once. */
  readonly happened: (input: PeerInput) => void
  /** Called when there is something to `read` or to `flush`, or a connection that was hung up is closed. */
  readonly woken: () => void
}

/** An open connection. */
interface Line {
  readonly wire: Wire
  readonly sendHold: SendHold
}

/** The TCP of one peer: a dial and at most one connection of each role; and those that are being closed. */
export class PeerConnections {
  readonly #options: PeerConnectionsOptions
  readonly #lines = new Map<Role, Line>()
  #dial: Stoppable | undefined
  #socket: SocketOptions | undefined
  /** Hung up and not closed yet. An alarm is set where not everything is handed over. */
  readonly #closing = new Map<Wire, Alarm | undefined>()

  constructor(options: PeerConnectionsOptions) {
    this.#options = options
    this.#socket = options.driver.socket
  }

  /** Whether a connection that was hung up is not closed yet. */
  get isClosing(): boolean {
    return this.#closing.size > 0
  }

  /** Whether there is something to `read`. */
  get hasUnread(): boolean {
    return this.#wires().some((wire) => wire.hasUnread || wire.fault !== undefined)
  }

  /** Whether `flush` would get further now. */
  get canFlush(): boolean {
    return [...this.#wires(), ...this.#closing.keys()].some((wire) => wire.hasUnsent() && !wire.isStuck)
  }

  /** Whether a connection has yet to take what it was sent before: it should not be given whole tables now. */
  get isBehind(): boolean {
    return this.#wires().some((wire) => wire.hasUnsent() || wire.isStuck)
  }

  has(role: Role): boolean {
    return this.#lines.has(role)
  }

  /** Whether it is still one of ours, not hung up and not replaced. */
  isOpen(wire: Wire): boolean {
    return this.#wires().includes(wire)
  }

  /** The open connection of a role: that there is one, the session machine knows. */
  wire(role: Role): Wire {
    return this.#line(role).wire
  }

  ends(role: Role): { readonly local: Endpoint; readonly remote: Endpoint } | undefined {
    const connection = this.#lines.get(role)?.wire.connection
    return connection && { local: connection.local, remote: connection.remote }
  }

  /** Of what a role's connection has received by now: whether some of it is not read yet. */
  unreadOf(role: Role): () => boolean {
    return this.#lines.get(role)?.wire.unreadOfNow() ?? (() => false)
  }

  /** Bytes that the peer has not let the system take yet. */
  pendingBytes(): number {
    return this.#wires().reduce((sum, { connection }) => sum + connection.pendingBytes(), 0)
  }

  /** When a role's SendHoldTimer expires. */
  sendHoldDueMs(role: Role): number | undefined {
    return this.#lines.get(role)?.sendHold.dueMs
  }

  /** RFC 9687 section 4.3: from Established on. */
  startSendHold(role: Role, sendHoldMs: number): void {
    this.#line(role).sendHold.start(sendHoldMs)
  }

  /** Begins a dial; one that is under way ends. */
  dial(): void {
    const { transport, remote, local, config } = this.#options.driver
    this.hangUp('active')
    const timeoutMs = Math.min(config.connectRetrySeconds * 1000, LONGEST_DIAL_MS)
    const options = { to: remote, from: local, timeoutMs, socket: this.#socket }
    this.#dial = transport.dial(options, (result) => this.#dialled(result))
  }

  /** Takes a connection over. There must be none of its role. */
  adopt(role: Role, connection: Connection): void {
    const { happened, woken, traffic } = this.#options
    const wire = new Wire(connection, traffic)
    this.#lines.set(role, { wire, sendHold: this.#sendHoldOf(role, wire) })
    connection.attach({
      received: (bytes) => {
        wire.receive(bytes)
        woken()
      },
      drained: woken,
      closed: (fault) => {
        this.#closed(wire)
        wire.end(fault)
        woken()
      },
    })
    happened({ kind: 'connected', role, local: connection.local.address, remote: connection.remote.address })
  }

  /**
   * What was received, message by message, each to be dealt with before the next one is taken, until `isOver` (asked after
   * each; every connection has one at least). The end of a connection comes behind its last message. A message can make
   * the machine hang up: what else came with it is for nobody.
   */
  *read(isOver: () => boolean): Generator<Fed, void, undefined> {
    for (const [role, { wire }] of [...this.#lines]) {
      if (this.isOpen(wire)) yield* this.#readLine(role, wire, isOver)
    }
  }

  *#readLine(role: Role, wire: Wire, isOver: () => boolean): Generator<Fed, void, undefined> {
    for (const { bytes, ...incoming } of wire.read()) {
      yield { input: { ...incoming, role }, bytes }
      if (!this.isOpen(wire) || isOver()) return
    }
    if (wire.fault === undefined) return
    this.#remove(role)
    yield { input: { kind: 'disconnected', role, ...wire.fault } }
  }

  /** Hands over what was written to the connections, until `isOver`. */
  flush(isOver: () => boolean): void {
    for (const { wire, sendHold } of this.#lines.values()) {
      wire.flush(isOver)
      sendHold.check()
    }
    for (const wire of this.#closing.keys()) {
      if (!wire.hasUnsent()) continue
      wire.flush(isOver)
      if (!wire.hasUnsent()) this.#finish(wire)
    }
  }

  /** Closes a role's connection or gives its dial up. What was sent before still goes out; nothing more is heard of it. */
  hangUp(role: Role): void {
    if (role === 'active') this.#giveUpDial()
    const wire = this.#remove(role)
    // A connection that has ended by itself needs no closing, and tells nothing more.
    if (wire === undefined || wire.fault !== undefined) return
    const alarm = wire.hasUnsent()
      ? this.#options.driver.clock.after(LINGER_MS, () => wire.connection.abort())
      : undefined
    this.#closing.set(wire, alarm)
    if (alarm === undefined) wire.close(LINGER_MS)
  }

  /** Ends a role's connection with a reset: what is pending is lost. */
  abort(role: Role): void {
    const wire = this.#remove(role)
    if (wire === undefined || wire.fault !== undefined) return
    this.#closing.set(wire, undefined)
    wire.discard()
    wire.connection.abort()
  }

  /** Closes everything with these last bytes. What was written and not flushed is lost. */
  abandon(lastBytes: Uint8Array): void {
    this.#giveUpDial()
    for (const role of [...this.#lines.keys()]) {
      const wire = this.#remove(role)
      if (wire === undefined || wire.fault !== undefined) continue
      this.#closing.set(wire, undefined)
      wire.discard()
      wire.connection.send(lastBytes)
      wire.close(LINGER_MS)
    }
  }

  /**
   * Other keys or TTLs, for open connections at once and for all dials that follow. A connection that cannot be changed
   * ends: it would go on without the protection that was asked for.
   */
  secure(socket: SocketOptions | undefined): void {
    this.#socket = socket
    for (const wire of this.#wires()) {
      const fault = wire.connection.secure(socket ?? NO_OPTIONS)
      if (fault === undefined) continue
      wire.end(fault)
      wire.connection.abort()
    }
    this.#options.woken()
  }

  #wires(): readonly Wire[] {
    return Array.from(this.#lines.values(), ({ wire }) => wire)
  }

  #line(role: Role): Line {
    const line = this.#lines.get(role)
    if (line === undefined) throw new Error(`The session machine uses the ${role} connection, which is not open.`)
    return line
  }

  #remove(role: Role): Wire | undefined {
    const line = this.#lines.get(role)
    this.#lines.delete(role)
    line?.sendHold.stop()
    return line?.wire
  }

  #giveUpDial(): void {
    this.#dial?.stop()
    this.#dial = undefined
  }

  #dialled(result: DialResult): void {
    this.#dial = undefined
    if (result.kind === 'connected') this.adopt('active', result.connection)
    else this.#options.happened({ kind: 'disconnected', role: 'active', ...result.fault })
  }

  #sendHoldOf(role: Role, wire: Wire): SendHold {
    const { driver, woken, happened } = this.#options
    const outflow = {
      takenBytes: () => wire.takenBytes(),
      isPending: () => wire.hasUnsent() || wire.connection.pendingBytes() > 0,
    }
    const expired = (): void => happened({ kind: 'timer', role, timer: 'sendHold' })
    return new SendHold({ clock: driver.clock, outflow, look: woken, expired })
  }

  /** Everything is handed over: the rest is for the system to deliver. */
  #finish(wire: Wire): void {
    this.#closing.get(wire)?.cancel()
    this.#closing.set(wire, undefined)
    wire.close(LINGER_MS)
  }

  #closed(wire: Wire): void {
    this.#closing.get(wire)?.cancel()
    this.#closing.delete(wire)
  }
}
