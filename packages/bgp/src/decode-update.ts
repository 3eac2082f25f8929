import type { Address, Family, Prefix } from '@holdfast/ip'
import { prefixKey } from '@holdfast/ip'
import { nextHopMistake } from './attribute-rules.ts'
import type { Decoded } from './decode.ts'
import type { ReadAttributes } from './decode-attributes.ts'
import { attributeFault, readAttributes } from './decode-attributes.ts'
import type { FamilyIgnored, SessionReset, TreatAsWithdraw, UpdateFault } from './fault.ts'
import { sessionReset } from './fault.ts'
import { afi, attributeCode, errorCode, safi, updateSubcode } from './iana.ts'
import type { Announcement, CodecContext, UpdateMessage } from './messages.ts'
import type { MpReach } from './multiprotocol.ts'
import { familyIgnored } from './multiprotocol.ts'
import { readNlri } from './nlri.ts'
import { Reader } from './reader.ts'

/** The three fields of an UPDATE (RFC 4271 section 4.3). */
interface Fields {
  readonly withdrawn: Uint8Array
  readonly attributes: Uint8Array
  readonly nlri: Uint8Array
}

/** The IPv4 routes outside the attributes. `ignored` is set where there are any and IPv4 was not negotiated. */
interface ClassicRoutes {
  readonly withdrawn: readonly Prefix[]
  readonly announced: readonly Prefix[]
  readonly ignored: FamilyIgnored | undefined
}

/**
 * Reads the body of an UPDATE (RFC 4271 section 4.3, RFC 4760) and repairs what RFC 7606 lets repair: with a fault of
 * `treatAsWithdraw` every announced prefix is among the withdrawn ones and `announced` is undefined.
 */
export function decodeUpdate(body: Uint8Array, context: CodecContext): Decoded<UpdateMessage> {
  const fields = cutFields(body)
  if ('remedy' in fields) return { ok: false, fault: fields }
  const attributes = readAttributes(fields.attributes, context)
  if ('remedy' in attributes) return { ok: false, fault: attributes }
  const classic = readClassicRoutes(fields, context)
  if ('remedy' in classic) return { ok: false, fault: classic }
  const faults = [...attributes.faults, ...routeFaults(attributes, classic, context)]
  if (classic.ignored !== undefined) faults.push(classic.ignored)
  const reset = resetFor(faults, attributes, fields)
  if (reset !== undefined) return { ok: false, fault: reset }
  return { ok: true, message: assemble(attributes, classic, faults) }
}

function cutFields(body: Uint8Array): Fields | SessionReset {
  const reader = new Reader(body)
  const withdrawnLength = reader.uint16()
  const withdrawn = withdrawnLength === undefined ? undefined : reader.bytes(withdrawnLength)
  const attributesLength = reader.uint16()
  const attributes = attributesLength === undefined ? undefined : reader.bytes(attributesLength)
  if (withdrawn === undefined || attributes === undefined) {
    const message = `the lengths in the UPDATE exceed its ${body.length} octets`
    return sessionReset(errorCode.updateMessage, updateSubcode.malformedAttributeList, message)
  }
  return { withdrawn, attributes, nlri: reader.rest() }
}

function readClassicRoutes(fields: Fields, context: CodecContext): ClassicRoutes | SessionReset {
  const isEmpty = fields.withdrawn.length + fields.nlri.length === 0
  if (!context.families.includes('ipv4')) {
    // An UPDATE without anything is the IPv4 End-of-RIB marker, so it is about IPv4 as well.
    const isAboutIpv4 = !isEmpty || fields.attributes.length === 0
    return { withdrawn: [], announced: [], ignored: isAboutIpv4 ? familyIgnored(afi.ipv4, safi.unicast) : undefined }
  }
  const withdrawn = readNlri(fields.withdrawn, 'ipv4', context)
  if (!withdrawn.ok) return networkFault(`Withdrawn Routes: ${withdrawn.message}`)
  const announced = readNlri(fields.nlri, 'ipv4', context)
  if (!announced.ok) return networkFault(`NLRI: ${announced.message}`)
  return { withdrawn: withdrawn.prefixes, announced: announced.prefixes, ignored: undefined }
}

const networkFault = (message: string): SessionReset =>
  sessionReset(errorCode.updateMessage, updateSubcode.invalidNetworkField, message)

/** What is wrong with the attributes in view of the routes that they are for. */
function routeFaults(attributes: ReadAttributes, classic: ClassicRoutes, context: CodecContext): UpdateFault[] {
  const { draft, reach, seen } = attributes
  const hasClassic = classic.announced.length > 0
  if (!hasClassic && (reach === undefined || reach.prefixes.length === 0)) return []
  const faults: UpdateFault[] = []
  // RFC 7606 section 3 d. One that is there but malformed has its fault already.
  if (!seen.has(attributeCode.origin)) faults.push(missing(attributeCode.origin, 'ORIGIN'))
  if (!seen.has(attributeCode.asPath)) faults.push(missing(attributeCode.asPath, 'AS_PATH'))
  if (!hasClassic) return faults
  // RFC 4760 section 3: NEXT_HOP is for the routes in the NLRI field alone.
  if (!seen.has(attributeCode.nextHop)) faults.push(missing(attributeCode.nextHop, 'NEXT_HOP'))
  const mistake = draft.nextHop === undefined ? undefined : nextHopMistake(draft.nextHop, context)
  if (mistake !== undefined) {
    const named = { ...mistake, message: `NEXT_HOP ${mistake.message}` }
    faults.push(attributeFault('treatAsWithdraw', attributeCode.nextHop, named, new Uint8Array(0)))
  }
  return faults
}

/** The data is the code of the missing attribute (RFC 4271 section 6.3). */
const missing = (code: number, name: string): UpdateFault =>
  attributeFault(
    'treatAsWithdraw',
    code,
    { subcode: updateSubcode.missingWellKnownAttribute, message: `${name} is missing` },
    Uint8Array.of(code),
  )

const isTreatAsWithdraw = (fault: UpdateFault): fault is TreatAsWithdraw => fault.remedy === 'treatAsWithdraw'

/**
 * RFC 7606 section 5.2: where attributes are broken and no reachable routes are found, nobody knows whether there were
 * some. An UPDATE with nothing but MP_UNREACH_NLRI is meant to have none.
 */
function resetFor(
  faults: readonly UpdateFault[],
  attributes: ReadAttributes,
  fields: Fields,
): SessionReset | undefined {
  const { reach, seen } = attributes
  const hasReachable = fields.nlri.length > 0 || (reach !== undefined && !isEmptyReach(reach))
  const hasOnlyUnreach = seen.size === 1 && seen.has(attributeCode.mpUnreachNlri)
  if (hasReachable || hasOnlyUnreach) return undefined
  const fault = faults.find(isTreatAsWithdraw)
  return fault === undefined ? undefined : sessionReset(fault.code, fault.subcode, fault.message, fault.data)
}

/** Routes of a family that was not negotiated are not read, and are taken to be there. */
const isEmptyReach = (reach: MpReach): boolean => reach.ignored === undefined && reach.prefixes.length === 0

const strength = { treatAsWithdraw: 0, attributeDiscard: 1, familyIgnored: 2 } as const

function assemble(attributes: ReadAttributes, classic: ClassicRoutes, faults: readonly UpdateFault[]): UpdateMessage {
  const offered = joined(classic.announced, attributes.reach?.prefixes ?? [])
  const withdrawn = without(joined(classic.withdrawn, attributes.unreach?.prefixes ?? []), offered)
  const isWithdrawn = faults.some(isTreatAsWithdraw)
  return {
    kind: 'update',
    withdrawn: isWithdrawn ? joined(withdrawn, offered) : withdrawn,
    announced: isWithdrawn ? undefined : announcementOf(attributes, classic),
    endOfRib: endOfRib(attributes, classic),
    faults: faults.toSorted((a, b) => strength[a.remedy] - strength[b.remedy]),
  }
}

const joined = (a: readonly Prefix[], b: readonly Prefix[]): readonly Prefix[] =>
  a.length === 0 ? b : b.length === 0 ? a : [...a, ...b]

/** A prefix that one UPDATE both withdraws and announces counts as announced (RFC 4271 section 4.3). */
function without(withdrawn: readonly Prefix[], announced: readonly Prefix[]): readonly Prefix[] {
  if (withdrawn.length === 0 || announced.length === 0) return withdrawn
  const keys = new Set(announced.map(prefixKey))
  return withdrawn.filter((prefix) => !keys.has(prefixKey(prefix)))
}

function announcementOf({ draft, reach }: ReadAttributes, classic: ClassicRoutes): Announcement | undefined {
  const { origin, asPath, localPref, med, communities, largeCommunities, extendedCommunities, others } = draft
  const { onlyToCustomer } = draft
  const routes: Announcement['reach'] = [
    ...reachOf(draft.nextHop, classic.announced),
    ...reachOf(reach?.nextHop, reach?.prefixes ?? []),
  ]
  if (origin === undefined || asPath === undefined || routes.length === 0) return undefined
  const optional = { localPref, med, communities, largeCommunities, extendedCommunities, onlyToCustomer, others }
  return { attributes: { origin, asPath, ...optional }, reach: routes }
}

const reachOf = (nextHop: Address | undefined, prefixes: readonly Prefix[]): Announcement['reach'] =>
  nextHop === undefined || prefixes.length === 0 ? [] : [{ nextHop, prefixes }]

/**
 * RFC 4724 section 2: an UPDATE without anything for IPv4, an MP_UNREACH_NLRI without routes and nothing else for a
 * family.
 */
function endOfRib({ seen, unreach }: ReadAttributes, classic: ClassicRoutes): Family | undefined {
  if (classic.ignored !== undefined || classic.withdrawn.length + classic.announced.length > 0) return undefined
  if (seen.size === 0) return 'ipv4'
  return seen.size === 1 && unreach?.prefixes.length === 0 ? unreach.family : undefined
}
