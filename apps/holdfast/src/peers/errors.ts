import { describeNotification, describeText, readCommunication, reasonTable } from '@holdfast/bgp'
import type { PeerSnapshot } from '@holdfast/net'
import type { SessionNow } from '../sessions/session.ts'
import type { SessionSettings } from '../sessions/session-settings.ts'
import { inFields, protectionHint } from '../sessions/session-words.ts'
import { causeOf } from './cause.ts'
import type { Moment } from './clocks.ts'
import { iso } from './clocks.ts'
import type { PeerView } from './view.ts'

/** A connection that takes longer than this is not answered: over a network of one site it takes milliseconds. */
const unansweredMs = 3000

/** Why the state is this one. What to look at is said before the attempt is given up, which takes minutes. */
export function reasonText(
  { state, sinceMs, lastReason }: PeerSnapshot,
  settings: SessionSettings,
  { nowMs }: Moment,
): string | null {
  const message = lastReason === undefined ? null : inFields(lastReason.message, settings)
  if (message === null || state !== 'connect' || nowMs - sinceMs < unansweredMs) return message
  const hint = protectionHint('connectTimeout', settings)
  return `${message} No answer yet${hint === undefined ? `. ${reasonTable.connectTimeout.remedy}` : `; ${hint}.`}`
}

export function lastError({ snapshot, settings }: SessionNow, moment: Moment): PeerView['lastError'] {
  const failure = snapshot?.lastFailure
  if (failure === undefined) return null
  const { code, message } = failure.reason
  const hint = protectionHint(code, settings)
  const { remedy } = reasonTable[code]
  return {
    time: iso(failure.atMs, moment),
    code,
    by: causeOf(failure.reason),
    message: inFields(message, settings),
    hint: hint ?? null,
    remedy: hint === undefined ? remedy : `${hint}. Otherwise: ${remedy}`,
  }
}

export function lastNotification(
  { lastNotification: last }: PeerSnapshot,
  moment: Moment,
): PeerView['lastNotification'] {
  if (last === undefined) return null
  const { code, subcode } = last.notification
  const communication = readCommunication(last.notification)
  return {
    time: iso(last.atMs, moment),
    direction: last.direction,
    code,
    subcode,
    text: describeNotification(code, subcode),
    communication: communication === undefined ? null : describeText(communication),
  }
}
