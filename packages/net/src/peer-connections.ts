import type { PeerInput, Role } from '@holdfast/bgp'
import type { PeerDriverOptions } from './driver-types.ts'
import type { Connection, ConnectionFault, DialResult, Stoppable } from './transport.ts'
import { Wire, type Traffic } from './wire.ts'

/** A packet that was lost is better sent anew than waited for: the kernel's own repeats come ever more seldom. */
const LONGEST_DIAL_MS = 10_000

/** How long a connection that we close may take to deliver our NOTIFICATION. */
const LINGER_MS = 1000

export interface PeerConnectionsOptions {
  readonly driver: PeerDriverOptions
  readonly traffic: { readonly received: Traffic; readonly sent: Traffic }
  /**
   * Called whenever something happened; `inputs` is what the session machine is to be told of it. It must be taken one by
   * one, each after the effects of the one before.
   */
  readonly happened: (inputs: () => Iterable<PeerInput>) => void
}

/** The TCP of one peer: a dial and at most one connection of each role; and those that are being closed. */
export class PeerConnections {
  readonly #options: PeerConnectionsOptions
  readonly #wires = new Map<Role, Wire>()
  #dial: Stoppable | undefined
  readonly #closing = new Set<Connection>()

  constructor(options: PeerConnectionsOptions) {
    this.#options = options
  }

  /** Whether a connection that was hung up is not closed yet. */
  get isClosing(): boolean {
    return this.#closing.size > 0
  }

  has(role: Role): boolean {
    return this.#wires.has(role)
  }

  /** The open connection of a role: that there is one, the session machine knows. */
  wire(role: Role): Wire {
    const wire = this.#wires.get(role)
    if (wire === undefined) throw new Error(`The session machine uses the ${role} connection, which is not open.`)
    return wire
  }

  /** Bytes that the peer has not let the system take yet. */
  pendingBytes(): number {
    return [...this.#wires.values()].reduce((sum, { connection }) => sum + connection.pendingBytes(), 0)
  }

  /** Begins a dial; one that is under way ends. */
  dial(): void {
    const { transport, remote, local, config } = this.#options.driver
    this.hangUp('active')
    const timeoutMs = Math.min(config.connectRetrySeconds * 1000, LONGEST_DIAL_MS)
    this.#dial = transport.dial({ to: remote, from: local, timeoutMs }, (result) => this.#dialled(result))
  }

  /** Takes a connection over. There must be none of its role. */
  adopt(role: Role, connection: Connection): void {
    const { happened, traffic } = this.#options
    const wire = new Wire(connection, traffic)
    this.#wires.set(role, wire)
    connection.attach({
      received: (bytes) => happened(() => this.#read(role, wire, bytes)),
      drained: () => happened(() => []),
      closed: (fault) => happened(() => this.#closed(role, wire, fault)),
    })
    const [local, remote] = [connection.local.address, connection.remote.address]
    happened(() => [{ kind: 'connected', role, local, remote }])
  }

  /** Hands over what was written to the connections. */
  flush(): void {
    for (const wire of this.#wires.values()) wire.flush()
  }

  /** Closes a role's connection or gives its dial up. What was sent before still goes out; nothing more is heard of it. */
  hangUp(role: Role): void {
    if (role === 'active') {
      this.#dial?.stop()
      this.#dial = undefined
    }
    const wire = this.#wires.get(role)
    if (wire === undefined) return
    wire.flush()
    this.#close(role, wire)
  }

  /** Closes everything with these last bytes. What was written and not flushed is lost. */
  abandon(lastBytes: Uint8Array): void {
    this.#dial?.stop()
    this.#dial = undefined
    for (const [role, wire] of this.#wires) {
      wire.connection.send(lastBytes)
      this.#close(role, wire)
    }
  }

  #close(role: Role, { connection }: Wire): void {
    this.#wires.delete(role)
    this.#closing.add(connection)
    connection.close(LINGER_MS)
  }

  #dialled(result: DialResult): void {
    this.#dial = undefined
    if (result.kind === 'connected') this.adopt('active', result.connection)
    else this.#options.happened(() => [{ kind: 'disconnected', role: 'active', ...result.fault }])
  }

  /** A message can make the machine hang up: what else came with it is for nobody. */
  *#read(role: Role, wire: Wire, bytes: Uint8Array): Generator<PeerInput, void, undefined> {
    for (const incoming of wire.read(bytes)) {
      yield { ...incoming, role }
      if (this.#wires.get(role) !== wire) return
    }
  }

  #closed(role: Role, wire: Wire, fault: ConnectionFault): readonly PeerInput[] {
    this.#closing.delete(wire.connection)
    if (this.#wires.get(role) !== wire) return []
    this.#wires.delete(role)
    return [{ kind: 'disconnected', role, ...fault }]
  }
}
