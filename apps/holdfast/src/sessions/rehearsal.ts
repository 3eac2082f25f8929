import type { Transport } from '@holdfast/net'
import { rehearseSessions } from '@holdfast/net'
import type { Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import type { SessionNow } from './session.ts'
import { describeError } from './session-words.ts'

/** A router that is there has answered by then. */
const delayMs = 100

/** The first round compiles; by the sixth, V8 has seen enough of the values that pass through to make their code fast. */
const rounds = 6

export interface RehearsalSurroundings {
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
  readonly sessions: () => readonly Pick<SessionNow, 'snapshot'>[]
}

export interface Rehearsal {
  /** Resolves when it is over. Never rejects. */
  readonly stop: () => Promise<void>
}

/**
 * The first session of a process costs many times what the next one does, in code that has never run before. Where no router
 * has come yet, that is spent now, while there is nothing else to do, and not when one comes; where a session is up, it
 * has been spent already.
 */
export function rehearseWhenIdle({ transport, clock, report, sessions }: RehearsalSurroundings): Rehearsal {
  let isOver: Promise<unknown> = Promise.resolve()
  const alarm = clock.after(delayMs, () => {
    const isWarm = sessions().some(({ snapshot }) => (snapshot?.establishedCount ?? 0) > 0)
    if (isWarm) return
    // A defect here costs the rehearsal, not the process.
    isOver = rehearseSessions({ transport, clock, rounds }).catch((error: unknown) =>
      report({ event: 'defect', message: `the rehearsal of a session: ${describeError(error)}` }),
    )
  })
  return {
    stop: async () => {
      alarm.cancel()
      await isOver
    },
  }
}
