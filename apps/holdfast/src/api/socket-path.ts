import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where a running process answers questions when nobody says another place: what only its own user can reach. The
 * environment variable HOLDFAST_SOCKET names another default.
 */
export function defaultSocketPath(env: Readonly<Record<string, string | undefined>>, uid: number | undefined): string {
  const { HOLDFAST_SOCKET: own, XDG_RUNTIME_DIR: runtime } = env
  if (own !== undefined && own !== '') return own
  if (uid === 0) return '/run/holdfast/holdfast.sock'
  return runtime === undefined || runtime === ''
    ? join(tmpdir(), `holdfast-${uid ?? 'user'}`, 'holdfast.sock')
    : join(runtime, 'holdfast', 'holdfast.sock')
}
