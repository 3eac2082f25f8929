import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { messageType } from './bytes.ts'

/** A message that came from the program under test. */
export interface Received {
  readonly atMs: number
  readonly type: number
  readonly body: Buffer
}

export interface Closed {
  readonly atMs: number
  /** `ended`: in order; anything else: the code of the error, as ECONNRESET. */
  readonly how: string
}

/** One BGP connection of the attacker: writes what it is told to and keeps what comes, without any idea of a session. */
export class ScriptedPeer {
  readonly socket: Socket
  readonly received: Received[] = []
  closed: Closed | undefined
  #pending: Buffer = Buffer.alloc(0)
  readonly #waiting = new Set<() => void>()
  #keepalives: NodeJS.Timeout | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.#close('ended'))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#close(error.code ?? error.message))
    socket.on('close', () => this.#close('ended'))
  }

  /** Sends hexadecimal text. */
  send(hex: string): void {
    this.write(Buffer.from(hex, 'hex'))
  }

  write(bytes: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes)
  }

  /** Sends bytes that may be many: resolves when the other side has room for more, or when the connection has ended. */
  async writeAll(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done)
        this.socket.off('close', done)
        resolve()
      }
      this.socket.on('drain', done)
      this.socket.on('close', done)
    })
  }

  /** Sends a KEEPALIVE now and then until the connection ends. */
  keepAlive(everyMs = 900): void {
    const message = Buffer.from(`${'ff'.repeat(16)}001304`, 'hex')
    this.#keepalives = setInterval(() => this.write(message), everyMs)
  }

  fallSilent(): void {
    clearInterval(this.#keepalives)
  }

  /** Waits until `read` returns something, looking again whenever anything has come; undefined when the time is over. */
  async until<T>(read: () => T | undefined, timeoutMs = 5000): Promise<T | undefined> {
    const present = read()
    if (present !== undefined) return present
    return new Promise((resolve) => {
      const look = (): void => {
        const found = read()
        if (found !== undefined) finish(found)
      }
      const finish = (found: T | undefined): void => {
        clearTimeout(limit)
        this.#waiting.delete(look)
        resolve(found)
      }
      const limit = setTimeout(() => finish(undefined), timeoutMs)
      this.#waiting.add(look)
    })
  }

  /** The first message of a type from an index of `received` on. */
  message(type: number, from = 0): Received | undefined {
    return this.received.slice(from).find((one) => one.type === type)
  }

  get notification(): Received | undefined {
    return this.message(messageType.notification)
  }

  end(lastHex = ''): void {
    this.fallSilent()
    if (!this.socket.destroyed) this.socket.end(Buffer.from(lastHex, 'hex'))
    this.socket.resume()
  }

  destroy(): void {
    this.fallSilent()
    this.socket.destroy()
  }

  #take(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (bytes.length >= 19) {
      const length = bytes.readUInt16BE(16)
      if (length < 19 || bytes.length < length) break
      const body = Buffer.from(bytes.subarray(19, length))
      this.received.push({ atMs: performance.now(), type: bytes[18] ?? 0, body })
      bytes = bytes.subarray(length)
    }
    this.#pending = Buffer.from(bytes)
    this.#wake()
  }

  #close(how: string): void {
    if (this.closed !== undefined) return
    this.closed = { atMs: performance.now(), how }
    this.fallSilent()
    this.#wake()
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look()
  }
}

interface Ends {
  readonly from: string
  readonly to: string
  readonly port: number
}

/** Connects and waits for the program's OPEN, again and again while it does not want this peer yet (Cease 6/5). */
export async function dial(ends: Ends, timeoutMs = 15_000): Promise<ScriptedPeer> {
  const start = performance.now()
  let last = 'nothing'
  while (performance.now() - start < timeoutMs) {
    const peer = await connectOnce(ends)
    const answer = await peer.until(() => peer.received[0]?.type ?? peer.closed?.how)
    if (answer === messageType.open) return peer
    const refused = peer.notification
    last = refused === undefined ? String(answer) : `NOTIFICATION ${refused.body.toString('hex')}`
    peer.destroy()
    await pause(60)
  }
  throw new Error(`no OPEN came within ${timeoutMs} ms, last: ${last}`)
}

/** Connects; the peer is `closed` where that fails. */
export async function connectOnce({ from, to, port }: Ends): Promise<ScriptedPeer> {
  const socket = connect({ host: to, port, localAddress: from })
  const peer = new ScriptedPeer(socket)
  await new Promise<void>((resolve) => {
    socket.once('connect', () => resolve())
    socket.once('close', () => resolve())
  })
  return peer
}

/** Waits for the program to connect, one connection at a time; what comes when none is awaited is closed. */
export class Answerer {
  readonly #server: Server
  #next: ((peer: ScriptedPeer) => void) | undefined
  /** When each connection came, wanted or not. */
  readonly arrivals: number[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.arrivals.push(performance.now())
      const take = this.#next
      this.#next = undefined
      if (take === undefined) socket.resetAndDestroy()
      else take(new ScriptedPeer(socket))
    })
  }

  static listen(address: string, port: number): Promise<Answerer> {
    return new Promise((resolve, reject) => {
      const server = createServer()
      server.on('error', reject)
      server.listen(port, address, () => resolve(new Answerer(server)))
    })
  }

  async accept(timeoutMs = 20_000): Promise<ScriptedPeer> {
    const peer = await new Promise<ScriptedPeer | undefined>((resolve) => {
      const limit = setTimeout(() => {
        this.#next = undefined
        resolve(undefined)
      }, timeoutMs)
      this.#next = (accepted) => {
        clearTimeout(limit)
        resolve(accepted)
      }
    })
    if (peer === undefined) throw new Error(`the program did not connect within ${timeoutMs} ms`)
    const open = await peer.until(() => peer.message(messageType.open))
    if (open === undefined) throw new Error('the program connected and sent no OPEN')
    return peer
  }

  close(): void {
    this.#server.close()
  }
}
