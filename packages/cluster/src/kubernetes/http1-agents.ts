import { Agent } from 'node:https'
import type { TlsSettings } from './credentials-types.ts'

/** A free connection is given up before the API server does so (90 s), or a request would be lost on it. */
const idleMs = 30_000

export interface AgentPair {
  /** For requests: a few connections that are used again. */
  readonly requests: Agent
  /** For watches: a connection each, so that none waits for another one. */
  readonly watches: Agent
}

export interface Agents {
  /** Those of these settings. With new ones, free connections are closed; what is under way goes on. */
  readonly of: (tls: TlsSettings) => AgentPair
  /** Breaks everything off. */
  readonly close: () => void
}

export function createAgents(maxConnections: number): Agents {
  let current: { readonly tls: TlsSettings; readonly pair: AgentPair } | undefined
  const retired = new Set<Agent>()

  const of = (tls: TlsSettings): AgentPair => {
    if (current?.tls === tls) return current.pair
    if (current !== undefined) retire(current.pair)
    current = { tls, pair: createPair(tls, maxConnections) }
    return current.pair
  }
  const retire = ({ requests, watches }: AgentPair): void => {
    for (const agent of retired) if (Object.keys(agent.sockets).length === 0) retired.delete(agent)
    requests.maxFreeSockets = 0
    for (const sockets of Object.values(requests.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
    for (const agent of [requests, watches]) retired.add(agent)
  }
  const close = (): void => {
    for (const agent of retired) agent.destroy()
    current?.pair.requests.destroy()
    current?.pair.watches.destroy()
  }
  return { of, close }
}

function createPair(tls: TlsSettings, maxConnections: number): AgentPair {
  const secured = {
    secureContext: tls.secureContext,
    rejectUnauthorized: tls.isVerified,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  }
  return {
    requests: new Agent({
      ...secured,
      keepAlive: true,
      maxSockets: maxConnections,
      maxFreeSockets: maxConnections,
      timeout: idleMs,
      scheduling: 'lifo',
    }),
    watches: new Agent({ ...secured, keepAlive: false }),
  }
}
