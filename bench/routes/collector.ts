import { connect, type Socket } from 'node:net'
import { plan } from './plan.ts'

/** What came in over one session until the last route was there. */
export interface Collected {
  /** From the call of connect(2) to the bytes of the last route that was missing. */
  readonly millisecondsToLastRoute: number
  readonly millisecondsToFirstRoute: number
  readonly updates: number
  readonly updateBytes: number
  /** Announcements of a route that was there already. */
  readonly duplicates: number
}

const headerBytes = 19
const openType = 1
const updateType = 2
const notificationType = 3
/** An UPDATE without anything in it says that the first table is complete (RFC 4724 section 2). */
const endOfRibBytes = 23
const marker = 'ff'.repeat(16)

/**
 * Connects to a speaker, opens a session, and counts the routes that arrive: frame by frame and prefix length by prefix
 * length, without making an object of any. A bit for each expected address tells new routes from repeated ones.
 */
export function collect(port: number, count: number, timeoutMs: number): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const counter = new RouteCounter(count)
    let pending: Buffer = Buffer.alloc(0)
    let firstRouteAt = 0
    const socket = connect({ host: plan.speakerAddress, port, localAddress: plan.collectorAddress, noDelay: true })
    const end = (): void => {
      clearTimeout(limit)
      socket.removeAllListeners('close')
      socket.end(Buffer.from(`${marker}0015030602`, 'hex'))
      socket.on('error', () => socket.destroy())
      socket.resume()
    }
    const fail = (message: string): void => {
      end()
      reject(new Error(`${message}: ${counter.routes} of ${count} routes in ${counter.updates} UPDATEs`))
    }
    const limit = setTimeout(() => fail(`not complete within ${timeoutMs} ms`), timeoutMs)
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => fail('the speaker closed the connection'))
    socket.on('data', (chunk: Buffer) => {
      const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const used = takeMessages(bytes, socket, counter)
      pending = bytes.subarray(used)
      if (counter.notification !== undefined) fail(`NOTIFICATION ${counter.notification}`)
      if (firstRouteAt === 0 && counter.routes > 0) firstRouteAt = performance.now()
      if (counter.routes < count) return
      const { updates, updateBytes, duplicates } = counter
      const millisecondsToLastRoute = performance.now() - start
      end()
      const millisecondsToFirstRoute = firstRouteAt - start
      resolve({ millisecondsToLastRoute, millisecondsToFirstRoute, updates, updateBytes, duplicates })
    })
  })
}

/** Handles every complete message and returns how many bytes they were. */
function takeMessages(bytes: Buffer, socket: Socket, counter: RouteCounter): number {
  let at = 0
  while (bytes.length - at >= headerBytes) {
    const length = bytes.readUInt16BE(at + 16)
    if (bytes.length - at < length) break
    const type = bytes[at + 18]
    if (type === updateType) counter.countUpdate(bytes, at, length)
    else if (type === openType) socket.write(Buffer.from(openMessage + keepaliveMessage, 'hex'))
    else if (type === notificationType) counter.notification = `${bytes[at + 19] ?? 0}/${bytes[at + 20] ?? 0}`
    at += length
  }
  return at
}

class RouteCounter {
  routes = 0
  updates = 0
  updateBytes = 0
  duplicates = 0
  notification: string | undefined
  readonly #seen: Uint8Array

  constructor(count: number) {
    this.#seen = new Uint8Array(count)
  }

  /** Counts the UPDATE at `at`, unless it is an End-of-RIB marker, and its IPv4 NLRI (RFC 4271 section 4.3). */
  countUpdate(bytes: Buffer, at: number, length: number): void {
    if (length === endOfRibBytes) return
    this.updates += 1
    this.updateBytes += length
    const end = at + length
    let next = at + headerBytes
    next += 2 + bytes.readUInt16BE(next)
    next += 2 + bytes.readUInt16BE(next)
    while (next < end) {
      const prefixLength = bytes[next] ?? 0
      if (prefixLength === 32) this.#countHost(bytes.readUInt32BE(next + 1))
      next += 1 + ((prefixLength + 7) >>> 3)
    }
  }

  #countHost(address: number): void {
    const index = address - plan.firstAddress
    const seen = this.#seen[index]
    if (seen === undefined) return
    if (seen === 1) this.duplicates += 1
    else {
      this.#seen[index] = 1
      this.routes += 1
    }
  }
}

// RFC 4271 4.2: version 4, AS 64512, hold time 180 s, identifier 127.0.0.2; RFC 5492 capabilities: IPv4 unicast
// (RFC 4760) and four-octet AS numbers (RFC 6793). The OPEN answers the speaker's own, which comes first
// from all of them.
const openMessage = `${marker}002d01` + '04fc0000b47f000002' + '10' + '020e' + '010400010001' + '41040000fc00' + '0200'
const keepaliveMessage = `${marker}001304`
