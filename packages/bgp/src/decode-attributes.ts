import type { AttributeDraft, AttributeRule, Mistake, Remedy } from './attribute-rules.ts'
import { attributeRules, emptyDraft } from './attribute-rules.ts'
import { mergeAsPaths } from './as-path.ts'
import type { AttributeDiscard, SessionReset, TreatAsWithdraw, UpdateFault } from './fault.ts'
import { sessionReset } from './fault.ts'
import { asTrans, attributeCode, attributeFlag, errorCode, optionalAttributes, updateSubcode } from './iana.ts'
import type { CodecContext } from './messages.ts'
import type { MpReach, MpUnreach } from './multiprotocol.ts'
import { readMpReach, readMpUnreach } from './multiprotocol.ts'

/** What the path attributes of an UPDATE say, as far as they could be read. */
export interface ReadAttributes {
  readonly draft: AttributeDraft
  readonly reach: MpReach | undefined
  readonly unreach: MpUnreach | undefined
  readonly faults: readonly UpdateFault[]
  /** The type codes that occurred, also of attributes that were refused. */
  readonly seen: ReadonlySet<number>
}

/** One attribute as it stands in the message; `whole` includes its flags, code and length. */
export interface RawAttribute {
  readonly flags: number
  readonly code: number
  readonly value: Uint8Array
  readonly whole: Uint8Array
}

/** Reads the attributes; the answer is a SessionReset only where it can no longer be said which routes are meant. */
export function readAttributes(bytes: Uint8Array, context: CodecContext): ReadAttributes | SessionReset {
  const reading = new AttributeReading(context)
  let offset = 0
  while (offset < bytes.length) {
    const attribute = cutAttribute(bytes, offset)
    const reset = attribute === undefined ? reading.takeRemainder(bytes.slice(offset)) : reading.take(attribute)
    if (reset !== undefined) return reset
    if (attribute === undefined) break
    offset += attribute.whole.length
  }
  return reading.finish()
}

/** The attribute at an offset; undefined where fewer octets are left than it needs. */
function cutAttribute(bytes: Uint8Array, offset: number): RawAttribute | undefined {
  const [flags = 0, code = 0, high = 0, low = 0] = bytes.subarray(offset, offset + 4)
  const isExtended = (flags & attributeFlag.extendedLength) !== 0
  const start = offset + (isExtended ? 4 : 3)
  const end = start + (isExtended ? high * 256 + low : high)
  if (start > bytes.length || end > bytes.length) return undefined
  return { flags, code, value: bytes.subarray(start, end), whole: bytes.subarray(offset, end) }
}

const isMultiprotocol = (code: number): boolean =>
  code === attributeCode.mpReachNlri || code === attributeCode.mpUnreachNlri

/** Collects what the attributes of one UPDATE say; lives as long as the reading. */
class AttributeReading {
  readonly #context: CodecContext
  readonly #draft = emptyDraft()
  readonly #faults: UpdateFault[] = []
  readonly #seen = new Set<number>()
  #reach: MpReach | undefined
  #unreach: MpUnreach | undefined

  constructor(context: CodecContext) {
    this.#context = context
  }

  take(attribute: RawAttribute): SessionReset | undefined {
    const { code } = attribute
    if (this.#seen.has(code)) return this.#takeDuplicate(attribute)
    this.#seen.add(code)
    if (isMultiprotocol(code)) return this.#takeMultiprotocol(attribute)
    const rule = attributeRules.get(code)
    if (rule === undefined) return this.#takeUnknown(attribute)
    this.#takeKnown(attribute, rule)
    return undefined
  }

  /**
   * The list ends within an attribute: the routes are those that the total length leaves (RFC 7606 section 4), unless
   * the attribute is one that has routes itself.
   */
  takeRemainder(rest: Uint8Array): SessionReset | undefined {
    const [, code = 0] = rest
    const message = `the last ${rest.length} octets of the path attributes are not a whole attribute`
    const subcode = updateSubcode.malformedAttributeList
    this.#seen.add(code)
    if (isMultiprotocol(code)) return sessionReset(errorCode.updateMessage, subcode, message)
    this.#faults.push(attributeFault('treatAsWithdraw', code, { subcode, message }, rest))
    return undefined
  }

  finish(): ReadAttributes {
    const draft = this.#draft
    // RFC 6793 section 4.2.3: an AGGREGATOR that is not AS_TRANS was made behind whoever wrote AS4_PATH.
    const isStale = draft.aggregatorAsn !== undefined && draft.aggregatorAsn !== asTrans && this.#hasAs4Aggregator()
    if (draft.asPath !== undefined && draft.as4Path !== undefined && !isStale) {
      draft.asPath = mergeAsPaths(draft.asPath, draft.as4Path)
    }
    return { draft, reach: this.#reach, unreach: this.#unreach, faults: this.#faults, seen: this.#seen }
  }

  #hasAs4Aggregator(): boolean {
    return this.#draft.others.includes(attributeCode.as4Aggregator)
  }

  /** RFC 7606 section 3 g: the first one counts, except that two lists of routes of the same kind are ambiguous. */
  #takeDuplicate({ code, whole }: RawAttribute): SessionReset | undefined {
    const message = `attribute ${code} occurs more than once`
    const subcode = updateSubcode.malformedAttributeList
    if (isMultiprotocol(code)) return sessionReset(errorCode.updateMessage, subcode, message)
    this.#faults.push(attributeFault('attributeDiscard', code, { subcode, message }, whole))
    return undefined
  }

  #takeMultiprotocol(attribute: RawAttribute): SessionReset | undefined {
    const isReach = attribute.code === attributeCode.mpReachNlri
    const read = isReach ? readMpReach(attribute, this.#context) : readMpUnreach(attribute, this.#context)
    if (read.kind === 'reset') return read.fault
    if (read.kind === 'reach') this.#reach = read
    else this.#unreach = read
    if (read.ignored !== undefined) {
      this.#faults.push(read.ignored)
      return undefined
    }
    const nextHopMistake = read.kind === 'reach' ? read.mistake : undefined
    const mistake = flagsMistake(attribute, attributeFlag.optional) ?? nextHopMistake
    if (mistake !== undefined) {
      const name = isReach ? 'MP_REACH_NLRI' : 'MP_UNREACH_NLRI'
      this.#fail(attribute, { ...mistake, message: `${name} ${mistake.message}` }, 'treatAsWithdraw')
    }
    return undefined
  }

  /**
   * An attribute that we do not know and that says it is well-known ends the session: RFC 4271 section 6.3 wants that
   * (3/2), and RFC 7606, which softens most of that section, leaves it. It can only be our neighbour's own doing, since
   * no speaker passes on what it does not know without the Optional bit. An optional one never ends a session, whatever
   * is in it; nor does one that is known to be optional and has lost the bit.
   */
  #takeUnknown({ flags, code, whole }: RawAttribute): SessionReset | undefined {
    if ((flags & attributeFlag.optional) !== 0) {
      this.#draft.others.push(code)
      return undefined
    }
    if (optionalAttributes.has(code)) {
      const mistake = { subcode: updateSubcode.attributeFlagsError, message: `attribute ${code} is an optional one` }
      this.#faults.push(attributeFault('attributeDiscard', code, mistake, whole))
      return undefined
    }
    const message = `attribute ${code} is marked as well-known but is not`
    return sessionReset(errorCode.updateMessage, updateSubcode.unrecognizedWellKnownAttribute, message, whole.slice())
  }

  #takeKnown(attribute: RawAttribute, rule: AttributeRule): void {
    const named = (mistake: Mistake): Mistake => ({ ...mistake, message: `${rule.name} ${mistake.message}` })
    const unwanted = rule.unwanted?.(this.#context)
    if (unwanted !== undefined) {
      const mistake = { subcode: updateSubcode.malformedAttributeList, message: unwanted }
      this.#fail(attribute, named(mistake), 'attributeDiscard')
      return
    }
    const flags = flagsMistake(attribute, rule.flags)
    if (flags !== undefined) {
      this.#fail(attribute, named(flags), rule.flagsRemedy)
      return
    }
    const mistake = rule.read(attribute.value, this.#draft, this.#context)
    if (mistake !== undefined) this.#fail(attribute, named(mistake), mistake.remedy ?? rule.remedy)
  }

  #fail({ code, whole }: RawAttribute, mistake: Mistake, remedy: Remedy): void {
    this.#faults.push(attributeFault(remedy, code, mistake, whole))
  }
}

const kindBits = attributeFlag.optional | attributeFlag.transitive

/** RFC 7606 section 3 c: the Optional and Transitive bits must be the attribute's own; the others do not matter. */
const flagsMistake = ({ flags }: RawAttribute, expected: number): Mistake | undefined =>
  (flags & kindBits) === expected
    ? undefined
    : { subcode: updateSubcode.attributeFlagsError, message: `has the flags 0x${flags.toString(16).padStart(2, '0')}` }

/** The data of most UPDATE errors is the attribute itself: type, length and value (RFC 4271 section 6.3). */
export function attributeFault(
  remedy: Remedy,
  attribute: number,
  mistake: Mistake,
  whole: Uint8Array,
): TreatAsWithdraw | AttributeDiscard {
  const { subcode, message } = mistake
  return { remedy, attribute, code: errorCode.updateMessage, subcode, data: whole.slice(), message }
}
