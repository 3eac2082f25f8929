import type { Decoded } from './decode.ts'
import type { SessionReset } from './fault.ts'
import { sessionReset } from './fault.ts'
import { decodeCapability } from './decode-capability.ts'
import { asTrans, bgpVersion, errorCode, openSubcode, optionalParameter } from './iana.ts'
import type { Capability, OpenMessage } from './messages.ts'
import { Reader } from './reader.ts'

/** undefined, or the fault that ends the reading. */
type Outcome = SessionReset | undefined

interface Latest {
  readonly capability: Capability
  readonly index: number
  readonly code: number
  readonly value: Uint8Array
}

/** What a reader adds to. */
interface Found {
  readonly capabilities: Capability[]
  /** The last one of each kind: an OPEN has room for a thousand, which are not searched for each of them. */
  readonly latest: Map<Capability['kind'], Latest>
}

const openFault = (subcode: number, message: string, data?: Uint8Array): SessionReset =>
  sessionReset(errorCode.openMessage, subcode, message, data)

/**
 * Reads the body of an OPEN (RFC 4271 section 4.2) and makes every check of section 6.2 that needs no configuration.
 * Whether the AS and the identifier are the expected ones is for the session to say.
 */
export function decodeOpen(body: Uint8Array): Decoded<OpenMessage> {
  const reader = new Reader(body)
  const [version = 0, asn = 0, holdTimeSeconds = 0] = [reader.uint8(), reader.uint16(), reader.uint16()]
  const [routerId = 0, parametersLength = 0] = [reader.uint32(), reader.uint8()]
  const capabilities: Capability[] = []
  const open: OpenMessage = { kind: 'open', version, asn, holdTimeSeconds, routerId, capabilities }
  const fault =
    versionFault(open) ??
    readParameters(reader.rest(), parametersLength, { capabilities, latest: new Map() }) ??
    openFieldFault(open)
  return fault === undefined ? { ok: true, message: open } : { ok: false, fault }
}

/**
 * The data is the version that we would speak (RFC 4271 section 6.2). What follows another version is not ours to read.
 */
const versionFault = ({ version }: OpenMessage): Outcome =>
  version === bgpVersion
    ? undefined
    : openFault(openSubcode.unsupportedVersionNumber, `version ${version} is not 4`, Uint8Array.of(0, bgpVersion))

function openFieldFault(open: OpenMessage): Outcome {
  const { holdTimeSeconds, routerId } = open
  const asFault = peerAsFault(open)
  if (asFault !== undefined) return asFault
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) {
    const message = `a hold time of ${holdTimeSeconds} s is not 0 or at least 3`
    return openFault(openSubcode.unacceptableHoldTime, message, Uint8Array.of(0, holdTimeSeconds))
  }
  return routerId === 0 ? openFault(openSubcode.badBgpIdentifier, 'the BGP Identifier is 0 (RFC 6286)') : undefined
}

/** AS 0 (RFC 7607), and AS_TRANS that no capability explains: it is nobody's AS number (RFC 6793 section 9). */
function peerAsFault({ asn, capabilities }: OpenMessage): Outcome {
  const fourOctet = capabilities.find((capability) => capability.kind === 'fourOctetAs')
  if (asn === 0 || fourOctet?.asn === 0) return openFault(openSubcode.badPeerAs, 'the AS number is 0 (RFC 7607)')
  if (asn === asTrans && fourOctet === undefined) {
    return openFault(openSubcode.badPeerAs, 'the AS number is AS_TRANS, without the capability that tells the real one')
  }
  return undefined
}

/** Optional parameters must fill the message to its end; in the longer form of RFC 9072 lengths have two octets. */
function readParameters(bytes: Uint8Array, length: number, found: Found): Outcome {
  const reader = new Reader(bytes)
  const isExtended = length > 0 && bytes[0] === optionalParameter.extendedLength
  if (isExtended) reader.uint8()
  // RFC 9072 section 2: the one-octet length is ignored once the first type is 255.
  const declared = isExtended ? reader.uint16() : length
  if (declared !== reader.remaining) {
    return openFault(openSubcode.unspecific, `the optional parameters do not fill their ${bytes.length} octets`)
  }
  while (reader.remaining > 0) {
    const fault = readParameter(reader, isExtended, found)
    if (fault !== undefined) return fault
  }
  return undefined
}

function readParameter(reader: Reader, isExtended: boolean, found: Found): Outcome {
  const type = reader.uint8() ?? 0
  const length = isExtended ? reader.uint16() : reader.uint8()
  const value = length === undefined ? undefined : reader.bytes(length)
  if (value === undefined) return openFault(openSubcode.unspecific, `an optional parameter of type ${type} is cut off`)
  if (type !== optionalParameter.capabilities) {
    return openFault(openSubcode.unsupportedOptionalParameter, `an optional parameter of type ${type} is not supported`)
  }
  return readCapabilities(new Reader(value), found)
}

function readCapabilities(reader: Reader, found: Found): Outcome {
  while (reader.remaining > 0) {
    const code = reader.uint8() ?? 0
    const length = reader.uint8()
    const value = length === undefined ? undefined : reader.bytes(length)
    if (value === undefined) return openFault(openSubcode.unspecific, `a capability of code ${code} is cut off`)
    const capability = decodeCapability(code, value)
    if (capability === undefined) {
      return openFault(openSubcode.unspecific, `a capability of code ${code} cannot have ${value.length} octets`)
    }
    if (contradicts(capability, found)) {
      return openFault(openSubcode.unspecific, 'two capabilities tell different AS numbers')
    }
    supersede(capability, found)
    found.latest.set(capability.kind, { capability, index: found.capabilities.length, code, value })
    found.capabilities.push(capability)
  }
  return undefined
}

/** Of those before it one is enough: they say the same, or the reading would have ended. */
function contradicts(capability: Capability, found: Found): boolean {
  if (capability.kind !== 'fourOctetAs') return false
  const before = found.latest.get('fourOctetAs')?.capability
  return before?.kind === 'fourOctetAs' && before.asn !== capability.asn
}

/**
 * Of several graceful restart capabilities the last one counts (RFC 4724 section 3; for the long-lived one, which only
 * goes with it, the same is assumed): those before it become unknown ones, so that nobody negotiates them. Of all other
 * kinds several instances add to one another, or say the same (RFC 5492 section 4).
 */
function supersede({ kind }: Capability, { capabilities, latest }: Found): void {
  if (kind !== 'gracefulRestart' && kind !== 'longLivedGracefulRestart') return
  const before = latest.get(kind)
  if (before === undefined) return
  const { index, code, value } = before
  capabilities[index] = { kind: 'unknown', code, value: value.slice() }
}
