import { get } from 'node:http'
import type { Clock } from '@holdfast/runtime'

/** What an address says when it is asked for its health. */
export type Probe =
  | { readonly kind: 'answered'; readonly status: number }
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
/** A host that was booted so recently may have started us before kube-proxy. */
const bootMs = 300_000
/** The longest wait: a quarter of the 120 s that routers keep routes of a restarting speaker, so that it never costs any. */
const mostMs = 30_000
const againMs = 250

/**
 * Resolves when the node can serve: a route that comes before kube-proxy's rules draws traffic that nobody takes. Asked at the start
 * only, and for 30 s at most: a kube-proxy that restarts later leaves its rules in place, and one that answers elsewhere must not
 * keep the node silent for ever.
 */
export async function waitForKubeProxy(options: GateOptions): Promise<GateOpened> {
  const { health, isSameBoot, clock } = options
  if (health === 'none') return { isLate: false, message: 'kube-proxy is not asked' }
  if (isSameBoot) return { isLate: false, message: 'this node has announced since it was booted' }
  const url = health === 'auto' ? defaultHealth : health
  const endMs = clock.now() + mostMs
  let told = ''
  for (;;) {
    const answer = await options.probe(url)
    const opened = judge(answer, options, url)
    if (opened !== undefined) return opened
    const message = `${url} ${words(answer)}`
    if (clock.now() >= endMs)
      return { isLate: true, message: `announcing after ${mostMs / 1000} s although ${message}` }
    if (message !== told) options.wait(message)
    told = message
    await new Promise<void>((resolve) => void clock.after(againMs, resolve))
  }
}

function judge(answer: Probe, { health, hostUptimeMs }: GateOptions, url: string): GateOpened | undefined {
  if (answer.kind === 'answered' && answer.status === 200)
    return { isLate: false, message: `${url} says that it is ready` }
  const isNobody = answer.kind === 'refused' && health === 'auto' && hostUptimeMs > bootMs
  return isNobody ? { isLate: false, message: `nobody answers at ${url}: this node has no kube-proxy` } : undefined
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

/** Asks over HTTP and waits a second. Never rejects. */
export function probeHttp(url: string): Promise<Probe> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 1000, agent: false }, (response) => {
      response.resume()
      resolve({ kind: 'answered', status: response.statusCode ?? 0 })
    })
    request.once('timeout', () => request.destroy(new Error('no answer within a second')))
    request.on('error', (error) => {
      const isRefused = 'code' in error && error.code === 'ECONNREFUSED'
      resolve(isRefused ? { kind: 'refused' } : { kind: 'failed', message: error.message })
    })
  })
}
