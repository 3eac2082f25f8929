import type { Model, RawObject } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'

/** Names of the IPAddressPools among these objects that have no version in force, since what is said of them is refused. */
export const refusedPools = (model: Model, objects: readonly RawObject[]): ReadonlySet<string> =>
  notInForce(
    model,
    objects.flatMap(({ value }) => (isPool(value) ? [textAt(value, 'metadata', 'name')] : [])),
  )

/** Of the names of pools that are there, those that have no version in force. */
export function notInForce({ pools }: Model, names: Iterable<string>): ReadonlySet<string> {
  const refused = new Set(names)
  for (const { meta } of pools.values()) refused.delete(meta.ref.name)
  return refused
}

const isPool = (value: unknown): boolean =>
  textAt(value, 'kind') === 'IPAddressPool' && textAt(value, 'apiVersion').startsWith('metallb.io/')
