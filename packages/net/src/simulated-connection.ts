import { isLinkLocal } from '@holdfast/ip'
import type { Alarm } from '@holdfast/runtime'
import { connectionFault } from './endpoint.ts'
import { SimulatedPipe, type Item, type PipeMedium } from './simulated-pipe.ts'
import { reaches } from './simulated-protection.ts'
import { optionsFault } from './tcp-transport-options.ts'
import type { Connection, ConnectionFault, ConnectionHandler, Endpoint, SocketOptions } from './transport.ts'

/** Where one end of a simulated connection is, and what protects it. */
export interface SimulatedEnd {
  readonly at: Endpoint
  readonly options: SocketOptions
}

/** One end of a simulated connection. */
export class SimulatedConnection implements Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly device: string | undefined
  readonly #medium: PipeMedium
  /** Towards the other end; set by `join`. */
  #out: SimulatedPipe | undefined
  #handler: ConnectionHandler | undefined
  #phase: 'open' | 'closing' | 'aborted' | 'closed' = 'open'
  #alarm: Alarm | undefined
  #options: SocketOptions
  #isPaused = false
  #other: SimulatedConnection | undefined

  private constructor(medium: PipeMedium, local: SimulatedEnd, remote: Endpoint) {
    this.#medium = medium
    this.local = local.at
    this.remote = remote
    this.device = isLinkLocal(remote.address) ? local.options.device : undefined
    this.#options = local.options
  }

  /** Creates both ends of a connection between two endpoints. */
  static join(
    medium: PipeMedium,
    one: SimulatedEnd,
    other: SimulatedEnd,
  ): readonly [SimulatedConnection, SimulatedConnection] {
    const ends = [
      new SimulatedConnection(medium, one, other.at),
      new SimulatedConnection(medium, other, one.at),
    ] as const
    const pipe = (from: SimulatedConnection, to: SimulatedConnection): void => {
      from.#other = to
      from.#out = new SimulatedPipe(
        { ...medium, isOpen: () => medium.isOpen() && reaches(from.#options, to.#options) },
        { arrived: (item) => to.#arrived(item), drained: () => from.#drained(), isTaking: () => !to.#isPaused },
      )
    }
    pipe(ends[0], ends[1])
    pipe(ends[1], ends[0])
    return ends
  }

  get isClosed(): boolean {
    return this.#phase === 'closed'
  }

  readonly attach = (handler: ConnectionHandler): void => {
    if (this.#handler !== undefined) throw new Error('A connection has one handler for all its life.')
    this.#handler = handler
  }

  readonly pendingBytes = (): number => this.#out?.pendingBytes() ?? 0

  readonly send = (bytes: Uint8Array): void => {
    if (this.#phase === 'open') this.#out?.write(bytes)
  }

  readonly close = (lingerMs: number): void => {
    if (this.#phase !== 'open') return
    this.pause(false)
    this.#phase = 'closing'
    this.#out?.end()
    this.#alarm = this.#medium.clock.after(lingerMs, () => this.#lingered())
  }

  readonly abort = (): void => {
    if (this.#phase === 'aborted' || this.#phase === 'closed') return
    const code = this.#phase === 'closing' ? 'CLOSED' : 'ABORTED'
    this.#phase = 'aborted'
    this.#out?.reset()
    this.#alarm?.cancel()
    this.#alarm = this.#medium.clock.after(0, () => this.#finish(code))
  }

  readonly pause = (isPaused: boolean): void => {
    if (this.#phase !== 'open') return
    this.#isPaused = isPaused
    if (!isPaused) this.#other?.resume()
  }

  readonly secure = (options: SocketOptions): ConnectionFault | undefined => {
    const fault = optionsFault(options)
    if (fault !== undefined || this.#phase !== 'open') return fault
    this.#options = options
    this.resume()
    this.#other?.resume()
    return undefined
  }

  /** The network breaks the connection at this end. */
  break(): void {
    this.#arrived({ kind: 'reset' })
  }

  /** The network lets things through again. */
  resume(): void {
    this.#out?.resume()
  }

  #lingered(): void {
    this.#out?.reset()
    this.#finish('CLOSED')
  }

  #drained(): void {
    if (this.#phase === 'open') this.#handler?.drained()
  }

  #arrived(item: Item): void {
    if (item.kind === 'bytes') {
      this.#bytesArrived(item.bytes)
    } else if (this.#phase === 'open') {
      if (item.kind === 'end') this.#out?.end()
      this.#finish(item.kind === 'end' ? 'EOF' : 'ECONNRESET')
    } else if (this.#phase === 'closing') {
      this.#finish('CLOSED')
    }
  }

  #bytesArrived(bytes: Uint8Array): void {
    if (this.#phase === 'open') this.#handler?.received(bytes)
    // Bytes for a connection that is not there any more are answered with a reset (RFC 9293 section 3.10.7.1).
    else if (this.#phase === 'closed') this.#out?.reset()
  }

  #finish(code: string): void {
    this.#alarm?.cancel()
    this.#phase = 'closed'
    this.#handler?.closed(connectionFault(code))
  }
}
