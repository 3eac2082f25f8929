import { keepalive, messageType } from './bytes.ts'
import { expectationOf, type Case, type ExpectedNotification, type Expectation } from './case.ts'
import { isNull, type PeersApi } from './peers-api.ts'
import { openOf, type Slot } from './scene.ts'
import type { ScriptedPeer } from './scripted-peer.ts'
import { ending, establish, leave, probe, toOpenConfirm, untilRoutes, type Door } from './session.ts'

/** One case on one connection. */
interface Trial {
  readonly one: Case
  readonly peer: ScriptedPeer
  readonly slot: Slot
  readonly api: PeersApi
}

/** The session must outlive three of the program's KEEPALIVEs. */
const keepalivesToSee = 3

/** Brings a connection to the stage of the case, sends the input, and returns what was not as required. */
export async function runCase(one: Case, door: Door, api: PeersApi): Promise<string | undefined> {
  const { slot } = door
  const peer = await door.open()
  try {
    const openHex = (one.open ?? openOf)(slot)
    if (one.stage === 'openConfirm') await toOpenConfirm(peer, openHex)
    if (one.stage === 'established') await establish(peer, slot, openHex)
    peer.send(one.input(slot))
    return await judge({ one, peer, slot, api })
  } finally {
    if (peer.closed === undefined && peer.notification === undefined) await leave(peer)
    peer.destroy()
  }
}

async function judge(trial: Trial): Promise<string | undefined> {
  const expectation = expectationOf(trial.one, trial.slot.scene)
  switch (expectation.kind) {
    case 'reset':
      return judgeReset(trial, expectation.anyOf)
    case 'closed':
      return (await judgeClosed(trial.peer)) ?? judgeShownEnd(trial, 'received')
    case 'stays':
      return judgeStay(trial, expectation.fault)
    case 'staysOrReset':
      return judgeEither(trial, expectation)
  }
}

/** One NOTIFICATION of those expected, nothing behind it, and the end of TCP; and the program shows it. */
async function judgeReset(trial: Trial, anyOf: readonly ExpectedNotification[]): Promise<string | undefined> {
  const { peer } = trial
  const end = await peer.until(() => peer.closed)
  const wanted = `wanted NOTIFICATION ${anyOf.map(describe).join(' or ')}`
  const said = ending(peer) ?? 'nothing'
  if (end === undefined) return `${wanted}, but ${said} came and the connection is open`
  const last = peer.received.at(-1)
  if (last?.type !== messageType.notification) return `${wanted}: ${said}`
  return anyOf.some((one) => isThat(last.body, one)) ? judgeShownEnd(trial, 'sent') : `${wanted}, got ${said}`
}

const isThat = (body: Buffer, { code, subcode, data }: ExpectedNotification): boolean =>
  body[0] === code && body[1] === subcode && (data === undefined || data === body.toString('hex', 2))

const describe = ({ code, subcode, data }: ExpectedNotification): string =>
  `${code}/${subcode}${data === undefined ? '' : ` ${data}`}`

async function judgeClosed(peer: ScriptedPeer): Promise<string | undefined> {
  const end = await peer.until(() => peer.closed)
  if (end === undefined) return 'the connection is still open'
  return peer.notification === undefined ? undefined : `answered by ${ending(peer) ?? ''}`
}

/** Why the session ended, and whose doing it was, is there for a person to read. */
async function judgeShownEnd({ one, slot, api }: Trial, direction: 'sent' | 'received'): Promise<string | undefined> {
  const view = await api.view(slot.name)
  const error = view.at('lastError')
  if (isNull(error)) return 'no error is shown'
  if (error.at('by').text() !== 'peer') return `shown as caused by ${error.at('by').text()}`
  if (error.at('message').text() === '' || error.at('remedy').text() === '') return 'the error is shown without words'
  const notification = view.at('lastNotification')
  if (direction === 'sent' && (isNull(notification) || notification.at('direction').text() !== direction)) {
    return 'our NOTIFICATION is not shown'
  }
  return one.shows?.(view)
}

/** A case that is an OPEN is accepted: the session comes up like any other. */
async function judgeStay(trial: Trial, fault: 'counted' | 'none' | 'any'): Promise<string | undefined> {
  const { one, peer } = trial
  const problem = (one.stage === 'openSent' ? await comesUp(peer) : undefined) ?? (await probe(peer))
  if (problem !== undefined) return problem
  const from = peer.received.length
  const seen = await peer.until(() => {
    const count = peer.received.slice(from).filter(({ type }) => type === messageType.keepalive).length
    return count >= keepalivesToSee ? 'seen' : ending(peer)
  })
  if (seen !== 'seen') return `after the input: ${seen ?? 'no three KEEPALIVEs within 5 s'}`
  return judgeShownStay(trial, fault)
}

async function comesUp(peer: ScriptedPeer): Promise<string | undefined> {
  const accepted = await peer.until(() => peer.message(messageType.keepalive)?.type ?? ending(peer))
  if (accepted !== messageType.keepalive) return `the OPEN was not accepted: ${String(accepted)}`
  peer.send(keepalive)
  peer.keepAlive()
  return untilRoutes(peer)
}

async function judgeShownStay({ one, slot, api }: Trial, fault: string): Promise<string | undefined> {
  const view = await api.view(slot.name)
  const state = view.at('state').text()
  if (state !== 'Established') return `shown as ${state}`
  const count = view.at('updateFaults').at('count').number()
  if (fault === 'counted' && count === 0) return 'the fault is not counted'
  if (fault === 'none' && count > 0) return `a fault is counted: ${view.at('updateFaults').at('latest').text()}`
  return one.shows?.(view)
}

async function judgeEither(
  trial: Trial,
  { anyOf }: Extract<Expectation, { kind: 'staysOrReset' }>,
): Promise<string | undefined> {
  const problem = await judgeStay(trial, 'any')
  return problem === undefined ? undefined : judgeReset(trial, anyOf)
}
