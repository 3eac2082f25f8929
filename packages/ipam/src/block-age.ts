import type { Address } from '@holdfast/ip'
import { parseAddress } from '@holdfast/ip'
import type { AddressBlockSpec } from './address-block.ts'
import { microsecondsAfter } from './block-time.ts'
import type { Blocks } from './blocks.ts'
import { updatedSpecs } from './blocks.ts'

/**
 * For so long it is remembered who had an address that no pool has any more: a pool that is deleted comes back soon, to be corrected say,
 * or never.
 */
const keptMs = 7 * 24 * 3_600_000

/**
 * The blocks without the releases that are old and of addresses in no pool: a block of which nothing else is left goes. Nothing of this is
 * about holders. The work is in proportion to all that is in blocks.
 */
export function withoutOldStrays(blocks: Blocks, isInPool: (address: Address) => boolean, nowMs: number): Blocks {
  if (nowMs < keptMs) return blocks
  const since = microsecondsAfter('', nowMs - keptMs)
  const isKept = ({ address, time }: AddressBlockSpec['released'][number]): boolean => {
    if (time >= since) return true
    const parsed = parseAddress(address)
    return parsed.ok && isInPool(parsed.value)
  }
  const changes: [string, AddressBlockSpec | undefined][] = []
  for (const [name, spec] of blocks.specs) {
    const released = spec.released.filter(isKept)
    if (released.length === spec.released.length) continue
    const isEmpty = released.length === 0 && spec.addresses.length === 0
    changes.push([name, isEmpty ? undefined : { ...spec, released }])
  }
  return changes.length === 0 ? blocks : { ...blocks, specs: updatedSpecs(blocks.specs, changes) }
}
