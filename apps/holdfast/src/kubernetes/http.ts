import type { Clock } from '@holdfast/runtime'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server as TlsServer } from 'node:https'
import { join } from 'node:path'
import type { MetricFamily } from '../metrics/exposition.ts'
import { exposition, expositionType } from '../metrics/exposition.ts'
import { StartUpError } from '../start-up-error.ts'
import type { HttpCommand } from './command.ts'
import type { Access } from './metrics-access.ts'
import type { ServerCertificate } from './self-signed.ts'
import { selfSignedCertificate } from './self-signed.ts'

/** One thing that has to be so for a program to be live or ready: undefined, or a sentence about why it is not. */
export type Checks = Readonly<Record<string, () => string | undefined>>

export interface HttpOptions {
  readonly command: HttpCommand
  readonly clock: Clock
  readonly live: Checks
  readonly ready: Checks
  readonly metrics: () => readonly MetricFamily[]
  readonly mayRead: (token: string, path: string) => Promise<Access>
  /** The name in a certificate of our own making. */
  readonly serverName: string
  readonly warn: (message: string) => void
}

export interface HttpServers {
  /** Where each listens, for logs; undefined: it is switched off. */
  readonly health: string | undefined
  readonly metrics: string | undefined
  readonly close: () => Promise<void>
}

const selfSignedDays = 365
/** How often a certificate's files are looked at: they are renewed long before they end. */
const certificateCheckMs = 60_000
/** A scraper asks every few seconds; nobody needs a connection that does nothing for longer. */
const limits = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 32_768,
}
/**
 * Of metrics, which whoever reaches the node can connect to: many more than scrapers have. Beyond, a new one is closed, so that
 * connections that ask nothing cost no more memory than these; they are closed after five to ten seconds.
 */
const mostConnections = 64

/** Starts what the command asks for. Throws `StartUpError` where a port cannot be had or a certificate not be read. */
export async function startHttp(options: HttpOptions): Promise<HttpServers> {
  const { command } = options
  const health =
    command.healthPort === 0
      ? undefined
      : await listen(createServer(limits, healthAnswers(options)), command.healthPort, command.healthHost)
  try {
    const metrics = command.metricsPort === 0 ? undefined : await startMetrics(options)
    return {
      health: health?.address,
      metrics: metrics?.address,
      close: async () => {
        await Promise.all([health?.close(), metrics?.close()])
      },
    }
  } catch (error) {
    await health?.close()
    throw error
  }
}

/** `/livez` (`/healthz`) and `/readyz`: 200, or 503 with a line for everything that is not as it has to be. */
function healthAnswers({ live, ready }: HttpOptions): RequestListener {
  const checksOf: Readonly<Record<string, Checks>> = { '/livez': live, '/healthz': live, '/readyz': ready }
  return (request, response) => {
    const path = pathOf(request)
    const checks = Object.hasOwn(checksOf, path) ? checksOf[path] : undefined
    if (checks === undefined) {
      answer(response, 404, 'There are /livez and /readyz.\n')
      return
    }
    const faults = Object.entries(checks).flatMap(([name, check]) => {
      const fault = check()
      return fault === undefined ? [] : [`${name}: ${fault}\n`]
    })
    answer(response, faults.length === 0 ? 200 : 503, faults.length === 0 ? 'ok\n' : faults.join(''))
  }
}

async function startMetrics(options: HttpOptions): Promise<Listening> {
  const { command, clock, warn } = options
  const files = certificateReader(options)
  const server = createTlsServer(
    {
      ...limits,
      handshakeTimeout: 5_000,
      ...files.read(),
      minVersion: command.tlsMinVersion,
      ...(command.tlsCipherSuites === undefined ? {} : { ciphers: command.tlsCipherSuites }),
      ...(command.tlsCurves === undefined ? {} : { ecdhCurve: command.tlsCurves }),
    },
    (request, response) => void answerMetrics(options, request, response),
  )
  server.maxConnections = mostConnections
  const listening = await listen(server, command.metricsPort, undefined)
  let alarm = clock.after(certificateCheckMs, check)
  function check(): void {
    try {
      const changed = files.changed()
      if (changed !== undefined) server.setSecureContext(changed)
    } catch (error) {
      warn(`the certificate of the metrics is not renewed: ${messageOf(error)}`)
    }
    alarm = clock.after(certificateCheckMs, check)
  }
  return {
    address: listening.address,
    close: () => {
      alarm.cancel()
      return listening.close()
    },
  }
}

/** Where the certificate comes from: files, read again when they differ, or one made here, made again before it ends. */
function certificateReader({ command, clock, serverName }: HttpOptions): {
  readonly read: () => ServerCertificate
  readonly changed: () => ServerCertificate | undefined
} {
  const directory = command.metricsCertificates
  const madeMs = clock.now()
  let current: ServerCertificate | undefined
  const load = (): ServerCertificate =>
    directory === undefined
      ? selfSignedCertificate(serverName, Date.now(), selfSignedDays)
      : {
          key: readFileSync(join(directory, 'tls.key'), 'utf8'),
          cert: readFileSync(join(directory, 'tls.crt'), 'utf8'),
        }
  const isDue = (): boolean => directory !== undefined || clock.now() - madeMs > (selfSignedDays / 2) * 86_400_000
  return {
    read: () => {
      try {
        return (current = load())
      } catch (error) {
        throw new StartUpError(
          `the certificate of the metrics cannot be read: ${messageOf(error)}`,
          'Put tls.crt and tls.key into the directory of --metrics-cert-dir, or leave the option out.',
        )
      }
    },
    changed: () => {
      if (!isDue()) return undefined
      const next = load()
      const isSame = next.cert === current?.cert && next.key === current.key
      if (isSame) return undefined
      return (current = next)
    },
  }
}

async function answerMetrics(options: HttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request)
  if (path !== '/metrics') {
    answer(response, 404, 'There is /metrics.\n')
    return
  }
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const access = token === undefined ? 'unauthenticated' : await options.mayRead(token, path)
  if (access === 'allowed') {
    answer(response, 200, exposition(options.metrics()), expositionType)
    return
  }
  const { status, text } = refusals[access]
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  // Who may not read need not hold one of the connections until he may.
  response.setHeader('connection', 'close')
  answer(response, status, `${text}\n`)
}

const refusals: Readonly<Record<Exclude<Access, 'allowed'>, { readonly status: number; readonly text: string }>> = {
  unauthenticated: { status: 401, text: 'A bearer token of this cluster is needed.' },
  forbidden: {
    status: 403,
    text: 'The token is valid; its owner needs the verb get of /metrics (RBAC nonResourceURLs).',
  },
  unknown: {
    status: 503,
    text: 'The API server, which knows who may read metrics, does not answer, or too many unknown tokens are before this one.',
  },
}

/** No URL is made of it: `//` is none, and must not cost more than its answer. */
const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/'

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' })
  response.end(text)
}

interface Listening {
  readonly address: string
  readonly close: () => Promise<void>
}

function listen(server: Server | TlsServer, port: number, host: string | undefined): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const at = host === undefined ? `port ${port}` : `${host}, port ${port}`
      reject(
        new StartUpError(
          `cannot listen at ${at}: ${error.message}`,
          'Choose another port with --port or --health-probe-port; 0 switches it off.',
        ),
      )
    })
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.on('error', () => undefined)
      resolve({ address: `${host ?? '*'}:${port}`, close: () => closed(server) })
    })
  })
}

const closed = (server: Server | TlsServer): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
