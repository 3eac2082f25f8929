import { addPathDirection, capabilityCode, forwardingFlag, restartFlag } from './iana.ts'
import type { Capability, GracefulRestartCapability } from './messages.ts'
import { bytesFromText } from './text.ts'

/** A capability as it stands in an OPEN. */
export interface EncodedCapability {
  readonly code: number
  readonly value: Uint8Array
}

/** What one octet of length can count (RFC 5492 section 4). */
const maxValueLength = 255

/** The code and value of a capability; throws where we built one that its length octet cannot count. */
export function encodeCapability(capability: Capability): EncodedCapability {
  const encoded =
    capability.kind === 'unknown'
      ? capability
      : { code: capabilityCode[capability.kind], value: Uint8Array.from(valueOf(capability)) }
  if (encoded.value.length > maxValueLength) throw new RangeError('A capability ends at 255 octets')
  return encoded
}

const uint16 = (value: number): readonly number[] => [value >>> 8, value & 0xff]
const uint24 = (value: number): readonly number[] => [value >>> 16, ...uint16(value & 0xffff)]
const uint32 = (value: number): readonly number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)]
const forwarding = (isForwarding: boolean): number => (isForwarding ? forwardingFlag : 0)

function valueOf(capability: Exclude<Capability, { kind: 'unknown' }>): readonly number[] {
  switch (capability.kind) {
    case 'multiprotocol':
      return [...uint16(capability.afi), 0, capability.safi]
    case 'routeRefresh':
    case 'extendedMessage':
    case 'enhancedRouteRefresh':
      return []
    case 'extendedNextHop':
      return capability.entries.flatMap(({ afi, safi, nextHopAfi }) => [afi, safi, nextHopAfi].flatMap(uint16))
    case 'role':
      return [capability.value]
    case 'gracefulRestart':
      return gracefulRestartValue(capability)
    case 'fourOctetAs':
      return uint32(capability.asn)
    case 'addPath':
      return capability.families.flatMap(({ afi, safi, direction }) => [
        ...uint16(afi),
        safi,
        addPathDirection[direction],
      ])
    case 'longLivedGracefulRestart':
      return capability.families.flatMap(({ afi, safi, isForwarding, staleTimeSeconds }) => [
        ...uint16(afi),
        safi,
        forwarding(isForwarding),
        ...uint24(staleTimeSeconds),
      ])
    case 'fqdn':
      return [...text(capability.hostName), ...text(capability.domainName)]
    case 'softwareVersion':
      return text(capability.version)
  }
}

function gracefulRestartValue(capability: GracefulRestartCapability): readonly number[] {
  const { isRestarting, hasNotification, restartTimeSeconds, families } = capability
  const flags = (isRestarting ? restartFlag.isRestarting : 0) | (hasNotification ? restartFlag.hasNotification : 0)
  return [
    ...uint16((flags << 12) | restartTimeSeconds),
    ...families.flatMap(({ afi, safi, isForwarding }) => [...uint16(afi), safi, forwarding(isForwarding)]),
  ]
}

/** An octet of length, and as much of the text as it can count. */
function text(value: string): readonly number[] {
  const bytes = bytesFromText(value, maxValueLength)
  return [bytes.length, ...bytes]
}
