import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface RouterOptions {
  readonly address: string
  readonly port: number
  /** Says nothing any more after its OPEN and one KEEPALIVE. */
  readonly isSilent?: boolean
}

/** AS of the router, and of the speakers that dial it. */
export const asns = { router: 64512, speaker: 64500 } as const

const headerBytes = 19
const types = { open: 1, update: 2, notification: 3 } as const
const marker = 'ff'.repeat(16)
const keepalive = Buffer.from(`${marker}001304`, 'hex')
/** A third of the shortest hold time that a speaker asks of it, but for the silent one. */
const keepaliveEveryMs = 10_000

/**
 * A router that is dialled, keeps every IPv4 host route and the time at which the bytes that brought or took it were read. It has a codec of its
 * own, so that nothing under test judges itself. Times are those of performance.now().
 */
export class Router {
  readonly #server: Server
  readonly #options: RouterOptions
  /** By address, as a number; the time at which it came. */
  readonly #routes = new Map<number, number>()
  readonly #waiting = new Set<(readAtMs: number) => void>()
  #socket: Socket | undefined
  #silentSinceMs: number | undefined
  #keptSilentMs: number | undefined
  #updates = 0

  private constructor(options: RouterOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  }

  static listen(options: RouterOptions): Promise<Router> {
    const router = new Router(options)
    return new Promise((resolve, reject) => {
      router.#server.on('error', reject)
      router.#server.listen(options.port, options.address, () => resolve(router))
    })
  }

  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : this.#options.port
  }

  get routes(): ReadonlyMap<number, number> {
    return this.#routes
  }

  /** UPDATEs that brought or took a route since the session began or this was last set back. */
  get updates(): number {
    return this.#updates
  }

  get isUp(): boolean {
    return this.#socket !== undefined
  }

  /** Of a silent router: how long the speaker kept a session from the last byte on that it was sent; undefined until it closes one. */
  get keptSilentMs(): number | undefined {
    return this.#keptSilentMs
  }

  countAnew(): void {
    this.#updates = 0
  }

  /** Resolves with the time at which the bytes were read that made the condition true; with now where it is true already. */
  async until(what: string, condition: () => boolean, timeoutMs: number): Promise<number> {
    if (condition()) return performance.now()
    const abort = new AbortController()
    const { promise, resolve } = Promise.withResolvers<number>()
    const check = (readAtMs: number): void => {
      if (condition()) resolve(readAtMs)
    }
    this.#waiting.add(check)
    try {
      const late = pause(timeoutMs, undefined, { signal: abort.signal }).then(() => {
        throw new Error(`not within ${timeoutMs} ms: ${what} (${this.#routes.size} routes, ${this.#updates} UPDATEs)`)
      })
      return await Promise.race([promise, late])
    } finally {
      abort.abort()
      this.#waiting.delete(check)
    }
  }

  close(): void {
    this.#server.close()
    this.#socket?.destroy()
  }

  #serve(socket: Socket): void {
    let pending: Buffer = Buffer.alloc(0)
    const timer =
      this.#options.isSilent === true ? undefined : setInterval(() => socket.write(keepalive), keepaliveEveryMs)
    socket.on('data', (chunk: Buffer) => {
      const readAtMs = performance.now()
      const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      pending = bytes.subarray(this.#take(bytes, socket, readAtMs))
      this.#tell(readAtMs)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearInterval(timer)
      if (this.#socket !== socket) return
      this.#hasEnded()
      this.#socket = undefined
      this.#routes.clear()
      this.#tell(performance.now())
    })
  }

  #hasEnded(): void {
    if (this.#silentSinceMs !== undefined) this.#keptSilentMs ??= performance.now() - this.#silentSinceMs
  }

  #tell(readAtMs: number): void {
    for (const check of this.#waiting) check(readAtMs)
  }

  /** Handles every complete message and returns how many bytes they were. */
  #take(bytes: Buffer, socket: Socket, readAtMs: number): number {
    let at = 0
    while (bytes.length - at >= headerBytes) {
      const length = bytes.readUInt16BE(at + 16)
      if (bytes.length - at < length) break
      const type = bytes[at + 18]
      if (type === types.update) this.#takeUpdate(bytes.subarray(at + headerBytes, at + length), readAtMs)
      else if (type === types.open) this.#open(socket)
      else if (type === types.notification) this.#hasEnded()
      at += length
    }
    return at
  }

  #open(socket: Socket): void {
    socket.write(Buffer.concat([openMessage(this.#options.isSilent === true ? 3 : 180), keepalive]))
    this.#socket = socket
    this.#updates = 0
    if (this.#options.isSilent === true) this.#silentSinceMs ??= performance.now()
  }

  /** Withdrawn routes, attributes that nobody reads here, and NLRI (RFC 4271 section 4.3). */
  #takeUpdate(body: Buffer, readAtMs: number): void {
    const withdrawn = hosts(body.subarray(2, 2 + body.readUInt16BE(0)))
    const attributes = 2 + body.readUInt16BE(0)
    const announced = hosts(body.subarray(attributes + 2 + body.readUInt16BE(attributes)))
    for (const host of withdrawn) this.#routes.delete(host)
    for (const host of announced) this.#routes.set(host, readAtMs)
    if (withdrawn.length + announced.length > 0) this.#updates += 1
  }
}

/** The host routes among prefixes: each is its length in bits and as many bytes as it needs. */
function hosts(prefixes: Buffer): readonly number[] {
  const found: number[] = []
  let at = 0
  while (at < prefixes.length) {
    const bits = prefixes[at] ?? 0
    if (bits === 32) found.push(prefixes.readUInt32BE(at + 1))
    at += 1 + ((bits + 7) >>> 3)
  }
  return found
}

/**
 * RFC 4271 4.2: version 4, AS 64512, the hold time, identifier 127.0.0.2; RFC 5492 capabilities: IPv4 unicast (RFC 4760) and four-octet AS
 * numbers (RFC 6793).
 */
function openMessage(holdTimeSeconds: number): Buffer {
  const hold = holdTimeSeconds.toString(16).padStart(4, '0')
  const body = `04fc00${hold}7f000002` + '10' + '020e' + '010400010001' + '41040000fc00' + '0200'
  return Buffer.from(`${marker}002d01${body}`, 'hex')
}
