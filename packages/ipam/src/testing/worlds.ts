import type { Address, Family, Range } from '@holdfast/ip'
import { parseAddress, parsePrefix, parseRange, prefixToRange } from '@holdfast/ip'
import type { Pool, ServiceRequest } from '../types.ts'

/** An address from its text; a wrong text is a mistake in the test. */
export function ip(text: string): Address {
  const address = parseAddress(text)
  if (!address.ok) throw new Error(`${text} ${address.fault.message}`)
  return address.value
}

/** A range from `first-last` or CIDR notation. */
function range(text: string): Range {
  if (text.includes('/')) {
    const prefix = parsePrefix(text)
    if (prefix.ok) return prefixToRange(prefix.value)
  }
  const parsed = parseRange(text)
  if (!parsed.ok) throw new Error(`${text} ${parsed.fault.message}`)
  return parsed.value
}

/** An open pool of the ranges, with what else is said. */
export const pool = (name: string, ranges: string, settings: Partial<Pool> = {}): Pool => ({
  name,
  ranges: ranges === '' ? [] : ranges.split(',').map((text) => range(text.trim())),
  autoAssign: true,
  avoidBuggyIPs: false,
  isRestricted: false,
  ...settings,
})

/** A Service that needs one IPv4 address, with what else is said. */
export const service = (key: string, settings: Partial<ServiceRequest> = {}): ServiceRequest => ({
  key,
  families: { kind: 'single', family: 'ipv4' },
  requestedAddresses: [],
  requestedPool: undefined,
  sharing: undefined,
  ports: [{ protocol: 'TCP', port: 80 }],
  pinnedPools: [],
  ...settings,
})

/** PreferDualStack with both cluster IPs. */
export const preferDual = (first: Family = 'ipv4'): Pick<ServiceRequest, 'families'> => ({
  families: { kind: 'preferDual', first, available: ['ipv4', 'ipv6'] },
})

export const requireDual: Pick<ServiceRequest, 'families'> = { families: { kind: 'requireDual' } }

export const asking = (...addresses: string[]): Pick<ServiceRequest, 'requestedAddresses'> => ({
  requestedAddresses: addresses.map(ip),
})

/** A sharing key, policy Cluster, and TCP ports. */
export const sharing = (key: string, ...ports: number[]): Pick<ServiceRequest, 'sharing' | 'ports'> => ({
  sharing: { key, backend: '' },
  ports: ports.map((port) => ({ protocol: 'TCP', port })),
})
