import type { Address, Family } from '@holdfast/ip'
import { isMulticast, isUnspecified } from '@holdfast/ip'
import { z } from 'zod'
import { problem } from '../rules.ts'
import { readExtendedCommunity } from './extended-community.ts'
import { readName } from './metadata.ts'
import type { Reading, Report } from './rule.ts'
import { orEmpty, textAs, withListRule, withRule } from './rule.ts'
import { labelSelectors } from './selector.ts'
import { readAddress, readDuration, uniqueListOf, uniqueTexts } from './text.ts'

/** What a duration may be, in milliseconds, and how a person says so. */
interface Span {
  readonly from: number
  readonly to: number
  readonly isWhole: boolean
  readonly words: string
}

const readSpan =
  ({ from, to, isWhole, words }: Span) =>
  (text: string): Reading<number> => {
    const duration = readDuration(text)
    if (!duration.ok) return duration
    const { value } = duration
    const fits = value >= from && value <= to && (!isWhole || value % 1000 === 0)
    return fits ? duration : { ok: false, problem: problem('out-of-range', { limit: words }) }
  }

/** A field of whole seconds on the wire, or in the state machine. */
const wholeSeconds = (from: number, to: number) =>
  textAs(readSpan({ from: from * 1000, to: to * 1000, isWhole: true, words: `whole seconds from ${from}s to ${to}s` }))

const familyNames: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

/** RFC 4271 section 6.3: a next hop is the address of a host, and of the family that its field says. */
const readNextHop =
  (family: Family) =>
  (text: string): Reading<Address> => {
    const address = readAddress(text)
    if (!address.ok) return address
    const why = nextHopFlaw(address.value, family)
    if (why === undefined) return address
    return { ok: false, problem: problem('invalid-next-hop', { text, family: familyNames[family], why }) }
  }

function nextHopFlaw(address: Address, family: Family): string | undefined {
  if (address.family !== family) return `it is an ${familyNames[address.family]} address`
  return isUnspecified(address) || isMulticast(address) ? 'it is not the address of a host' : undefined
}

const tcpAoKey = z.strictObject({
  sendID: z.int().min(0).max(255),
  receiveID: z.int().min(0).max(255),
  algorithm: z.enum(['HMAC-SHA-1-96', 'AES-128-CMAC-96']),
  secret: z.strictObject({ name: textAs(readName), namespace: z.string().optional() }),
})

type TcpAoKey = z.output<typeof tcpAoKey>

/** RFC 5925 section 3.1: of the keys of a connection no two may be meant by one KeyID. */
function reportRepeatedIds(keys: readonly (TcpAoKey | undefined)[], report: Report): void {
  for (const field of ['sendID', 'receiveID'] as const) {
    const firsts = new Map<number, number>()
    for (const [index, key] of keys.entries()) {
      if (key === undefined) continue
      const first = firsts.get(key[field])
      if (first === undefined) firsts.set(key[field], index)
      else
        report(
          [index, field],
          problem('duplicate-entry', { text: String(key[field]), first: `keys[${first}].${field}` }),
        )
    }
  }
}

/** holdfast.dev/v1alpha1 PeerPolicy, spec. */
export const peerPolicySpec = withRule(
  z.strictObject({
    peers: orEmpty(uniqueTexts('peers')),
    peerSelectors: labelSelectors('peerSelectors'),
    nodeSelectors: labelSelectors('nodeSelectors'),
    ttlSecurity: z.strictObject({ hops: z.int().min(1).max(254) }).optional(),
    ttl: z.int().min(1).max(255).optional(),
    gracefulRestart: z
      .strictObject({
        mode: z.enum(['Auto', 'Disabled']).optional(),
        // 12 bits of seconds in the capability (RFC 4724 section 3).
        restartTime: wholeSeconds(1, 4095).optional(),
        // 24 bits (RFC 9494 section 3).
        longLivedStaleTime: wholeSeconds(0, 16_777_215).optional(),
      })
      .optional(),
    gracefulShutdown: z
      .strictObject({ wait: textAs(readSpan({ from: 0, to: 3_600_000, isWhole: false, words: 'from 0s to 1h' })) })
      .optional(),
    asPathPrepend: z.int().min(0).max(16).optional(),
    med: z.int().min(0).max(0xffffffff).optional(),
    linkBandwidthMbps: z.int().min(1).max(100_000_000).optional(),
    nextHop: z
      .strictObject({ ipv4: textAs(readNextHop('ipv4')).optional(), ipv6: textAs(readNextHop('ipv6')).optional() })
      .optional(),
    extendedCommunities: orEmpty(z.array(textAs(readExtendedCommunity))),
    addPath: z.enum(['Send', 'Disabled']).optional(),
    extendedNextHop: z.enum(['Enabled', 'Disabled']).optional(),
    prefixLimit: z.int().min(1).max(0xffffffff).optional(),
    role: z.enum(['Provider', 'RouteServer', 'RouteServerClient', 'Customer', 'Peer']).optional(),
    roleStrict: z.boolean().optional(),
    localAS: z.strictObject({ replaceAS: z.boolean() }).optional(),
    sendHoldTime: wholeSeconds(3, 65_535).optional(),
    connectionMode: z.enum(['Active', 'Passive']).optional(),
    // The first OPEN is to come within the four minutes that RFC 4271 section 8.2.2 gives it.
    delayOpenTime: wholeSeconds(0, 240).optional(),
    withheldCapabilities: orEmpty(
      uniqueListOf(
        z.enum(['RouteRefresh', 'EnhancedRouteRefresh', 'ExtendedMessage', 'FourOctetAS']),
        'withheldCapabilities',
      ),
    ),
    tcpAO: z
      .strictObject({
        keys: withListRule(tcpAoKey, (keys, report) => {
          if (keys.length === 0) report([], problem('no-keys', { list: 'keys' }))
          reportRepeatedIds(keys, report)
        }),
      })
      .optional(),
  }),
  ({ sound, broken }, report) => {
    const isGiven = (field: 'ttlSecurity' | 'ttl'): boolean => broken.has(field) || sound[field] !== undefined
    if (isGiven('ttlSecurity') && isGiven('ttl'))
      report(['ttl'], problem('only-one-of', { fields: ['ttlSecurity', 'ttl'] }))
  },
)

export type PeerPolicySpec = z.output<typeof peerPolicySpec>
