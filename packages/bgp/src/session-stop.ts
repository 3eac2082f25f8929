import { afi, ceaseSubcode, errorCode, safi } from './iana.ts'
import type { NotificationMessage } from './messages.ts'
import { communicationData, hardReset } from './notification-data.ts'
import type { Millis, Negotiated, StopReason } from './peer.ts'
import type { Family } from '@holdfast/ip'
import { reasonOf } from './reasons.ts'
import type { Connection, ConnectionEvent, Outcome } from './session.ts'
import type { Step } from './session-moves.ts'
import { notification, toIdle } from './session-moves.ts'

/*
 * How we end what we had agreed to. What a peer with graceful restart does with our routes follows from how the session
 * ends (RFC 4724 section 4.2, RFC 8538 sections 3 and 4):
 *
 *                                      without GR      GR               GR with the N bit
 *    it drops them at once             always          NOTIFICATION     Hard Reset
 *    it keeps them for a while         never           TCP ends         any other NOTIFICATION, or TCP ends
 */

type StopEvent = Extract<ConnectionEvent, { kind: 'stop' }>

/** Events 2 and 8. */
export const stop = (step: Step, event: StopEvent): Outcome => ({
  ...toIdle(step, reasonOf(event.reason), { say: farewellOf(step, event) }),
  isFailure: false,
})

/**
 * A restart goes without a word wherever a word could cost more than the session: a peer that hears an error waits before
 * it takes the next connection (BIRD does for a minute), also where the OPENs have not been exchanged yet.
 */
function farewellOf({ from, around }: Step, event: StopEvent): NotificationMessage | undefined {
  const restart = restartOf(from)
  const say = cease(event)
  switch (event.reason) {
    case 'administrativeShutdown':
    case 'peerDeconfigured':
      return restart?.hasNotification === true ? hardReset(say) : say
    case 'administrativeReset':
    case 'configurationChange':
      return restart === undefined || restart.hasNotification ? say : undefined
    case 'restart': {
      const isKnown = from.state === 'openConfirm' || from.state === 'established'
      const isGraceful = isKnown ? restart !== undefined : around.config.gracefulRestart !== undefined
      return isGraceful ? undefined : say
    }
  }
}

const restartOf = (connection: Connection): Negotiated['gracefulRestart'] =>
  connection.state === 'openConfirm' || connection.state === 'established'
    ? connection.negotiated.gracefulRestart
    : undefined

const stopSubcodes: Readonly<Record<StopReason, number>> = {
  administrativeShutdown: ceaseSubcode.administrativeShutdown,
  peerDeconfigured: ceaseSubcode.peerDeconfigured,
  administrativeReset: ceaseSubcode.administrativeReset,
  configurationChange: ceaseSubcode.otherConfigurationChange,
  // RFC 4486 has no word for a restart; this one says that the session will be back.
  restart: ceaseSubcode.administrativeReset,
}

/** RFC 9003 section 2: with two of the subcodes there may be a text. */
function cease({ reason, communication }: StopEvent): NotificationMessage {
  const subcode = stopSubcodes[reason]
  const canTell = reason === 'administrativeShutdown' || reason === 'administrativeReset'
  if (!canTell || communication === undefined || communication === '') return notification(errorCode.cease, subcode)
  return notification(errorCode.cease, subcode, communicationData(shortened(communication)))
}

/** What every peer with RFC 8203 understands; whether it knows RFC 9003's 255 octets it does not tell (section 3). */
const surelyUnderstood = 128

function shortened(text: string): string {
  const characters = Array.from(text).slice(0, surelyUnderstood)
  while (communicationData(characters.join('')).length > 1 + surelyUnderstood) characters.pop()
  return characters.join('')
}

/** Event 23, and RFC 4271 section 6.8: not a failure, since the peer is reached by the other connection. */
export function dump(step: Step, { reason, isSilent }: Extract<ConnectionEvent, { kind: 'dump' }>): Outcome {
  const say = isSilent === true ? undefined : notification(errorCode.cease, ceaseSubcode.connectionCollisionResolution)
  return { ...toIdle(step, reason, { say }), isFailure: false }
}

/**
 * BFD lost the peer (RFC 5882 section 4.2, RFC 9384 section 3). The Cease is not a Hard Reset: whether the peer's way to
 * us is dead, its own BFD knows better, and where only our side of BFD failed its routes to us still work (RFC 5882
 * section 4.3.2). Mostly it does not arrive anyhow.
 */
export const onBfdDown = (step: Step, message: string): Outcome =>
  toIdle(step, reasonOf('bfdDown', `BFD lost the peer: ${message}`), {
    say: notification(errorCode.cease, ceaseSubcode.bfdDown),
  })

/** Event 29 (RFC 9687 section 4.3): nothing that is sent arrives, so that the connection is not closed but reset. */
export const onSendHoldTimer = (step: Step, { sendHoldSeconds }: Negotiated): Outcome =>
  toIdle(step, reasonOf('sendHoldTimerExpired', `the peer took nothing that we sent for ${sendHoldSeconds} s`), {
    say: notification(errorCode.sendHoldTimerExpired, 0),
    isAbrupt: true,
  })

/** A peer that announces too much is left alone for so long: whatever it was, it is not over in a second. */
const prefixLimitPauseMs: Millis = 300_000

/**
 * RFC 4271 section 6.7; the data is that of RFC 4486 section 4. No Hard Reset: what the peer announces says nothing about
 * our routes, which it may keep for the restart time.
 */
export function onPrefixLimit(step: Step, family: Family, limit: number): Outcome {
  const data = Uint8Array.of(0, afi[family], safi.unicast, limit >>> 24, limit >>> 16, limit >>> 8, limit)
  const message = `the peer announced more than ${limit} prefixes; the next attempt is in ${prefixLimitPauseMs / 60_000} minutes`
  const outcome = toIdle(step, reasonOf('prefixLimitReached', message), {
    say: notification(errorCode.cease, ceaseSubcode.maximumNumberOfPrefixesReached, data),
  })
  return { ...outcome, pause: { ms: prefixLimitPauseMs, isForBoth: true } }
}
