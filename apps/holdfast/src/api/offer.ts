import type { Event } from '../events.ts'
import { StartUpError } from '../start-up-error.ts'
import { startApi, type Answers } from './server.ts'
import { defaultSocketPath } from './socket-path.ts'

/**
 * Answers questions at a Unix socket and tells of it. One that was asked for has to work: throws `StartUpError` where it does not. The
 * default one (`socket` undefined) is an offer: undefined where it cannot be had.
 */
export async function offerApi(
  socket: string | undefined,
  answers: Answers,
  report: (event: Event) => void,
): Promise<{ readonly close: () => Promise<void> } | undefined> {
  const path = socket ?? defaultSocketPath(process.env, process.getuid?.())
  const start = await startApi(path, answers)
  const told = { event: 'listening', purpose: 'api', address: path } as const
  if (start.kind === 'listening') {
    report({ ...told, outcome: 'listening' })
    return start
  }
  if (socket !== undefined) {
    throw new StartUpError(`cannot answer at ${path}: ${start.message}`, 'Choose another place with --socket.')
  }
  report({ ...told, outcome: 'failed', message: start.message })
  return undefined
}
