import type { Family } from '@holdfast/ip'
import { afi, asTrans, bgpVersion, capabilityCode, maxTwoOctetAsn, peerRoleValue, safi } from './iana.ts'
import type { AfiSafi, Capability, OpenMessage } from './messages.ts'
import type { PeerConfig } from './peer.ts'

/** What an OPEN says of this moment, besides the configuration. */
export interface OpenCircumstances {
  /** The R bit of RFC 4724 section 3. */
  readonly isRestarting: boolean
  readonly reduction: Reduction
}

/**
 * What an OPEN leaves out of the capabilities that are configured, for a peer that does not get along with them (RFC 5492
 * sections 3 and 5): nothing; what the peer named; those that routers of before 2010 may not know; everything.
 */
export type Reduction =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'named'; readonly capabilities: readonly CapabilityName[] }
  | { readonly kind: 'recent' }
  | { readonly kind: 'everything' }

/** A capability by its code; one of several multiprotocol capabilities also by its family. */
export interface CapabilityName {
  readonly code: number
  readonly family: AfiSafi | undefined
}

export const noReduction: Reduction = { kind: 'nothing' }

/**
 * The OPEN that we send. Without capabilities it is what RFC 1771 knew: IPv4 unicast, and AS_TRANS where our AS number
 * needs four octets.
 */
export const openMessage = (config: PeerConfig, { isRestarting, reduction }: OpenCircumstances): OpenMessage => ({
  kind: 'open',
  version: bgpVersion,
  asn: config.localAsn > maxTwoOctetAsn ? asTrans : config.localAsn,
  holdTimeSeconds: config.holdTimeSeconds,
  routerId: config.routerId,
  capabilities: reduced(config, isRestarting, reduction),
})

function reduced(config: PeerConfig, isRestarting: boolean, reduction: Reduction): readonly Capability[] {
  switch (reduction.kind) {
    case 'nothing':
      return capabilitiesOf(config, config.families, isRestarting)
    case 'everything':
      return []
    case 'recent':
      return capabilitiesOf(config, config.families, isRestarting).filter(({ kind }) => longKnown.includes(kind))
    case 'named': {
      const isNamed = (capability: Capability): boolean =>
        reduction.capabilities.some((name) => names(name, capability))
      const families = config.families.filter((family) => !isNamed(multiprotocol(family)))
      return capabilitiesOf(config, families, isRestarting).filter((capability) => !isNamed(capability))
    }
  }
}

/** RFC 4760, RFC 2918 and RFC 6793. */
const longKnown: readonly Capability['kind'][] = ['multiprotocol', 'routeRefresh', 'fourOctetAs']

function names({ code, family }: CapabilityName, capability: Capability): boolean {
  if (code !== codeOf(capability)) return false
  if (family === undefined || capability.kind !== 'multiprotocol') return true
  return family.afi === capability.afi && family.safi === capability.safi
}

/** Those of our capabilities that a NOTIFICATION 2/7 names (RFC 5492 section 5), and the codes of others that it names. */
export function namedCapabilities(
  data: Uint8Array,
  open: OpenMessage,
): { readonly ours: readonly CapabilityName[]; readonly others: readonly number[] } {
  const named = namesIn(data)
  const isOurs = (name: CapabilityName): boolean => open.capabilities.some((capability) => names(name, capability))
  return {
    ours: named.filter(isOurs),
    others: [...new Set(named.filter((name) => !isOurs(name)).map(({ code }) => code))],
  }
}

/** Each once, however often it is there. */
function namesIn(data: Uint8Array): readonly CapabilityName[] {
  const found = new Map<string, CapabilityName>()
  let offset = 0
  while (offset + 1 < data.length) {
    const [code = 0, length = 0] = data.subarray(offset, offset + 2)
    const value = data.subarray(offset + 2, offset + 2 + length)
    const family = code === capabilityCode.multiprotocol ? familyIn(value) : undefined
    found.set(`${code} ${family?.afi} ${family?.safi}`, { code, family })
    offset += 2 + length
  }
  return [...found.values()]
}

/** undefined: all of them are meant. */
function familyIn(value: Uint8Array): AfiSafi | undefined {
  const [high, low, , subsequent] = value
  if (high === undefined || low === undefined || subsequent === undefined) return undefined
  return { afi: high * 256 + low, safi: subsequent }
}

const unicast = (family: Family): AfiSafi => ({ afi: afi[family], safi: safi.unicast })

const multiprotocol = (family: Family): Capability => ({ kind: 'multiprotocol', ...unicast(family) })

/** In ascending order of their codes. */
function capabilitiesOf(config: PeerConfig, families: readonly Family[], isRestarting: boolean): readonly Capability[] {
  const { hasExtendedNextHop, hasAddPath } = config
  const nextHops = hasExtendedNextHop && families.includes('ipv4') ? [{ ...unicast('ipv4'), nextHopAfi: afi.ipv6 }] : []
  const capabilities: readonly (Capability | undefined)[] = [
    ...families.map(multiprotocol),
    unlessWithheld(config, { kind: 'routeRefresh' }),
    nextHops.length === 0 ? undefined : { kind: 'extendedNextHop', entries: nextHops },
    unlessWithheld(config, { kind: 'extendedMessage' }),
    roleCapability(config),
    restartCapability(config, families, isRestarting),
    unlessWithheld(config, { kind: 'fourOctetAs', asn: config.localAsn }),
    hasAddPath && families.length > 0
      ? { kind: 'addPath', families: families.map((family) => ({ ...unicast(family), direction: 'send' })) }
      : undefined,
    unlessWithheld(config, { kind: 'enhancedRouteRefresh' }),
    longLivedCapability(config, families),
  ]
  return capabilities.filter((capability) => capability !== undefined)
}

function unlessWithheld(config: PeerConfig, capability: Capability): Capability | undefined {
  return config.withheldCapabilities.some((kind) => kind === capability.kind) ? undefined : capability
}

/** Roles are between two AS: where the peer is sure to be in ours, none is told (RFC 9234 section 4.1). */
function roleCapability({ role, remoteAsn, localAsn }: PeerConfig): Capability | undefined {
  if (role === undefined || remoteAsn === 'internal' || remoteAsn === localAsn) return undefined
  return { kind: 'role', value: peerRoleValue[role] }
}

const maxRestartTimeSeconds = 4095

/** What this node forwards does not depend on this process: the F bit is always set (RFC 4724 section 3). */
const preserved = (family: Family): AfiSafi & { readonly isForwarding: boolean } => ({
  ...unicast(family),
  isForwarding: true,
})

function restartCapability(
  { gracefulRestart }: PeerConfig,
  families: readonly Family[],
  isRestarting: boolean,
): Capability | undefined {
  if (gracefulRestart === undefined) return undefined
  return {
    kind: 'gracefulRestart',
    isRestarting,
    hasNotification: gracefulRestart.hasNotification,
    restartTimeSeconds: Math.min(maxRestartTimeSeconds, gracefulRestart.restartTimeSeconds),
    families: families.map(preserved),
  }
}

/** What 24 bits hold. */
const maxStaleTimeSeconds = 0xff_ffff

/** RFC 9494 section 4.1: never without the capability of RFC 4724. */
function longLivedCapability(config: PeerConfig, families: readonly Family[]): Capability | undefined {
  const { gracefulRestart, longLivedStaleSeconds } = config
  if (gracefulRestart === undefined || longLivedStaleSeconds === undefined) return undefined
  const staleTimeSeconds = Math.min(maxStaleTimeSeconds, longLivedStaleSeconds)
  return {
    kind: 'longLivedGracefulRestart',
    families: families.map((family) => ({ ...preserved(family), staleTimeSeconds })),
  }
}

const codeOf = (capability: Capability): number =>
  capability.kind === 'unknown' ? capability.code : capabilityCode[capability.kind]

/** For people, by code. */
const capabilityNames: Readonly<Record<number, string>> = {
  [capabilityCode.multiprotocol]: 'multiprotocol',
  [capabilityCode.routeRefresh]: 'route refresh',
  [capabilityCode.extendedNextHop]: 'extended next hop',
  [capabilityCode.extendedMessage]: 'extended messages',
  [capabilityCode.role]: 'BGP role',
  [capabilityCode.gracefulRestart]: 'graceful restart',
  [capabilityCode.fourOctetAs]: 'four-octet AS numbers',
  [capabilityCode.addPath]: 'add-path',
  [capabilityCode.enhancedRouteRefresh]: 'enhanced route refresh',
  [capabilityCode.longLivedGracefulRestart]: 'long-lived graceful restart',
}

/** A capability code in words. */
export const capabilityName = (code: number): string => capabilityNames[code] ?? `capability ${code}`

/** What an OPEN of ours leaves out, for a sentence that begins with "without"; undefined: nothing. */
export function describeReduction(reduction: Reduction): string | undefined {
  switch (reduction.kind) {
    case 'nothing':
      return undefined
    case 'everything':
      return 'any capability'
    case 'recent':
      return 'capabilities other than address families, route refresh and four-octet AS numbers'
    case 'named':
      return reduction.capabilities.map(describeName).join(', ')
  }
}

const describeName = ({ code, family }: CapabilityName): string =>
  family === undefined ? capabilityName(code) : `${capabilityName(code)} ${family.afi}/${family.safi}`
