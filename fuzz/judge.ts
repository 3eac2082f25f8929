import assert from 'node:assert/strict'
import type { CodecContext, Decoded, Message, UpdateMessage } from '@holdfast/bgp'
import { createFramer, decodeMessage, encodeMessage, initialContext } from '@holdfast/bgp'
import { bitsOf, equalPrefixes, ipv4, maskAddress, prefixKey } from '@holdfast/ip'

const ebgp: CodecContext = { ...initialContext, isFourOctetAs: true, families: ['ipv4', 'ipv6'] }
const long = { maxReceivedLength: 65535, maxSentLength: 65535 } as const
const addPath = { send: ['ipv4', 'ipv6'], receive: ['ipv4', 'ipv6'] } as const

/** Sessions of every kind that changes how bytes are read. */
export const contexts: readonly (readonly [name: string, context: CodecContext])[] = [
  ['external', ebgp],
  ['internal', { ...ebgp, isInternal: true }],
  ['two-octet AS numbers', { ...ebgp, isFourOctetAs: false }],
  [
    'internal, two-octet AS numbers, over loopback',
    { ...ebgp, isInternal: true, isFourOctetAs: false, localAddress: ipv4(0x7f000001) },
  ],
  ['add-path', { ...ebgp, addPath }],
  ['extended messages', { ...ebgp, ...long }],
  ['IPv4 over IPv6', { ...ebgp, extendedNextHop: ['ipv4'] }],
  ['everything', { ...ebgp, ...long, addPath, isInternal: true, extendedNextHop: ['ipv4'] }],
  ['IPv6 alone', { ...ebgp, families: ['ipv6'] }],
  ['before the OPENs', initialContext],
]

/** What became of a message, for the statistics. */
export type Verdict = 'needMore' | 'reset' | 'repaired' | 'decoded'

/** One decoding may take so long, also of 65,535 octets. */
const slowestAllowedMs = 50

/**
 * Feeds bytes to a framer and its messages to the decoder, and throws where something does not hold: no exception, no
 * message longer than what was fed, none slower than `slowestAllowedMs`, and whatever can be sent on means the same then.
 */
export function judge(bytes: Uint8Array, context: CodecContext, clock: SlowestOf): Verdict {
  const framer = createFramer(context.maxReceivedLength)
  framer.push(bytes)
  let verdict: Verdict = 'needMore'
  let consumed = 0
  for (let frame = framer.next(); frame.kind !== 'needMore'; frame = framer.next()) {
    if (frame.kind === 'fault') return 'reset'
    consumed += frame.bytes.length
    assert.ok(consumed <= bytes.length, `${consumed} octets came out of ${bytes.length}`)
    const whole = frame.bytes
    const decoded = clock.time(() => decodeMessage(whole, context))
    verdict = verdictOf(decoded)
    if (!decoded.ok) checkFault(decoded, context)
    else {
      if (decoded.message.kind === 'update') checkUpdate(decoded.message)
      checkSentOn(decoded.message, whole.length, context)
    }
  }
  return verdict
}

function verdictOf(decoded: Decoded): Verdict {
  if (!decoded.ok) return 'reset'
  return decoded.message.kind === 'update' && decoded.message.faults.length > 0 ? 'repaired' : 'decoded'
}

/** The NOTIFICATION that a fault leads to can be written, and has nothing of the peer in its words. */
function checkFault({ fault }: Extract<Decoded, { ok: false }>, context: CodecContext): void {
  assert.match(fault.message, /^[\x20-\x7e]+$/)
  const { code, subcode, data } = fault
  encodeMessage({ kind: 'notification', code, subcode, data }, context)
}

/** More prefixes than these are like the first ones. */
const fewPrefixes = 50

/** An UPDATE that cannot be used announces nothing, none of its routes comes and goes at once, and its prefixes are such. */
function checkUpdate({ announced, withdrawn, faults }: UpdateMessage): void {
  const isWithdrawn = faults.some(({ remedy }) => remedy === 'treatAsWithdraw')
  assert.ok(!isWithdrawn || announced === undefined, 'announced, although treated as withdrawn')
  const prefixes = (announced?.reach ?? []).flatMap((one) => one.prefixes)
  assert.ok(announced === undefined || prefixes.length > 0, 'announced, but no routes')
  const some = [...prefixes.slice(0, fewPrefixes), ...withdrawn.slice(0, fewPrefixes)]
  for (const { address, length } of some) {
    assert.ok(length <= bitsOf(address.family))
    assert.ok(equalPrefixes(maskAddress(address, length), { address, length }), 'bits behind the length of a prefix')
  }
  if (withdrawn.length === 0 || prefixes.length === 0) return
  const keys = new Set(withdrawn.map(prefixKey))
  assert.ok(!prefixes.some((prefix) => keys.has(prefixKey(prefix))), 'withdrawn and announced')
}

/** `encode(decode(encode(message)))` is the same bytes: what the message says survived. */
function checkSentOn(message: Message, length: number, context: CodecContext): void {
  if (message.kind === 'update' && countLists(message) !== 1) return
  const sent = sendable(message)
  // A merged AS_PATH goes out twice towards two-octet AS numbers, so that a full message can become too long.
  if (length * 2 > context.maxSentLength) return
  const bytes = encodeMessage(sent, context)
  const again = decodeMessage(bytes, context)
  assert.ok(again.ok, 'what was sent on is refused')
  assert.deepEqual(sendable(again.message), sent)
}

/** Faults and the codes of attributes that nobody kept are not written. */
function sendable(message: Message): Message {
  if (message.kind !== 'update') return message
  const { announced } = message
  const sent = announced && { ...announced, attributes: { ...announced.attributes, others: [] } }
  return { ...message, faults: [], announced: sent }
}

/** An UPDATE that we send has one list of routes, of one family (RFC 7606 section 5.1). */
const countLists = ({ withdrawn, announced, endOfRib }: UpdateMessage): number =>
  Number(withdrawn.some(({ address }) => address.family === 'ipv4')) +
  Number(withdrawn.some(({ address }) => address.family === 'ipv6')) +
  (announced?.reach.length ?? 0) +
  Number(endOfRib !== undefined)

/** What is worth a second look: no message here takes a tenth of that on an idle machine. */
const suspiciousMs = 5
const mostTries = 5

/** The slowest of many runs. One that a busy machine interrupted is not slow: it is repeated, and its best time counts. */
export class SlowestOf {
  slowestMs = 0

  time<T>(run: () => T): T {
    const start = performance.now()
    const result = run()
    let ms = performance.now() - start
    for (let tries = 1; ms > suspiciousMs && tries < mostTries; tries += 1) {
      const again = performance.now()
      run()
      ms = Math.min(ms, performance.now() - again)
    }
    this.slowestMs = Math.max(this.slowestMs, ms)
    assert.ok(ms <= slowestAllowedMs, `one decoding took ${ms} ms`)
    return result
  }
}
