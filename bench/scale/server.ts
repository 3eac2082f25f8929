import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { resourceTypes, type KubeObject } from '@holdfast/cluster'
import type { TestAuthority } from '../../packages/cluster/src/testing/fake-kube-server.ts'

/** What went over the wire to the client, in octets. */
export interface Traffic {
  /** Of TLS, both ways. */
  readonly sent: number
  readonly received: number
  /** JSON of answers to lists, before and after compression. */
  readonly listed: number
  readonly listedCompressed: number
  /** JSON of events, by kind. */
  readonly events: Readonly<Record<string, number>>
  /** Requests that write, by kind. */
  readonly writes: Readonly<Record<string, number>>
  readonly connections: number
  readonly watches: number
}

/** An API server that knows lists, watches and writes of what it was given, and nothing else. */
export interface SyntheticServer {
  readonly port: number
  /** Puts an object and tells whoever watches its kind. */
  readonly put: (kind: string, object: KubeObject) => void
  readonly traffic: () => Traffic
  readonly stop: () => void
}

export type Protocol = 'http1' | 'http2'

/** kube-apiserver compresses lists that are longer. */
const compressedFrom = 128 * 1024

const kindOf = new Map(Object.values(resourceTypes).map((type) => [type.plural, type]))

interface Asked {
  readonly plural: string
  readonly name: string | undefined
  readonly query: URLSearchParams
}

interface Page {
  /** Of the text. */
  readonly length: number
  readonly isCompressed: boolean
  readonly body: Buffer
}

/** /api/v1/… or /apis/GROUP/VERSION/…, then namespaces/NAMESPACE/ or not, then PLURAL and NAME. */
function readPath(url: string): Asked {
  const { pathname, searchParams: query } = new URL(url, 'https://server')
  const parts = pathname.split('/').slice(pathname.startsWith('/apis/') ? 4 : 3)
  const [plural = '', name] = parts[0] === 'namespaces' && parts.length > 2 ? parts.slice(2) : parts
  return { plural, name, query }
}

/** @param listDelayMs what a server and the way to it take until a list is answered */
export async function startSyntheticServer(
  authority: TestAuthority,
  protocol: Protocol,
  listDelayMs = 0,
): Promise<SyntheticServer> {
  const store = new Map<string, Map<string, KubeObject>>()
  const watches = new Map<string, Set<ServerResponse>>()
  /** Of lists that were asked for since something changed. */
  const pages = new Map<string, Page>()
  const sockets = new Set<Socket>()
  const counts = { listed: 0, listedCompressed: 0, connections: 0, gone: { sent: 0, received: 0 } }
  const events = new Map<string, number>()
  const writes = new Map<string, number>()
  let version = 1_000_000

  const objectsOf = (plural: string): Map<string, KubeObject> => {
    const known = store.get(plural) ?? new Map<string, KubeObject>()
    store.set(plural, known)
    return known
  }
  const watchersOf = (plural: string): Set<ServerResponse> => {
    const known = watches.get(plural) ?? new Set<ServerResponse>()
    watches.set(plural, known)
    return known
  }
  const keep = (plural: string, object: KubeObject): KubeObject => {
    const { metadata } = object
    version += 1
    pages.clear()
    const stored = {
      ...object,
      metadata: { uid: `uid-of-${metadata.name}`, ...metadata, resourceVersion: String(version) },
    }
    const key = `${metadata.namespace ?? ''}/${metadata.name}`
    const type = objectsOf(plural).has(key) ? 'MODIFIED' : 'ADDED'
    objectsOf(plural).set(key, stored)
    const line = `${JSON.stringify({ type, object: stored })}\n`
    for (const response of watchersOf(plural)) {
      response.write(line)
      events.set(stored.kind ?? plural, (events.get(stored.kind ?? plural) ?? 0) + line.length)
    }
    return stored
  }
  const page = ({ plural, query }: Asked, isGzip: boolean): Page => {
    const all = [...objectsOf(plural).values()]
    const from = Number(query.get('continue') ?? 0)
    const to = from + Number(query.get('limit') ?? Infinity)
    const more = to < all.length ? { continue: String(to) } : {}
    const type = kindOf.get(plural)
    const metadata = { resourceVersion: String(version), ...more }
    const text = JSON.stringify({
      kind: `${type?.kind ?? ''}List`,
      apiVersion: 'v1',
      metadata,
      items: all.slice(from, to),
    })
    // As kube-apiserver: the fastest level.
    const isCompressed = isGzip && text.length > compressedFrom
    return { length: text.length, isCompressed, body: isCompressed ? gzipSync(text, { level: 1 }) : Buffer.from(text) }
  }
  const list = (asked: Asked, request: IncomingMessage, response: ServerResponse): void => {
    const isGzip = request.headers['accept-encoding'] === 'gzip'
    const key = `${asked.plural} ${asked.query.get('continue')} ${asked.query.get('limit')} ${isGzip}`
    const { length, isCompressed, body } = pages.get(key) ?? page(asked, isGzip)
    pages.set(key, { length, isCompressed, body })
    counts.listed += length
    counts.listedCompressed += body.length
    const encoding = isCompressed ? { 'content-encoding': 'gzip' } : {}
    const send = (): void => void response.writeHead(200, { 'content-type': 'application/json', ...encoding }).end(body)
    if (listDelayMs === 0) send()
    else setTimeout(send, listDelayMs)
  }
  const watch = ({ plural }: Asked, response: ServerResponse): void => {
    const watchers = watchersOf(plural)
    watchers.add(response)
    response.on('close', () => watchers.delete(response))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
  }
  const write = ({ plural, name }: Asked, body: Partial<KubeObject>, response: ServerResponse): void => {
    const kind = body.kind ?? plural
    writes.set(kind, (writes.get(kind) ?? 0) + 1)
    const metadata = { ...body.metadata, name: name ?? body.metadata?.name ?? 'event' }
    const before = objectsOf(plural).get(`${metadata.namespace ?? ''}/${metadata.name}`)
    const after = { ...before, ...body, metadata: { ...before?.metadata, ...metadata } }
    // Nobody reads an Event here.
    const stored = plural === 'events' ? after : keep(plural, after)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(stored))
  }
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = readPath(request.url ?? '')
    if (request.method !== 'GET') {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => write(asked, JSON.parse(Buffer.concat(chunks).toString()) as KubeObject, response))
    } else if (asked.query.get('watch') === 'true') watch(asked, response)
    else if (asked.name === undefined) list(asked, request, response)
    else response.writeHead(404).end('{}')
  }
  const { certificate: cert, key } = authority.server
  const server =
    protocol === 'http1'
      ? createServer({ cert, key }, answer)
      : createSecureServer({ cert, key, settings: { maxConcurrentStreams: 100 } })
  // Node's HTTP/2 has the same methods.
  if (protocol === 'http2') server.on('request', answer)
  server.on('connection', (socket: Socket) => {
    counts.connections += 1
    sockets.add(socket)
    socket.on('close', () => {
      sockets.delete(socket)
      counts.gone.sent += socket.bytesWritten
      counts.gone.received += socket.bytesRead
    })
  })
  const beat = setInterval(() => {
    for (const [plural, responses] of watches) {
      const object = { kind: kindOf.get(plural)?.kind, metadata: { resourceVersion: String(version) } }
      for (const response of responses) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
    }
  }, 60_000)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sum = (pick: (socket: Socket) => number): number => [...sockets].reduce((all, one) => all + pick(one), 0)
  return {
    port: (server.address() as AddressInfo).port,
    put: (kind, object) => {
      const type = Object.values(resourceTypes).find((one) => one.kind === kind)
      if (type !== undefined) keep(type.plural, object)
    },
    traffic: () => ({
      sent: counts.gone.sent + sum((socket) => socket.bytesWritten),
      received: counts.gone.received + sum((socket) => socket.bytesRead),
      listed: counts.listed,
      listedCompressed: counts.listedCompressed,
      events: Object.fromEntries(events),
      writes: Object.fromEntries(writes),
      connections: sockets.size,
      watches: [...watches.values()].reduce((all, { size }) => all + size, 0),
    }),
    stop: () => {
      clearInterval(beat)
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
