import { get } from 'node:http'
import type { Clock } from '@holdfast/runtime'

/** What an address says when it is asked for its health. */
export type Probe =
  | { readonly kind: 'answered'; readonly status: number; readonly text?: string }
  /** Nobody listens there. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly message: string }

export interface GateOptions {
  /** A URL; 'auto': kube-proxy's default where something listens there; 'none': not asked. */
  readonly health: string
  /** An earlier life of the speaker announced since this host was booted: what kube-proxy set up then stands in the kernel. */
  readonly isSameBoot: boolean
  /** Since the host was booted. */
  readonly hostUptimeMs: number
  readonly clock: Clock
  readonly probe: (url: string) => Promise<Probe>
  /** Told once each time that what is waited for changes. */
  readonly wait: (message: string) => void
}

/** That announcing may begin, and why. */
export interface GateOpened {
  /** True: kube-proxy did not say that it is ready, and the wait was given up. */
  readonly isLate: boolean
  readonly message: string
}

const defaultHealth = 'http://127.0.0.1:10256/healthz'
/** Where kube-proxy has its metrics unless it is told another place, on the same host. */
const metricsPort = 10_249
/** A host that was booted so recently may have started us before kube-proxy. */
const bootMs = 300_000
/** The longest wait: a quarter of the 120 s that routers keep routes of a restarting speaker, so that it never costs any. */
const mostMs = 30_000
const againMs = 250

/**
 * Resolves when the node can serve: a route that comes before kube-proxy's rules draws traffic that nobody takes. Asked at the start
 * only, and for 30 s at most: a kube-proxy that restarts later leaves its rules in place, and one that answers elsewhere must not
 * keep the node silent for ever.
 *
 * kube-proxy says 200 from its start on, before it has made a single rule (pkg/proxy/healthcheck: "healthy while it's starting up"), so
 * that its metrics are asked as well: they have the time of the last synchronization from the first one on.
 */
export async function waitForKubeProxy(options: GateOptions): Promise<GateOpened> {
  const { health, isSameBoot, clock } = options
  if (health === 'none') return { isLate: false, message: 'kube-proxy is not asked' }
  if (isSameBoot) return { isLate: false, message: 'this node has announced since it was booted' }
  const url = health === 'auto' ? defaultHealth : health
  const endMs = clock.now() + mostMs
  let told = ''
  let unknown = 0
  for (;;) {
    const { verdict, message } = await look(url, options)
    // The metrics are there a moment after the health, so that once is not enough.
    unknown = verdict === 'unknown' ? unknown + 1 : 0
    if (verdict === 'ready' || unknown > 1) return { isLate: false, message }
    if (clock.now() >= endMs)
      return { isLate: true, message: `announcing after ${mostMs / 1000} s although ${message}` }
    if (message !== told) options.wait(message)
    told = message
    await new Promise<void>((resolve) => void clock.after(againMs, resolve))
  }
}

/** How it looks now; unknown: healthy, and nothing tells whether the rules are made. */
interface Look {
  readonly verdict: 'ready' | 'unknown' | 'notReady'
  readonly message: string
}

async function look(url: string, { health, hostUptimeMs, probe }: GateOptions): Promise<Look> {
  const answer = await probe(url)
  if (answer.kind === 'refused' && health === 'auto' && hostUptimeMs > bootMs) {
    return { verdict: 'ready', message: `nobody answers at ${url}: this node has no kube-proxy` }
  }
  if (answer.kind !== 'answered' || answer.status !== 200) {
    return { verdict: 'notReady', message: `${url} ${words(answer)}` }
  }
  const metricsUrl = metricsOf(url)
  const rules = rulesIn(await probe(metricsUrl))
  if (rules === 'none') return { verdict: 'notReady', message: `${metricsUrl} says that no rules were made yet` }
  return { verdict: rules === 'made' ? 'ready' : 'unknown', message: `${url} says that it is ready` }
}

function metricsOf(healthUrl: string): string {
  const url = new URL('/metrics', healthUrl)
  url.port = String(metricsPort)
  return url.href
}

/**
 * Whether every family that kube-proxy has begun to serve has had its rules made once; unknown where no kube-proxy shows its metrics.
 * Kubernetes before 1.33 has one figure for both families, which is 0 until then.
 */
function rulesIn(answer: Probe): 'made' | 'none' | 'unknown' {
  const text = answer.kind === 'answered' && answer.status === 200 ? (answer.text ?? '') : ''
  if (!text.includes('kubeproxy_')) return 'unknown'
  const begun = timesIn(text, 'last_queued')
  const made = timesIn(text, 'last')
  const isMade = begun.size > 0 && [...begun.keys()].every((family) => (made.get(family) ?? 0) > 0)
  return isMade ? 'made' : 'none'
}

/** By labels: when kube-proxy's rules were last made, or last asked for. */
function timesIn(text: string, which: 'last' | 'last_queued'): ReadonlyMap<string, number> {
  const pattern = new RegExp(`^kubeproxy_sync_proxy_rules_${which}_timestamp_seconds(\\{.*\\})? (\\S+)`, 'gm')
  return new Map([...text.matchAll(pattern)].map(([, labels = '', seconds]) => [labels, Number(seconds)]))
}

function words(answer: Probe): string {
  switch (answer.kind) {
    case 'answered':
      return `answers ${answer.status}`
    case 'refused':
      return 'refuses the connection'
    case 'failed':
      return `does not answer: ${answer.message}`
  }
}

/** What a longer answer says after this is not read: the metrics of everything that is in one program with kube-proxy are shorter. */
const mostCharacters = 16 << 20

/** The longest an answer may take until its end, however little of it comes at a time. */
const answerMs = 1000

/** Asks over HTTP. Never rejects. */
export function probeHttp(url: string): Promise<Probe> {
  return new Promise((resolve) => {
    const failed = (error: Error): void =>
      resolve({ kind: 'failed', message: signal.aborted ? 'no whole answer within a second' : error.message })
    const signal = AbortSignal.timeout(answerMs)
    const request = get(url, { signal, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < mostCharacters) text += chunk
      })
      response.on('error', failed)
      response.on('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0, text }))
    })
    request.on('error', (error) => {
      if ('code' in error && error.code === 'ECONNREFUSED') resolve({ kind: 'refused' })
      else failed(error)
    })
  })
}
