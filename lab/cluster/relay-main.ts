// Leads a Unix socket to a TCP port of the network namespace that this runs in, or such a port to a Unix socket. Files are
// common to all namespaces, so that this is a way in and a way out. Usage: relay-main.ts FROM TO, each /PATH or ADDRESS@PORT
import { connect, createServer } from 'node:net'

type Spot = { readonly path: string } | { readonly host: string; readonly port: number }

const [from = '', to = ''] = process.argv.slice(2)
const server = createServer({ allowHalfOpen: true }, (incoming) => {
  const outgoing = connect({ ...spotOf(to), allowHalfOpen: true })
  // Whoever resets resets the other side too, and whatever ends badly does not stay half open.
  incoming.on('error', () => outgoing.resetAndDestroy()).pipe(outgoing)
  outgoing.on('error', () => incoming.destroy()).pipe(incoming)
})
server.listen(spotOf(from), () => process.stdout.write('listening\n'))

function spotOf(text: string): Spot {
  const [host = '', port] = text.split('@')
  return port === undefined ? { path: text } : { host, port: Number(port) }
}
