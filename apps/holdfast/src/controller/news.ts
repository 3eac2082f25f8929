import type { KubeObject, Snapshot } from '@holdfast/cluster'
import { listDifference } from '@holdfast/model'

/**
 * Whether a snapshot says more than that blocks which this controller wrote have come round. `isKnownBlock`: of a block by name and version,
 * which is empty where the block is gone.
 */
export function isNews(
  before: Snapshot | undefined,
  now: Snapshot,
  isKnownBlock: (block: string, version: string) => boolean,
): boolean {
  if (before === undefined || now.relisted !== undefined) return true
  const { removed, added } = listDifference(before.objects, now.objects)
  const versions = new Map<string, string>()
  for (const [{ value }, isThere] of [...pairs(removed, false), ...pairs(added, true)]) {
    const { kind, metadata } = value as KubeObject
    if (kind !== 'AddressBlock') return true
    versions.set(metadata.name, isThere ? (metadata.resourceVersion ?? '') : '')
  }
  return versions.size === 0 || [...versions].some(([block, version]) => !isKnownBlock(block, version))
}

const pairs = <T>(items: readonly T[], isThere: boolean) => items.map((item) => [item, isThere] as const)
