import type { Server, Socket } from 'node:net'

/**
 * The descriptor of an open socket, which Node keeps in a handle that has no type. undefined: it is closed, or this Node keeps
 * it elsewhere. It belongs to Node: never to be closed, never to be kept.
 */
export function descriptorOf(socket: Socket | Server): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  const descriptor: unknown = Reflect.get(handle, 'fd')
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined
}
