import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { Agent, request as httpsRequest } from 'node:https'
import type { Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { SecureContext } from 'node:tls'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { Lab } from '../harness/lab.ts'
import type { ApiRequest, Matcher, Rule } from './faults.ts'
import { matches, readRequest } from './faults.ts'
import type { Exchange } from './faulty-answer.ts'
import { passAnswer, replaceAnswer } from './faulty-answer.ts'
import type { Authority, Certificate } from './pki.ts'
import { freePort, ownLoopback } from './ports.ts'
import type { Arrival, ProxyProtocol } from './proxy-speakers.ts'
import { speakers } from './proxy-speakers.ts'
import { startRelay } from './relay.ts'

export interface ProxyOptions {
  /** Where requests go: `url` of a cluster. */
  readonly target: string
  /** Issues the proxy's certificate, and is what the target is checked against. */
  readonly authority: Authority
  /** Names and addresses of the proxy besides 127.0.0.1 and localhost. */
  readonly hosts?: readonly string[]
  /** Where it listens, IPv4; an address of the loopback that only this process uses unless given. */
  readonly address?: string
  /** HTTP/1.1 unless given. With HTTP/2, what breaks a connection breaks all on it. */
  readonly protocol?: ProxyProtocol
}

/** A request that came, in order. */
export interface SeenRequest extends ApiRequest {
  readonly userAgent: string
}

/**
 * Stands between a client and the API server and does what rules say. TLS ends here, and is spoken anew to the server, there always with HTTP/1.1.
 * Without rules everything passes as it is, except that answers are never compressed.
 */
export interface FaultProxy {
  /** https://ADDRESS:PORT; the same while the proxy lives. */
  readonly url: string
  /** Also listens on the loopback of a namespace; the URL there. What is reset ends there. */
  readonly expose: (lab: Lab, namespace: string) => Promise<string>
  /**
   * The rules from now on, in place of those before. Of the rules that match a request the first one decides; rules about events
   * hold for watches that are open already.
   */
  readonly setRules: (...rules: readonly Rule[]) => void
  /** How often a rule of this name took effect. */
  readonly applied: (name: string) => number
  readonly requests: (on?: Matcher) => readonly SeenRequest[]
  /** Events of watches of this resource that came to their client, whole or not. */
  readonly events: (resource: string) => number
  /** Requests under way. */
  readonly open: (on?: Matcher) => number
  /** RST to what is under way; how many that were. */
  readonly breakOff: (on?: Matcher) => number
  /** FIN, below TLS and HTTP, to what is under way; what the client still sends is read. How many that were. */
  readonly halfClose: (on?: Matcher) => number
  /** Nobody listens any more, and every connection gets RST. */
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  /** New connections are shown this certificate; undefined: the proxy's own again. */
  readonly present: (certificate: Certificate | undefined) => void
  readonly stop: () => Promise<void>
}

export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const address = options.address ?? ownLoopback()
  const port = await freePort(address)
  const hosts = ['localhost', '127.0.0.1', address, ...(options.hosts ?? [])]
  const own = await options.authority.issue(`proxy-${port}`, [...new Set(hosts)])
  const agent = new Agent({ keepAlive: true, ca: readFileSync(options.authority.certificateFile) })
  const state = createState()
  let context = contextOf(own)
  const connections = new Map<Socket, TLSSocket>()
  const speak = speakers[options.protocol ?? 'http/1.1']((incoming) => {
    handle({ ...incoming, state, target: options.target, agent })
  })
  const accept = (raw: Socket): void => {
    raw.on('error', () => raw.destroy())
    raw.setNoDelay(true)
    const ALPNProtocols = [options.protocol ?? 'http/1.1']
    const secure = new TLSSocket(raw, { isServer: true, secureContext: context, ALPNProtocols })
    secure.on('error', () => raw.destroy())
    connections.set(raw, secure)
    raw.on('close', () => connections.delete(raw))
    secure.on('secure', () => speak({ raw, secure }))
  }
  const listeners: Server[] = []
  const listenOn = async (where: { readonly path: string } | { readonly host: string; readonly port: number }) => {
    const server = createServer(accept)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(where, resolve)
    })
    listeners.push(server)
  }
  const down = async (): Promise<void> => {
    const closed = listeners.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))
    for (const [raw, secure] of connections) reset(raw, secure)
    await Promise.all(closed)
  }
  const places: Parameters<typeof listenOn>[0][] = [{ host: address, port }]
  const up = async (): Promise<void> => {
    for (const place of places) await listenOn(place)
  }
  await up()
  return {
    url: `https://${address}:${port}`,
    expose: async (lab, namespace) => {
      const path = join(lab.directory, `proxy-${port}-${places.length}.sock`)
      places.push({ path })
      await listenOn({ path })
      await startRelay(lab, namespace, { from: `127.0.0.1@${port}`, to: path })
      return `https://127.0.0.1:${port}`
    },
    setRules: state.setRules,
    applied: (name) => state.applied.get(name) ?? 0,
    requests: (on) => state.requests.filter((request) => matches(on, request)),
    events: (resource) => state.events.get(resource) ?? 0,
    open: (on) => state.open(on).length,
    breakOff: (on) => {
      const broken = state.open(on)
      for (const exchange of broken) exchange.reset()
      return broken.length
    },
    halfClose: (on) => {
      const closed = state.open(on)
      for (const exchange of closed) exchange.halfClose()
      return closed.length
    },
    down,
    up,
    present: (certificate) => (context = contextOf(certificate ?? own)),
    stop: async () => {
      await down()
      agent.destroy()
    },
  }
}

/**
 * RST; where an end is being sent already, that must do: Node 24 never ends after a reset of such a socket. So it must for who comes
 * over a Unix socket, from a namespace: those have none.
 */
function reset(raw: Socket, secure: Socket): void {
  if (secure.writableEnded || !('family' in raw.address())) raw.destroy()
  else raw.resetAndDestroy()
}

const contextOf = ({ certificateFile, keyFile }: Certificate): SecureContext =>
  createSecureContext({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) })

interface State {
  readonly setRules: (...rules: readonly Rule[]) => void
  /** The rules that match and may still take effect. */
  readonly rulesFor: (request: ApiRequest) => readonly Rule[]
  /** False: its times are used up. */
  readonly use: (rule: Rule) => boolean
  readonly applied: ReadonlyMap<string, number>
  readonly requests: SeenRequest[]
  readonly events: Map<string, number>
  readonly enter: (exchange: Exchange) => void
  readonly leave: (exchange: Exchange) => void
  readonly open: (on: Matcher | undefined) => readonly Exchange[]
  /** The first list that was passed for a selection. */
  readonly lists: Map<string, string>
}

function createState(): State {
  let rules: readonly Rule[] = []
  const uses = new Map<Rule, number>()
  const applied = new Map<string, number>()
  const underWay = new Set<Exchange>()
  const isLeft = (rule: Rule): boolean => (uses.get(rule) ?? 0) < (rule.times ?? Infinity)
  return {
    setRules: (...next) => {
      rules = next
      for (const exchange of underWay) if (!exchange.isCutOff()) exchange.poke()
    },
    rulesFor: (request) => rules.filter((rule) => matches(rule.on, request) && isLeft(rule)),
    use: (rule) => {
      if (!isLeft(rule)) return false
      uses.set(rule, (uses.get(rule) ?? 0) + 1)
      applied.set(rule.name, (applied.get(rule.name) ?? 0) + 1)
      return true
    },
    applied,
    requests: [],
    events: new Map(),
    enter: (exchange) => void underWay.add(exchange),
    leave: (exchange) => void underWay.delete(exchange),
    open: (on) => [...underWay].filter((exchange) => !exchange.isCutOff() && matches(on, exchange.request)),
    lists: new Map(),
  }
}

interface Incoming extends Arrival {
  readonly state: State
  readonly target: string
  readonly agent: Agent
}

function handle({ request, response, raw, secure, state, target, agent }: Incoming): void {
  const seen = readRequest(request.method ?? 'GET', request.url ?? '/')
  state.requests.push({ ...seen, userAgent: request.headers['user-agent'] ?? '' })
  // Whoever breaks off has errors of its own making.
  response.on('error', () => undefined)
  const exchange: Exchange = {
    request: seen,
    // What is used of it is the same for both.
    response: response as ServerResponse,
    reset: () => reset(raw, secure),
    breakOff: () => {
      if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      else raw.destroy()
    },
    hangUp: () => void secure.end(),
    halfClose: () => void raw.end(),
    writeRaw: (bytes) => void raw.end(bytes),
    isCutOff: () => raw.writableEnded,
    rules: () => state.rulesFor(seen),
    use: state.use,
    countEvent: () => void state.events.set(seen.resource, (state.events.get(seen.resource) ?? 0) + 1),
    lists: state.lists,
    poke: () => undefined,
  }
  state.enter(exchange)
  response.on('close', () => state.leave(exchange))
  const delayMs = replaceAnswer(exchange)
  if (delayMs === 'replaced') return
  const forward = (): void => {
    const headers = onwardHeaders(request.headers, new URL(target).host)
    const onward = httpsRequest(new URL(seen.path, target), { agent, method: request.method, headers })
    onward.on('response', (answer) => passAnswer(exchange, answer))
    onward.on('error', exchange.reset)
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }
  if (delayMs === 0) forward()
  else setTimeout(forward, delayMs)
}

/** Without what is about the client's connection: HTTP/2 writes method and path as headers. */
function onwardHeaders(headers: IncomingHttpHeaders, host: string): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(':') && name !== 'accept-encoding')
  return { ...Object.fromEntries(kept), host }
}
