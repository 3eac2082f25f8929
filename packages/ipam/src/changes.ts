import { compareAddresses } from '@holdfast/ip'
import { addressList, eventOfRefusal, quote } from './refusal.ts'
import type { Drop } from './retention.ts'
import type { Change, Placed, Refusal } from './types.ts'

const inOrder = (addresses: readonly Placed[]): readonly Placed[] =>
  [...addresses].sort((a, b) => compareAddresses(a.address, b.address))

const listOf = (addresses: readonly Placed[]): string => addressList(addresses.map(({ address }) => address))

export const released = (service: string, addresses: readonly Placed[]): Change => ({
  kind: 'released',
  service,
  addresses: inOrder(addresses),
})

export const cleared = (service: string, { addresses, reason, message }: Drop): Change => ({
  kind: 'cleared',
  service,
  addresses: inOrder(addresses),
  reason,
  message,
  event: {
    type: 'Normal',
    reason: 'ClearAssignment',
    message: `current IP for ${quote(service)} not allowed by config, will attempt for new IP assignment: ${message}`,
  },
})

export const assigned = (service: string, addresses: readonly Placed[]): Change => ({
  kind: 'assigned',
  service,
  addresses,
  event: { type: 'Normal', reason: 'IPAllocated', message: `Assigned IP [${listOf(addresses)}]` },
})

export const added = (service: string, address: Placed): Change => ({
  kind: 'added',
  service,
  address,
  event: { type: 'Normal', reason: 'IPAllocated', message: `Assigned additional IP ${listOf([address])}` },
})

export const relabelled = (service: string, addresses: readonly Placed[]): Change => ({
  kind: 'relabelled',
  service,
  addresses,
})

export const refused = (service: string, refusal: Refusal): Change => ({
  kind: 'refused',
  service,
  refusal,
  event: eventOfRefusal(service, refusal),
})
