import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * A port that nobody listens on. It lies below the kernel's own range (32768 and up), from which an outgoing connection could take
 * it while the server that it is for is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000)
    const server = createServer()
    if (await listen(server, port)) {
      await new Promise((resolve) => server.close(resolve))
      return port
    }
  }
}

/** Leads a port of the host's loopback to a Unix socket. Ends with `close`, connections included. */
export async function relayToSocket(path: string): Promise<{ readonly port: number; readonly close: () => void }> {
  const port = await freePort()
  const ends = new Set<() => void>()
  const server = createServer({ allowHalfOpen: true }, (from) => {
    const to = connect({ path, allowHalfOpen: true })
    const end = (): void => {
      from.destroy()
      to.destroy()
      ends.delete(end)
    }
    ends.add(end)
    from.on('error', end).on('close', end).pipe(to)
    to.on('error', end).pipe(from)
  })
  if (!(await listen(server, port))) throw new Error(`port ${port} was taken meanwhile`)
  server.unref()
  return {
    port,
    close: () => {
      server.close()
      for (const end of ends) end()
    },
  }
}

function listen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
}
