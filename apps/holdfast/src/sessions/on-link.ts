import { networkInterfaces } from 'node:os'
import type { Address } from '@holdfast/ip'
import { parsePrefix, prefixContains } from '@holdfast/ip'

/** Whether this host has an address in the same network now, so that no router is between. */
export const isOnLink = (address: Address): boolean =>
  Object.values(networkInterfaces()).some((own) => own?.some(({ cidr }) => contains(cidr, address)))

function contains(cidr: string | null, address: Address): boolean {
  const prefix = cidr === null ? undefined : parsePrefix(cidr)
  return prefix?.ok === true && prefixContains(prefix.value, address)
}
