import type { Socket } from 'node:net'

/** A connection on which nothing comes is asked for a sign after so long, then every second, ten times. */
const probes = { afterMs: 15_000, everyMs: 1000, count: 10 } as const

/**
 * TCP keep-alive: finds within 25 s that the host at the other end, or the way to it, is gone, where the kernel has nothing of ours
 * on the way. Node offers no TCP_USER_TIMEOUT, which would bound that too; an answer that does not come has its own time limit. It does
 * not find a server that has hung: its kernel goes on answering.
 */
export function keepAlive(socket: Socket): void {
  socket.setKeepAlive(true, probes.afterMs, probes.everyMs, probes.count)
}
