import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** What a peer under test conditions does once its session is up. KEEPALIVEs it sends always, unless it says otherwise. */
export type Load =
  | { readonly kind: 'none' }
  /** Announces so many /32, as fast as they are taken. */
  | { readonly kind: 'prefixes'; readonly count: number }
  /** ROUTE-REFRESH for IPv4 unicast, and no KEEPALIVE. */
  | { readonly kind: 'refreshes'; readonly perSecond: number }
  /** KEEPALIVEs, as fast as they are taken. */
  | { readonly kind: 'keepalives' }
  /** Reads nothing any more. */
  | { readonly kind: 'deaf' }

export interface LoadPeerOptions {
  /** Addresses of loopback; a session for each. */
  readonly from: readonly string[]
  readonly to: { readonly host: string; readonly port: number }
  readonly asn: number
  readonly holdTimeSeconds: number
  readonly load: Load
}

/** What a peer saw, all its sessions together; times in milliseconds. */
export interface LoadReport {
  readonly established: number
  /** The longest time between two messages of a session that is up, or from its last one until now. */
  readonly longestGapMs: number
  readonly keepalives: number
  readonly updates: number
  /** `4/0`, and how long after the session was up. */
  readonly notifications: readonly { readonly codes: string; readonly afterMs: number }[]
  readonly closed: readonly string[]
  /** The load is under way completely. */
  readonly isSent: boolean
}

/** A peer in a thread of its own, which nothing in this one delays. Its bytes are made by hand. */
export interface LoadPeer {
  readonly report: () => Promise<LoadReport>
  /** Begins the load; measures from here on. */
  readonly begin: () => void
  readonly stop: () => Promise<unknown>
}

export function startLoadPeer(options: LoadPeerOptions): LoadPeer {
  const worker = new Worker(new URL('./load-peer-thread.ts', import.meta.url), { workerData: options })
  return {
    report: async () => {
      const answered = once(worker, 'message')
      worker.postMessage('report')
      const [report] = (await answered) as [LoadReport]
      return report
    },
    begin: () => worker.postMessage('begin'),
    stop: () => worker.terminate(),
  }
}
