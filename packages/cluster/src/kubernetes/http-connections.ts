import type { TlsSettings } from './credentials-types.ts'
import { connectTls, type Connected, type Connecting } from './http-connect.ts'
import { noAnswer, tooLate, type Answer, type Call, type NoAnswer, type Route } from './http-exchange.ts'
import { createAgents, type Agents } from './http1-agents.ts'
import { exchangeOverHttp1 } from './http1-exchange.ts'
import { exchangeOverHttp2 } from './http2-exchange.ts'
import { createHttp2Session, type Http2Session, type PingLimits } from './http2-session.ts'

/*
 * Requests and watches share connections of HTTP/2: mostly one. Another is made when the server takes no more requests on it, or leaves
 * (GOAWAY), or when there are new certificates; the watches on the old one go on there. Where the server, or a proxy on the way, does
 * not agree to HTTP/2, HTTP/1.1 is spoken until a connection fails: then it is asked anew.
 */

export interface Connections {
  /** Sends a call and resolves when the head of the answer is there. Never rejects. */
  readonly send: (call: Call, route: Route, tls: TlsSettings, use: Use) => Promise<Answer | NoAnswer>
  /** Breaks everything off. */
  readonly close: () => void
}

export type Use = 'requests' | 'watches'

export interface ConnectionLimits extends PingLimits {
  /** Of HTTP/1.1. */
  readonly maxConnections: number
}

export function createConnections(limits: ConnectionLimits): Connections {
  const agents = createAgents(limits.maxConnections)
  const sessions = new Set<Http2Session>()
  const underWay = new Set<Connecting>()
  let current: { readonly tls: TlsSettings; readonly group: Group } | undefined

  const groupOf = (tls: TlsSettings): Group => {
    if (current?.tls === tls) return current.group
    current?.group.retire()
    current = { tls, group: createGroup(tls, { agents, limits, sessions, underWay }) }
    return current.group
  }
  return {
    send: async (call, route, tls, use) => await groupOf(tls).send(call, route, use),
    close: () => {
      for (const connecting of underWay) connecting.abort()
      for (const session of sessions) session.destroy()
      agents.close()
    },
  }
}

interface Group {
  readonly send: (call: Call, route: Route, use: Use) => Promise<Answer | NoAnswer>
  readonly retire: () => void
}

interface Shared {
  readonly agents: Agents
  readonly limits: ConnectionLimits
  /** Of all groups. */
  readonly sessions: Set<Http2Session>
  readonly underWay: Set<Connecting>
}

/** So many connections that end as soon as they have come about are none. */
const maxLeft = 3

type Way = Exclude<Connected, { readonly kind: 'http2' }> | { readonly kind: 'session'; readonly session: Http2Session }

/** The connections that are made with the same certificates. */
function createGroup(tls: TlsSettings, { agents, limits, sessions, underWay }: Shared): Group {
  const own = new Set<Http2Session>()
  let opening: Promise<Way> | undefined
  let isHttp1 = false

  const open = async ({ server, clock, limits: { connectMs } }: Route): Promise<Way> => {
    const connecting = connectTls({ server, tls, clock, connectMs })
    underWay.add(connecting)
    const connected = await connecting.outcome
    underWay.delete(connecting)
    opening = undefined
    if (connected.kind !== 'http2') return connected
    const session = createHttp2Session(connected.socket, clock, limits)
    for (const set of [own, sessions]) set.add(session)
    void session.closed.then(() => [own, sessions].forEach((set) => set.delete(session)))
    return { kind: 'session', session }
  }
  /** A session is taken for the caller. */
  const findWay = async (route: Route): Promise<Way> => {
    for (let left = 0; left < maxLeft;) {
      const session = [...own].find((one) => one.take())
      if (session !== undefined) return { kind: 'session', session }
      const way = await (opening ??= open(route))
      if (way.kind !== 'session') return way
      // Many may have waited for it, and filled it.
      if (way.session.isLeaving()) left += 1
    }
    return { kind: 'failed', error: Object.assign(new Error('It leaves at once.'), { code: 'ECONNRESET' }) }
  }
  const sendOverHttp1 = async (call: Call, route: Route, use: Use): Promise<Answer | NoAnswer> => {
    isHttp1 = true
    const outcome = await exchangeOverHttp1(call, route, agents.of(tls)[use])
    if (outcome.kind === 'noAnswer' && call.signal?.aborted !== true) isHttp1 = false
    return outcome
  }
  const send = async (call: Call, route: Route, use: Use): Promise<Answer | NoAnswer> => {
    if (isHttp1) return await sendOverHttp1(call, route, use)
    const way = await findWay(route)
    if (call.signal?.aborted === true) {
      if (way.kind === 'session') way.session.release()
      return noAnswer(call, route.server, undefined)
    }
    switch (way.kind) {
      case 'session':
        return await exchangeOverHttp2(call, route, way.session)
      case 'http1':
        return await sendOverHttp1(call, route, use)
      case 'late': {
        const fault = tooLate(call, route.server, 'the connection', route.limits.connectMs)
        return noAnswer(call, route.server, undefined, { fault })
      }
      case 'failed':
        return noAnswer(call, route.server, way.error)
    }
  }
  return {
    send,
    retire: () => {
      for (const session of own) session.retire()
    },
  }
}
