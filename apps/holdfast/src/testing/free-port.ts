import { createServer } from 'node:net'

const [first, end, each] = [10_000, 20_000, 16]
let drawn = 0

/**
 * A port of the loopback that is free now: for programs where 0 means something else. It lies below the kernel's own range (32768 and
 * up), from which any connection could take it before the program that it is for listens, and processes side by side draw from ranges
 * of their own.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + ((process.pid * each + drawn) % (end - first))
    drawn += 1
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
