import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket, type Server } from 'node:tls'

export interface TestCertificate {
  readonly certificate: string
  readonly key: string
}

/** Makes certificates for tests with openssl; nothing of it is kept. */
export interface TestAuthority {
  readonly certificate: string
  /** Valid for 127.0.0.1, ::1 and localhost. */
  readonly server: TestCertificate
  readonly client: (name: string) => TestCertificate
}

export function createTestAuthority(name: string): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'))
  try {
    const own = issue(directory, name, ['basicConstraints = critical, CA:TRUE'], undefined)
    const names = 'subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost, DNS:api.example.com'
    const server = issue(directory, 'server', [names], name)
    const clients = new Map(
      ['one', 'two'].map((client) => [client, issue(directory, client, ['extendedKeyUsage = clientAuth'], name)]),
    )
    return { certificate: own.certificate, server, client: (client) => clients.get(client)! }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function issue(
  directory: string,
  name: string,
  extensions: readonly string[],
  issuer: string | undefined,
): TestCertificate {
  const file = (of: string, suffix: string): string => join(directory, `${of}.${suffix}`)
  writeFileSync(file(name, 'cnf'), ['[req]', 'distinguished_name = dn', '[dn]', '[ext]', ...extensions, ''].join('\n'))
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(name, 'key')]
  const signing = issuer === undefined ? [] : ['-CA', file(issuer, 'crt'), '-CAkey', file(issuer, 'key')]
  const subject = ['-config', file(name, 'cnf'), '-extensions', 'ext', '-subj', `/CN=${name}`, '-days', '1']
  const made = spawnSync('openssl', ['req', '-x509', ...key, ...signing, ...subject, '-out', file(name, 'crt')])
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`)
  return { certificate: readFileSync(file(name, 'crt'), 'utf8'), key: readFileSync(file(name, 'key'), 'utf8') }
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** CN of the client's certificate. */
  readonly clientName: string | undefined
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void

/** What a server agrees to. */
export type Protocol = 'http1' | 'http2'

/** An HTTPS server on loopback that answers what a test says. */
export interface FakeKubeServer {
  readonly port: number
  /** In the order of their coming. */
  readonly requests: readonly SeenRequest[]
  readonly answerWith: (handler: Handler) => void
  readonly useCertificate: (certificate: TestCertificate) => void
  readonly openConnections: () => number
  /** Answers that have not ended. */
  readonly openAnswers: () => number
  /** Ends every connection without a word. */
  readonly cut: () => void
  /** How many connections have come. */
  readonly connectionsSeen: () => number
  readonly stop: () => Promise<void>
}

export async function startFakeKubeServer(authority: TestAuthority, protocol: Protocol): Promise<FakeKubeServer> {
  const requests: SeenRequest[] = []
  let handler: Handler = (_, response) => void response.writeHead(500).end()
  let seen = 0
  const options = {
    cert: authority.server.certificate,
    key: authority.server.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const open = new Set<unknown>()
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    open.add(response)
    response.on('close', () => open.delete(response))
    const chunks: Buffer[] = []
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming
      const { socket } = incoming
      const clientName = socket instanceof TLSSocket ? commonName(socket) : undefined
      const request = { method, path, headers, body: Buffer.concat(chunks).toString(), clientName }
      requests.push(request)
      handler(request, response)
    })
  }
  const server = serverOf(protocol, options, answer)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    seen += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    answerWith: (next) => void (handler = next),
    useCertificate: ({ certificate, key }) => server.setSecureContext({ ...options, cert: certificate, key }),
    openConnections: () => sockets.size,
    openAnswers: () => open.size,
    cut: () => cut(sockets),
    connectionsSeen: () => seen,
    stop: async () => await stop(server, sockets),
  }
}

/** Without a certificate of the client's Node gives an empty object. */
function commonName(socket: TLSSocket): string | undefined {
  const { subject } = socket.getPeerCertificate() as { readonly subject?: { readonly CN?: string } }
  return subject?.CN
}

function serverOf(
  protocol: Protocol,
  options: object,
  answer: (incoming: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (protocol === 'http1') return createServer(options, answer)
  const server = createSecureServer({ ...options, allowHTTP1: false })
  server.on('sessionError', () => undefined)
  // Node's HTTP/2 has the same methods, as far as these tests go.
  server.on('request', (incoming, response) =>
    answer(incoming as unknown as IncomingMessage, response as unknown as ServerResponse),
  )
  return server
}

function cut(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.resetAndDestroy()
}

async function stop(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  cut(sockets)
  await closed
}

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** Answers each request with the next handler; the last one stays. */
export function inTurn(...handlers: readonly Handler[]): Handler {
  const left = [...handlers]
  return (request, response) => (left.length > 1 ? left.shift()! : left[0]!)(request, response)
}

export const status = (code: number, reason: string, message = reason, details: object = {}): unknown => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  details,
  code,
})

export const serviceList = (names: readonly string[], resourceVersion = '10'): unknown => ({
  kind: 'ServiceList',
  apiVersion: 'v1',
  metadata: { resourceVersion },
  items: names.map((name) => ({ metadata: { name, namespace: 'a' } })),
})

export const serviceObject = (name: string, resourceVersion = '11') => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { name, namespace: 'a', resourceVersion },
})

export const eventLine = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`
