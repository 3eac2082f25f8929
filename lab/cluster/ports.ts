import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { Server } from 'node:net'

/**
 * An address of the host's loopback that no other process of these tests listens on: tests run side by side, and a port that is
 * free when it is drawn may be another one's when it is used. Linux has all of 127.0.0.0/8, and no process id has more than 22 bits.
 */
export function ownLoopback(pid = process.pid): string {
  return `127.${64 + (pid >> 16)}.${(pid >> 8) & 255}.${pid & 255}`
}

const given = new Set<number>()

/**
 * A port of `address` that nobody listens on and that this process has not drawn before. It lies below the kernel's own range (32768
 * and up), from which an outgoing connection could take it while the server that it is for is down.
 */
export async function freePort(address = ownLoopback()): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000)
    const server = createServer()
    if (!given.has(port) && (await listen(server, { address, port }))) {
      given.add(port)
      await new Promise((resolve) => server.close(resolve))
      return port
    }
  }
}

/** Leads a port of `ownLoopback` to a Unix socket. Ends with `close`, connections included. */
export async function relayToSocket(path: string): Promise<{ readonly port: number; readonly close: () => void }> {
  const [address, port] = [ownLoopback(), await freePort()]
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
  if (!(await listen(server, { address, port }))) throw new Error(`port ${port} of ${address} was taken meanwhile`)
  server.unref()
  return {
    port,
    close: () => {
      server.close()
      for (const end of ends) end()
    },
  }
}

function listen(server: Server, { address, port }: { address: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, address, () => resolve(true))
  })
}
