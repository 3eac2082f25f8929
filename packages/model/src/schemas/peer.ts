import { z } from 'zod'
import { mostKeyOctets, octetsOf } from '../octets.ts'
import type { Problem } from '../problem.ts'
import { problem } from '../rules.ts'
import type { Fields, Reading, Report } from './rule.ts'
import { optionalTextAs, textAs, withRule } from './rule.ts'
import { labelSelectors } from './selector.ts'
import { readAddress, readDuration, readLine, readRouterId } from './text.ts'

/** The hold time is a 16-bit number of seconds in an OPEN message (RFC 4271 section 4.2). */
const mostSeconds = 65_535

function holdTimeProblem(ms: number): Problem | undefined {
  const isValid = ms === 0 || (ms >= 3000 && ms < (mostSeconds + 1) * 1000)
  return isValid ? undefined : problem('invalid-hold-time', { found: inSeconds(ms) })
}

const inSeconds = (ms: number): string => `${ms / 1000}s`

/** A duration that a rule allows. */
const durationThat =
  (check: (ms: number) => Problem | undefined) =>
  (text: string): Reading<number> => {
    const duration = readDuration(text)
    if (!duration.ok) return duration
    const found = check(duration.value)
    return found === undefined ? duration : { ok: false, problem: found }
  }

const readHoldTime = durationThat(holdTimeProblem)

const readKeepaliveTime = durationThat((ms) => (ms < 0 ? problem('out-of-range', { limit: 'at least 0s' }) : undefined))

const readConnectTime = durationThat((ms) =>
  ms % 1000 === 0 && ms >= 1000 && ms <= mostSeconds * 1000
    ? undefined
    : problem('invalid-connect-time', { found: inSeconds(ms) }),
)

/** TCP MD5 keys are as long as the kernel has room for; FRR has the same limit. */
function readPassword(text: string): Reading<string> {
  const octets = octetsOf(text)
  if (octets > mostKeyOctets) {
    return { ok: false, problem: problem('password-too-long', { octets, most: mostKeyOctets }) }
  }
  return readLine('password')(text)
}

const asn = z.int().min(0).max(0xffffffff)

/** The CRD stops at 16384, for no reason that it gives; every TCP port is accepted here. */
const port = z.int().max(65_535)

/** 0 is what v1beta1 has for unset. */
const portOrDefault = (value: number): number => (value === 0 ? 179 : value)

/** The fields that v1beta1 and v1beta2 share. */
const common = {
  myASN: asn.min(1),
  sourceAddress: optionalTextAs(readAddress),
  routerID: optionalTextAs(readRouterId),
  holdTime: textAs(readHoldTime).optional(),
  keepaliveTime: textAs(readKeepaliveTime).optional(),
  nodeSelectors: labelSelectors('nodeSelectors'),
  password: optionalTextAs(readPassword),
  bfdProfile: z.string().optional(),
  ebgpMultiHop: z.boolean().optional(),
}

const fieldsOfV1beta2 = z.strictObject({
  ...common,
  peerASN: asn.optional(),
  dynamicASN: z.enum(['internal', 'external']).optional(),
  localASN: asn.min(1).optional(),
  peerAddress: optionalTextAs(readAddress),
  interface: optionalTextAs(readLine('interface')),
  // 0 of v1beta1, which the API server hands over as it is.
  peerPort: port.min(0).default(179).transform(portOrDefault),
  connectTime: textAs(readConnectTime).optional(),
  passwordSecret: z.strictObject({ name: z.string().optional(), namespace: z.string().optional() }).optional(),
  enableGracefulRestart: z.boolean().optional(),
  vrf: optionalTextAs(readLine('vrf')),
  disableMP: z.boolean().default(false),
  dualStackAddressFamily: z.boolean().default(false),
})

const fieldsOfV1beta1 = z.strictObject({
  ...common,
  peerASN: asn.min(1),
  peerAddress: textAs(readAddress),
  peerPort: port.min(0).default(0).transform(portOrDefault),
})

/** A BGPPeer's spec in the form of v1beta2. */
export type PeerSpec = z.output<typeof fieldsOfV1beta2>

/** metallb.io/v1beta2 BGPPeer, spec. */
export const peerSpec = withRule(fieldsOfV1beta2, (fields, report) => {
  reportChoice(fields, ['peerASN', 'dynamicASN'], report)
  reportChoice(fields, ['peerAddress', 'interface'], report)
  const { password, passwordSecret } = fields.sound
  if (password !== undefined && isNamed(passwordSecret)) {
    report(['passwordSecret'], problem('only-one-of', { fields: ['password', 'passwordSecret'] }))
  }
  reportShared(fields.sound, report)
})

/** metallb.io/v1beta1 BGPPeer, spec: fewer fields, and in its durations 0s means unset. */
export const peerSpecV1beta1 = withRule(fieldsOfV1beta1, ({ sound }, report) => {
  reportShared({ ...sound, ...setTimers(sound) }, report)
})

/** The v1beta2 form of a v1beta1 spec. */
export const toV1beta2 = (spec: z.output<typeof fieldsOfV1beta1>): PeerSpec => ({
  ...spec,
  ...setTimers(spec),
  interface: undefined,
  vrf: undefined,
  disableMP: false,
  dualStackAddressFamily: false,
})

interface Timers {
  readonly holdTime?: number | undefined
  readonly keepaliveTime?: number | undefined
}

const setTimers = ({ holdTime, keepaliveTime }: Timers) => ({
  holdTime: holdTime === 0 ? undefined : holdTime,
  keepaliveTime: keepaliveTime === 0 ? undefined : keepaliveTime,
})

const isNamed = (reference: PeerSpec['passwordSecret']): boolean =>
  reference?.name !== undefined && reference.name !== ''

/** Exactly one of two fields must be set; a broken one counts as set, as its owner meant it to be. 0 is unset. */
function reportChoice(
  { sound, broken }: Fields<PeerSpec>,
  pair: readonly [keyof PeerSpec, keyof PeerSpec],
  report: Report,
): void {
  const given = pair.filter((field) => broken.has(field) || (sound[field] !== undefined && sound[field] !== 0))
  if (given.length === 0) report([pair[0]], problem('missing-one-of', { fields: pair }))
  if (given.length === 2) report([pair[1]], problem('only-one-of', { fields: pair }))
}

type SharedFields = Timers & Pick<Fields<PeerSpec>['sound'], 'myASN' | 'peerASN' | 'ebgpMultiHop'>

function reportShared(spec: SharedFields, report: Report): void {
  if (spec.ebgpMultiHop === true && spec.myASN !== undefined && spec.myASN === spec.peerASN) {
    report(['ebgpMultiHop'], problem('multihop-on-ibgp', { asn: spec.myASN }))
  }
  const { holdTime: hold, keepaliveTime: keepalive } = spec
  if (keepalive === undefined) return
  // A keepalive time alone makes the hold time three times as long, and that must be one that BGP allows.
  const derived = hold === undefined ? holdTimeProblem(keepalive * 3) : undefined
  if (derived !== undefined) report(['keepaliveTime'], derived)
  if (hold !== undefined && keepalive > hold) {
    const detail = { keepalive: inSeconds(keepalive), hold: inSeconds(hold) }
    report(['keepaliveTime'], problem('keepalive-above-hold-time', detail))
  }
}
