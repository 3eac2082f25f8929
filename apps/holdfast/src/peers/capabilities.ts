import type { AfiSafi, Capability, OpenMessage } from '@holdfast/bgp'
import { describeText } from '@holdfast/bgp'

/** The capabilities of an OPEN in the words of their RFCs. Text of a peer is made safe to show. */
export const capabilityTexts = (open: OpenMessage | undefined): readonly string[] =>
  open === undefined ? [] : open.capabilities.map(capabilityText)

function capabilityText(capability: Capability): string {
  switch (capability.kind) {
    case 'multiprotocol':
      return `multiprotocol ${familyText(capability)}`
    case 'routeRefresh':
      return 'route refresh'
    case 'fourOctetAs':
      return `four-octet AS ${capability.asn}`
    case 'extendedMessage':
      return 'extended messages'
    case 'enhancedRouteRefresh':
      return 'enhanced route refresh'
    case 'extendedNextHop':
      return `extended next hop ${capability.entries.map((entry) => `${familyText(entry)} via ${afiText(entry.nextHopAfi)}`).join(', ')}`
    case 'addPath':
      return `add-path ${capability.families.map((one) => `${familyText(one)} ${one.direction}`).join(', ')}`
    case 'role':
      return `role ${roleNames[capability.value] ?? capability.value}`
    case 'fqdn':
      return `host name ${describeText([capability.hostName, capability.domainName].filter((part) => part !== '').join('.'))}`
    case 'softwareVersion':
      return `software ${describeText(capability.version)}`
    case 'unknown':
      return unknownText(capability)
    default:
      return restartText(capability)
  }
}

/** What routers still offer beside the registered code, see IANA's capability codes: reserved since RFC 8810. */
const oldCodes: Readonly<Record<number, string>> = { 128: 'route refresh (Cisco)', 131: 'multisession (Cisco)' }

const unknownText = ({ code, value }: Extract<Capability, { kind: 'unknown' }>): string =>
  oldCodes[code] ?? `code ${code}, ${value.length} octets`

function restartText(
  capability: Extract<Capability, { kind: 'gracefulRestart' | 'longLivedGracefulRestart' }>,
): string {
  if (capability.kind === 'longLivedGracefulRestart') {
    const families = capability.families.map((one) => `${familyText(one)} ${one.staleTimeSeconds} s`)
    return `long-lived graceful restart ${families.join(', ')}`
  }
  const families = capability.families.map((one) => `${familyText(one)}${one.isForwarding ? ' (forwarding)' : ''}`)
  const flags = [
    ...(capability.isRestarting ? ['restarting'] : []),
    ...(capability.hasNotification ? ['notification'] : []),
    `${capability.restartTimeSeconds} s`,
  ]
  return `graceful restart ${[flags.join(', '), ...families].join('; ')}`
}

/** RFC 9234 section 4.1. */
const roleNames: readonly string[] = ['provider', 'route server', 'route server client', 'customer', 'peer']

const afiNames: Readonly<Record<number, string>> = { 1: 'IPv4', 2: 'IPv6', 25: 'L2VPN', 16388: 'BGP-LS' }
const safiNames: Readonly<Record<number, string>> = {
  1: 'unicast',
  2: 'multicast',
  4: 'labeled unicast',
  70: 'EVPN',
  128: 'VPN',
  133: 'flowspec',
}

const afiText = (afi: number): string => afiNames[afi] ?? `AFI ${afi}`

const familyText = ({ afi, safi }: AfiSafi): string => `${afiText(afi)} ${safiNames[safi] ?? `SAFI ${safi}`}`
