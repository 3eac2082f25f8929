import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { LoadPeerOptions, LoadReport } from './load-peer.ts'

const options = workerData as LoadPeerOptions

const message = (type: number, body: readonly number[] = []): Buffer =>
  Buffer.from([...Array<number>(16).fill(0xff), (body.length + 19) >> 8, (body.length + 19) & 255, type, ...body])

const uint16 = (value: number): readonly number[] => [value >> 8, value & 255]
const uint32 = (value: number): readonly number[] => [...uint16(value >>> 16), ...uint16(value & 65_535)]

const KEEPALIVE = message(4)
const REFRESH = message(5, [0, 1, 0, 1])
const MANY_KEEPALIVES = Buffer.concat(Array<Buffer>(3000).fill(KEEPALIVE))

function open(routerId: number): Buffer {
  const capabilities = [1, 4, 0, 1, 0, 1, 2, 0, 65, 4, ...uint32(options.asn)]
  const parameter = [2, capabilities.length, ...capabilities]
  const fixed = [4, ...uint16(options.asn), ...uint16(options.holdTimeSeconds), ...uint32(routerId)]
  return message(1, [...fixed, parameter.length, ...parameter])
}

const PER_UPDATE = 800

/** ORIGIN IGP, AS_PATH with us, NEXT_HOP 192.0.2.1. */
const ATTRIBUTES = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, ...uint32(options.asn), 0x40, 3, 4, 192, 0, 2, 1]

function update(first: number, count: number): Buffer {
  const nlri = Array.from({ length: count }, (_, index) => [32, ...uint32(0x0a00_0000 + first + index)]).flat()
  return message(2, [0, 0, 0, ATTRIBUTES.length, ...ATTRIBUTES, ...nlri])
}

class Session {
  readonly #socket: Socket
  #unread = Buffer.alloc(0)
  #upAtMs = 0
  #lastMs = 0
  isUp = false
  longestGapMs = 0
  keepalives = 0
  updates = 0
  readonly notifications: { codes: string; afterMs: number }[] = []
  closed: string | undefined
  isSent = false
  #sentPrefixes = 0
  #sentRefreshes = 0

  constructor(from: string, index: number) {
    this.#socket = connect({ ...options.to, localAddress: from })
    this.#socket.on('connect', () => this.#socket.write(open(index + 1)))
    this.#socket.on('data', (chunk) => this.#received(chunk))
    this.#socket.on('error', (error) => (this.closed = 'code' in error ? String(error.code) : error.message))
    this.#socket.on('close', () => (this.closed ??= 'EOF'))
    setInterval(() => this.#keepAlive(), 900)
  }

  begin(): void {
    this.longestGapMs = 0
    this.#upAtMs = performance.now()
    const { load } = options
    if (load.kind === 'deaf') this.#socket.pause()
    if (load.kind === 'prefixes') this.#flood(() => this.#nextPrefixes(load.count))
    if (load.kind === 'keepalives') this.#flood(() => MANY_KEEPALIVES)
    if (load.kind === 'refreshes') setInterval(() => this.#refresh(load.perSecond), 10)
  }

  gapMs(): number {
    return this.closed === undefined && !this.#socket.isPaused()
      ? Math.max(this.longestGapMs, performance.now() - this.#lastMs)
      : this.longestGapMs
  }

  #keepAlive(): void {
    const isSilent = options.load.kind === 'refreshes' && this.#sentRefreshes > 0
    if (this.isUp && !isSilent && this.closed === undefined) this.#socket.write(KEEPALIVE)
  }

  /** Writes until there is nothing left, as fast as the other side takes it. */
  #flood(next: () => Buffer | undefined): void {
    for (let count = 0; count < 16 && this.closed === undefined; count += 1) {
      const bytes = next()
      this.isSent = bytes === undefined
      if (bytes === undefined) return
      if (this.#socket.write(bytes)) continue
      this.#socket.once('drain', () => this.#flood(next))
      return
    }
    // This thread has to read as well, and the system may take all that is written.
    setImmediate(() => this.#flood(next))
  }

  #nextPrefixes(count: number): Buffer | undefined {
    const length = Math.min(PER_UPDATE, count - this.#sentPrefixes)
    if (length === 0) return undefined
    this.#sentPrefixes += length
    return update(this.#sentPrefixes - length, length)
  }

  #refresh(perSecond: number): void {
    const due = ((performance.now() - this.#upAtMs) / 1000) * perSecond
    for (; this.#sentRefreshes < due && this.closed === undefined; this.#sentRefreshes += 1) this.#socket.write(REFRESH)
  }

  #received(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk])
    while (this.#unread.length >= 19 && this.#unread.length >= this.#unread.readUInt16BE(16)) {
      const length = this.#unread.readUInt16BE(16)
      this.#message(this.#unread.subarray(0, length))
      this.#unread = this.#unread.subarray(length)
    }
  }

  #message(bytes: Buffer): void {
    const nowMs = performance.now()
    if (this.isUp) this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    const type = bytes[18]
    if (type === 1) this.#socket.write(KEEPALIVE)
    if (type === 2) this.updates += 1
    if (type === 3) this.notifications.push({ codes: `${bytes[19]}/${bytes[20]}`, afterMs: nowMs - this.#upAtMs })
    if (type !== 4) return
    this.keepalives += 1
    this.isUp = true
  }
}

const sessions = options.from.map((from, index) => new Session(from, index))
const sum = (valueOf: (session: Session) => number): number => sessions.reduce((total, one) => total + valueOf(one), 0)

parentPort?.on('message', (command: 'begin' | 'report') => {
  if (command === 'begin') {
    for (const session of sessions) session.begin()
    return
  }
  const report: LoadReport = {
    established: sessions.filter(({ isUp }) => isUp).length,
    longestGapMs: Math.max(...sessions.map((session) => session.gapMs())),
    keepalives: sum(({ keepalives }) => keepalives),
    updates: sum(({ updates }) => updates),
    notifications: sessions.flatMap(({ notifications }) => notifications),
    closed: sessions.flatMap(({ closed }) => closed ?? []),
    isSent: sessions.every(({ isSent }) => isSent),
  }
  parentPort?.postMessage(report)
})
