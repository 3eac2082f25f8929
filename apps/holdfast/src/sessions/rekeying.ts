import type { PeerSnapshot } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import type { SessionSettings } from './session-settings.ts'
import type { WantedSession } from './wanted-sessions.ts'

export interface RekeyingOptions {
  readonly clock: Clock
  readonly report: Report
  readonly wanted: WantedSession
  /** Of the session; undefined: there is none yet. */
  readonly snapshot: () => PeerSnapshot | undefined
}

type Keyed = Pick<SessionSettings, 'socket' | 'passwordFrom'>

const lookEveryMs = 5000
/** What was under way when the key changed came with the old one. */
const settleMs = 1000

/**
 * Tells of a session's changed keys, never with one of them, and of the router's first message after that. Where none comes the hold
 * timer ends the session, which is told as any end is, with the key as the first thing to look at.
 */
export class Rekeying {
  readonly #options: RekeyingOptions
  #alarm: Alarm | undefined

  constructor(options: RekeyingOptions) {
    this.#options = options
  }

  changed(before: Keyed, after: Keyed): void {
    const { clock, wanted, snapshot } = this.#options
    const words = [passwordWords(before, after, wanted.peer), tcpAoWords(before, after, wanted.peer)]
    const told = words.filter((one) => one !== undefined)
    for (const { changed } of told) this.#tell(changed)
    const [first] = told
    if (first === undefined) return
    this.stop()
    if (snapshot()?.state === 'established') this.#look(first.answers, clock.now() + settleMs)
  }

  stop(): void {
    this.#alarm?.cancel()
  }

  #look(answers: string, sinceMs: number): void {
    const { clock, snapshot } = this.#options
    this.#alarm = clock.after(lookEveryMs, () => {
      const { state, lastReceivedMs = -Infinity } = snapshot() ?? {}
      if (state !== 'established') return
      if (lastReceivedMs > sinceMs) this.#tell(answers)
      else this.#look(answers, sinceMs)
    })
  }

  #tell(message: string): void {
    const { report, wanted } = this.#options
    report({ event: 'rekeyed', node: wanted.node, peer: wanted.peer, message })
  }
}

interface Words {
  readonly changed: string
  readonly answers: string
}

function passwordWords(before: Keyed, after: Keyed, peer: string): Words | undefined {
  const [old, fresh] = [before, after].map(({ socket }) => socket?.md5Password)
  if (old === fresh) return undefined
  const verb = old === undefined ? 'was set' : fresh === undefined ? 'was taken away' : 'changed'
  const place = after.passwordFrom ?? before.passwordFrom
  const where = place === undefined ? '' : ` (${place})`
  return {
    changed: `password of peer ${peer} ${verb}${where}, session is re-keyed`,
    answers: `peer ${peer} answers ${fresh === undefined ? 'without a password' : 'with the new password'}: the session goes on`,
  }
}

function tcpAoWords(before: Keyed, after: Keyed, peer: string): Words | undefined {
  if (JSON.stringify(before.socket?.tcpAo) === JSON.stringify(after.socket?.tcpAo)) return undefined
  return {
    changed: `TCP-AO keys of peer ${peer} changed, session is re-keyed`,
    answers: `peer ${peer} answers with the new TCP-AO keys: the session goes on`,
  }
}
