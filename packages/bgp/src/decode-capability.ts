import { addPathDirection, capabilityCode, forwardingFlag, restartFlag } from './iana.ts'
import type { AfiSafi, Capability } from './messages.ts'
import { Reader } from './reader.ts'
import { textFromBytes } from './text.ts'

/** undefined: the value does not have the form that its code wants. */
type CapabilityRule = (reader: Reader) => Capability | undefined

/**
 * Reads one capability. One that we do not know, or that is malformed, is kept as `unknown`, which negotiates nothing
 * (RFC 5492 section 3). undefined: it is one that a session cannot do without, since the bytes of every UPDATE depend
 * on it, and it has a wrong length.
 */
export function decodeCapability(code: number, value: Uint8Array): Capability | undefined {
  const rule = capabilityRules.get(code)
  const reader = new Reader(value)
  const capability = rule?.(reader)
  if (capability !== undefined && reader.remaining === 0) return capability
  return essentialCapabilities.has(code) ? undefined : { kind: 'unknown', code, value: value.slice() }
}

/** What they say decides how routes and AS numbers are written (RFC 4760 section 8, RFC 6793 section 3). */
const essentialCapabilities: ReadonlySet<number> = new Set([capabilityCode.multiprotocol, capabilityCode.fourOctetAs])

const capabilityRules: ReadonlyMap<number, CapabilityRule> = new Map<number, CapabilityRule>([
  [capabilityCode.multiprotocol, readMultiprotocol],
  [capabilityCode.routeRefresh, () => ({ kind: 'routeRefresh' })],
  [capabilityCode.extendedNextHop, readExtendedNextHop],
  [capabilityCode.extendedMessage, () => ({ kind: 'extendedMessage' })],
  [capabilityCode.role, readRole],
  [capabilityCode.gracefulRestart, readGracefulRestart],
  [capabilityCode.fourOctetAs, readFourOctetAs],
  [capabilityCode.addPath, readAddPath],
  [capabilityCode.enhancedRouteRefresh, () => ({ kind: 'enhancedRouteRefresh' })],
  [capabilityCode.longLivedGracefulRestart, readLongLivedGracefulRestart],
  [capabilityCode.fqdn, readFqdn],
  [capabilityCode.softwareVersion, readSoftwareVersion],
])

/** Reads entries to the end of the value; undefined where one is cut off or says what it cannot. */
function readAll<T>(reader: Reader, readOne: (reader: Reader) => T | undefined): readonly T[] | undefined {
  const entries: T[] = []
  while (reader.remaining > 0) {
    const entry = readOne(reader)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return entries
}

function readMultiprotocol(reader: Reader): Capability | undefined {
  const [afi, , safi] = [reader.uint16(), reader.uint8(), reader.uint8()]
  return afi === undefined || safi === undefined ? undefined : { kind: 'multiprotocol', afi, safi }
}

function readFourOctetAs(reader: Reader): Capability | undefined {
  const asn = reader.uint32()
  return asn === undefined ? undefined : { kind: 'fourOctetAs', asn }
}

function readAfiSafi(reader: Reader): AfiSafi | undefined {
  const [afi, safi] = [reader.uint16(), reader.uint8()]
  return afi === undefined || safi === undefined ? undefined : { afi, safi }
}

/** RFC 8950 section 4: AFI and next hop AFI have two octets, and so has the SAFI between them. */
function readExtendedNextHop(reader: Reader): Capability | undefined {
  const entries = readAll(reader, () => {
    const [afi, safi, nextHopAfi] = [reader.uint16(), reader.uint16(), reader.uint16()]
    if (afi === undefined || safi === undefined || nextHopAfi === undefined) return undefined
    return { afi, safi, nextHopAfi }
  })
  return entries && { kind: 'extendedNextHop', entries }
}

function readRole(reader: Reader): Capability | undefined {
  const value = reader.uint8()
  return value === undefined ? undefined : { kind: 'role', value }
}

/** RFC 4724 section 3: four flags and 12 bits of seconds, then a family and its flags each. */
function readGracefulRestart(reader: Reader): Capability | undefined {
  const first = reader.uint16()
  if (first === undefined) return undefined
  const flags = first >>> 12
  const families = readAll(reader, () => {
    const [family, familyFlags] = [readAfiSafi(reader), reader.uint8()]
    if (family === undefined || familyFlags === undefined) return undefined
    return { ...family, isForwarding: (familyFlags & forwardingFlag) !== 0 }
  })
  return (
    families && {
      kind: 'gracefulRestart',
      isRestarting: (flags & restartFlag.isRestarting) !== 0,
      hasNotification: (flags & restartFlag.hasNotification) !== 0,
      restartTimeSeconds: first & 0xfff,
      families,
    }
  )
}

/** RFC 9494 section 3: a family, its flags and 24 bits of seconds each. */
function readLongLivedGracefulRestart(reader: Reader): Capability | undefined {
  const families = readAll(reader, () => {
    const [family, last] = [readAfiSafi(reader), reader.uint32()]
    if (family === undefined || last === undefined) return undefined
    return {
      ...family,
      isForwarding: ((last >>> 24) & forwardingFlag) !== 0,
      staleTimeSeconds: last & 0xffffff,
    }
  })
  return families && { kind: 'longLivedGracefulRestart', families }
}

const directions: Readonly<Record<number, keyof typeof addPathDirection>> = {
  [addPathDirection.receive]: 'receive',
  [addPathDirection.send]: 'send',
  [addPathDirection.both]: 'both',
}

/** RFC 7911 section 4: with a direction that does not exist the whole capability counts as not understood. */
function readAddPath(reader: Reader): Capability | undefined {
  const families = readAll(reader, () => {
    const family = readAfiSafi(reader)
    const direction = directions[reader.uint8() ?? 0]
    return family === undefined || direction === undefined ? undefined : { ...family, direction }
  })
  return families && { kind: 'addPath', families }
}

/** draft-walton-bgp-hostname-capability section 2: two texts with an octet of length each. */
function readFqdn(reader: Reader): Capability | undefined {
  const [hostName, domainName] = [readText(reader), readText(reader)]
  return hostName === undefined || domainName === undefined ? undefined : { kind: 'fqdn', hostName, domainName }
}

/** draft-ietf-idr-bgp-soft-version section 3: a text with an octet of length. */
function readSoftwareVersion(reader: Reader): Capability | undefined {
  const version = readText(reader)
  return version === undefined ? undefined : { kind: 'softwareVersion', version }
}

function readText(reader: Reader): string | undefined {
  const length = reader.uint8()
  const bytes = length === undefined ? undefined : reader.bytes(length)
  return bytes && textFromBytes(bytes)
}
