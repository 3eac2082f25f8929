// Finds the router of a link without addresses, over @holdfast/net, and has a session with it. Prints what happens as JSON lines.
// Usage: speaker-main.ts DEVICE dial|listen|look
import { formatAddress, type Address } from '@holdfast/ip'
import { createTcpTransport, discoverNeighbor, type Connection, type Listener } from '@holdfast/net'
import { systemClock } from '@holdfast/runtime'
import { talk } from '../session-security/small-bgp.ts'

const [device = '', role = 'look'] = process.argv.slice(2)
const clock = systemClock()
const transport = createTcpTransport(clock)
const socket = { md5Password: undefined, tcpAo: undefined, ttl: 255, minimumTtl: 255, device }

const print = (event: string, more: Readonly<Record<string, unknown>> = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
}

function serve(connection: Connection): void {
  print('connected', { remote: formatAddress(connection.remote.address), device: connection.device })
  talk(connection, 64500, {
    received: (type) => print('received', { type }),
    closed: (fault) => print('closed', { fault }),
  })
}

function dial(address: Address): void {
  transport.dial({ to: { address, port: 179 }, from: undefined, timeoutMs: 5000, socket }, (result) => {
    if (result.kind === 'connected') serve(result.connection)
    else print('failed', { fault: result.fault })
  })
}

let listener: Listener | undefined
if (role === 'listen') {
  const at = { address: { family: 'ipv6', value: 0n }, port: 179 } as const
  const result = await transport.listen(at, { accepted: serve, faulted: (fault) => print('faulted', { fault }) })
  print(result.kind)
  if (result.kind === 'listening') listener = result.listener
}

function found(address: Address): void {
  print('found', { address: formatAddress(address) })
  for (const { fault } of listener?.protect([{ address, socket }]) ?? []) print('unprotected', { fault })
  if (role === 'dial') dial(address)
}

discoverNeighbor({
  device,
  clock,
  observe: (event) => {
    if (event.kind === 'obstacle') print('obstacle', { message: event.message, remedy: event.remedy })
    else if (event.kind === 'lost') print('lost', { address: formatAddress(event.address) })
    else found(event.address)
  },
})
