import type { Model, RawObject } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'

/** Names of the IPAddressPools among these objects that have no version in force, since what is said of them is refused. */
export function refusedPools({ pools }: Model, objects: readonly RawObject[]): ReadonlySet<string> {
  const refused = new Set(objects.flatMap(({ value }) => (isPool(value) ? [textAt(value, 'metadata', 'name')] : [])))
  for (const { meta } of pools.values()) refused.delete(meta.ref.name)
  return refused
}

const isPool = (value: unknown): boolean =>
  textAt(value, 'kind') === 'IPAddressPool' && textAt(value, 'apiVersion').startsWith('metallb.io/')
