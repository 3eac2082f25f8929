import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { ApiRequest, BodyFault, Fault, ListFault, ObjectFault, Rule } from './faults.ts'
import { statusObject } from './faults.ts'
import { spoilList } from './faulty-list.ts'
import { createWatchFilter, type Outcome } from './faulty-watch.ts'

/** One request under way, and the means to spoil its answer. */
export interface Exchange {
  readonly request: ApiRequest
  /** With HTTP/2, Node's compatible one. */
  readonly response: ServerResponse
  /** RST to the client. */
  readonly reset: () => void
  /**
   * The connection is closed below TLS and HTTP, which both expected more; with HTTP/2 the stream is reset. What was written before
   * arrives.
   */
  readonly breakOff: () => void
  /** The connection is closed as agreed, without an answer. */
  readonly hangUp: () => void
  /** FIN below TLS and HTTP, and nothing is said any more; what comes is read. */
  readonly halfClose: () => void
  /** Below TLS; then FIN. */
  readonly writeRaw: (bytes: string) => void
  /** FIN was sent below TLS: nothing comes to the client any more, whenever it is that Node says so of this request. */
  readonly isCutOff: () => boolean
  /** Those that match now and may still take effect. */
  readonly rules: () => readonly Rule[]
  /** False: its times are used up. */
  readonly use: (rule: Rule) => boolean
  /** An event of the watch was sent to the client. */
  readonly countEvent: () => void
  /** The first list passed for each selection. */
  readonly lists: Map<string, string>
  /** Called when the rules changed. */
  poke: () => void
}

/** What the fault does before the request is passed on: so many ms to wait, or the answer was replaced. */
export function replaceAnswer(exchange: Exchange): number | 'replaced' {
  const [rule] = exchange.rules()
  if (rule === undefined) return 0
  const { fault } = rule
  if (fault.kind === 'delay') return exchange.use(rule) ? fault.ms : 0
  const replace = replacement(exchange, fault)
  if (replace === undefined || !exchange.use(rule)) return 0
  replace()
  return 'replaced'
}

function replacement({ response, reset, hangUp, writeRaw }: Exchange, fault: Fault): (() => void) | undefined {
  switch (fault.kind) {
    case 'reset':
      return reset
    case 'hangUp':
      return hangUp
    case 'silence':
      return () => undefined
    case 'notHttp':
      return () => writeRaw('SSH-2.0-lab\r\n')
    case 'answer':
      return () => response.writeHead(200, { 'content-type': fault.contentType }).end(fault.body)
    case 'status':
      return () => {
        if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds))
        response.writeHead(fault.status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(statusObject(fault.status)))
      }
    default:
      return undefined
  }
}

/** Passes the server's answer on, as the rules have it. */
export function passAnswer(exchange: Exchange, answer: IncomingMessage): void {
  // Also ours, where the client was the first to go.
  answer.on('error', () => {
    if (!exchange.response.writableEnded) exchange.reset()
  })
  const [rule] = exchange.rules()
  if (rule?.fault.kind === 'loseAnswer' && exchange.use(rule)) {
    exchange.reset()
    return
  }
  const isList = exchange.request.verb === 'list' && answer.statusCode === 200
  if (exchange.request.verb === 'watch' && answer.statusCode === 200) passWatch(exchange, answer)
  else if (isList || isAboutBytes(rule?.fault)) void collect(answer).then((body) => passBody(exchange, answer, body))
  else {
    writeHead(exchange, answer)
    answer.pipe(exchange.response)
  }
}

function passWatch(exchange: Exchange, answer: IncomingMessage): void {
  writeHead(exchange, answer)
  exchange.response.flushHeaders()
  const filter = createWatchFilter(exchange)
  let isOver = false
  /** What is over uses up no rule: another watch is to meet it. */
  const perform = (next: () => Outcome): void => {
    if (isOver) return
    const { text, fate } = next()
    isOver = fate !== 'goesOn'
    if (fate === 'ends') exchange.response.end(text)
    else if (fate === 'breaksOff') exchange.response.write(text, () => exchange.breakOff())
    else if (text !== '') exchange.response.write(text)
  }
  const pass = (line: string): Outcome => {
    const outcome = filter.pass(line)
    if (outcome.text !== '') exchange.countEvent()
    return outcome
  }
  exchange.poke = () => perform(filter.poke)
  let rest = ''
  answer.setEncoding('utf8')
  answer.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (exchange.isCutOff()) return
    for (const line of lines) perform(() => pass(`${line}\n`))
  })
  answer.on('end', () => {
    if (!isOver) exchange.response.end(rest)
  })
  exchange.poke()
}

const bodyFaults: ReadonlySet<Fault['kind']> = new Set<BodyFault['kind']>(['cut', 'truncate', 'slow'])

const isAboutBytes = (fault: Fault | undefined): fault is BodyFault => fault !== undefined && bodyFaults.has(fault.kind)

const listFaults: ReadonlySet<Fault['kind']> = new Set<(ListFault | ObjectFault)['kind']>([
  ...(['emptyList', 'omitItems', 'forgetContinue', 'wrongKind', 'staleList', 'inflate'] as const),
])

const isAboutLists = (fault: Fault | undefined): fault is ListFault | ObjectFault =>
  fault !== undefined && listFaults.has(fault.kind)

async function collect(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer)
  } catch {
    // Its 'error' has reset the client already; what came is of no use.
    return Buffer.alloc(0)
  }
  return Buffer.concat(chunks)
}

function passBody(exchange: Exchange, answer: IncomingMessage, body: Buffer): void {
  const [rule] = exchange.rules()
  writeHead(exchange, answer)
  if (rule === undefined) remember(exchange, body)
  if (rule !== undefined && isAboutBytes(rule.fault) && exchange.use(rule)) spoilBytes(exchange, rule.fault, body)
  else exchange.response.end(spoiltBody(exchange, rule, body) ?? body)
}

function remember({ lists, request }: Exchange, body: Buffer): void {
  const key = selectionOf(request.path)
  if (key !== undefined && !lists.has(key)) lists.set(key, body.toString())
}

/** undefined: as it is. */
function spoiltBody(exchange: Exchange, rule: Rule | undefined, body: Buffer): string | undefined {
  if (rule === undefined || !isAboutLists(rule.fault)) return undefined
  const spoilt = spoiltList(exchange, rule.fault, body)
  return spoilt !== undefined && exchange.use(rule) ? spoilt : undefined
}

function spoiltList({ lists, request }: Exchange, fault: ListFault | ObjectFault, body: Buffer): string | undefined {
  if (fault.kind !== 'staleList') return spoilList(body.toString(), fault)
  const key = selectionOf(request.path)
  return key === undefined ? undefined : lists.get(key)
}

/** What is the same when the same list is asked for again; undefined for a further page. */
function selectionOf(path: string): string | undefined {
  const url = new URL(path, 'https://server')
  if (url.searchParams.has('continue')) return undefined
  for (const name of ['resourceVersion', 'resourceVersionMatch']) url.searchParams.delete(name)
  return url.pathname + url.search
}

function spoilBytes(exchange: Exchange, fault: BodyFault, body: Buffer): void {
  const { response } = exchange
  if (fault.kind === 'slow') void writeSlowly(response, body, fault)
  else if (fault.kind === 'truncate') response.end(body.subarray(0, fault.afterBytes))
  else response.write(body.subarray(0, fault.afterBytes), () => exchange.breakOff())
}

async function writeSlowly(
  response: Exchange['response'],
  body: Buffer,
  pace: BodyFault & { kind: 'slow' },
): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += pace.bytes) {
    response.write(body.subarray(at, at + pace.bytes))
    await pause(pace.everyMs)
  }
  response.end()
}

/** The length may not be what it was: the body is sent in chunks. */
function writeHead({ response }: Exchange, answer: IncomingMessage): void {
  const headers = { ...answer.headers }
  for (const name of ['content-length', 'transfer-encoding', 'connection', 'keep-alive']) {
    Reflect.deleteProperty(headers, name)
  }
  response.writeHead(answer.statusCode ?? 502, headers)
}
