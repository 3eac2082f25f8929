// A BGP speaker that does just enough to keep a session: it shows what TCP did, over the transport of @holdfast/net. Usage:
// speaker-main.ts JSON, a list of sessions. Each prints what happens to it as JSON lines. On SIGUSR1 each takes its `next` options.
import { parseAddress, type Address } from '@holdfast/ip'
import { createTcpTransport, type Connection, type Listener, type SocketOptions } from '@holdfast/net'
import { talk } from './small-bgp.ts'

export interface SpeakerSession {
  readonly name: string
  readonly asn: number
  /** dial: `address` and `port` are the other end's. listen: `address` is the peer that is protected, `port` our own. */
  readonly role: 'dial' | 'listen'
  readonly address: string
  readonly port: number
  /** Our own address. */
  readonly source: string
  readonly options: Partial<SocketOptions>
  readonly next?: Partial<SocketOptions>
}

const NO_OPTIONS: SocketOptions = {
  md5Password: undefined,
  tcpAo: undefined,
  ttl: undefined,
  minimumTtl: undefined,
  device: undefined,
}

const REDIAL_MS = 1000
const DIAL_MS = 3000
const transport = createTcpTransport()
const sessions = JSON.parse(process.argv[2] ?? '[]') as readonly SpeakerSession[]

const print = (session: SpeakerSession, event: string, more: Readonly<Record<string, unknown>> = {}): void => {
  process.stdout.write(`${JSON.stringify({ session: session.name, event, ...more })}\n`)
}

const addressOf = (text: string): Address => {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${text} ${parsed.fault.message}`)
  return parsed.value
}

function serve(session: SpeakerSession, connection: Connection, ended: () => void): void {
  print(session, 'connected')
  talk(connection, session.asn, {
    received: (type) => print(session, 'received', { type }),
    closed: (fault) => {
      print(session, 'closed', { fault })
      ended()
    },
  })
}

function run(session: SpeakerSession): (options: Partial<SocketOptions>) => void {
  let options = { ...NO_OPTIONS, ...session.options }
  let connection: Connection | undefined
  let listener: Listener | undefined
  const protect = (): void => {
    for (const { fault } of listener?.protect([{ address: addressOf(session.address), socket: options }]) ?? [])
      print(session, 'unprotected', { fault })
  }

  function dial(): void {
    const to = { address: addressOf(session.address), port: session.port }
    const from = { address: addressOf(session.source), port: 0 }
    transport.dial({ to, from, timeoutMs: DIAL_MS, socket: options }, (result) => {
      if (result.kind === 'failed') print(session, 'failed', { fault: result.fault })
      const again = (): void => void setTimeout(dial, REDIAL_MS)
      if (result.kind === 'failed') again()
      else serve(session, (connection = result.connection), again)
    })
  }

  async function listen(): Promise<void> {
    const result = await transport.listen(
      { address: addressOf(session.source), port: session.port },
      {
        accepted: (one) => serve(session, (connection = one), () => undefined),
        faulted: (fault) => print(session, 'faulted', { fault }),
      },
    )
    if (result.kind === 'failed') {
      print(session, 'failed', { fault: result.fault })
      return
    }
    listener = result.listener
    protect()
    print(session, 'listening')
  }

  const obstacle = transport.obstacle(options)
  if (obstacle !== undefined) print(session, 'obstacle', { fault: obstacle })
  if (session.role === 'dial') dial()
  else void listen()
  return (next) => {
    options = { ...NO_OPTIONS, ...next }
    protect()
    const fault = connection?.secure(options)
    print(session, 'secured', { fault })
  }
}

const changes = sessions.map((session) => ({ session, change: run(session) }))
process.on('SIGUSR1', () => {
  for (const { session, change } of changes) if (session.next !== undefined) change(session.next)
})
