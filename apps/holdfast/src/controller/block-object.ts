import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { AddressBlockSpec, AddressHolder, HeldAddress, ReleasedAddress } from '@holdfast/ipam'
import { fieldsOf } from '../kubernetes/fields-at.ts'

/** Counts the writes that change nothing else: each makes another version, so that whoever knows the one before has to look. */
const confirmedAnnotation = 'holdfast.dev/confirmed'

/** The spec of an AddressBlock; undefined: something of it is not as the schema demands, so nothing is to be built on it. */
export function blockSpecOf(object: KubeObject): AddressBlockSpec | undefined {
  const { cidr, addresses, released } = fieldsOf(object['spec'])
  if (typeof cidr !== 'string') return undefined
  const held = listOf(addresses, heldOf)
  const free = listOf(released, releasedOf)
  if (held === undefined || free === undefined) return undefined
  return { cidr, inUse: held.length, addresses: held, released: free }
}

/** The object to write in place of `before`: what others put into its metadata stays. */
export function blockObject(
  name: { readonly namespace: string; readonly name: string },
  before: Pick<KubeObject, 'metadata'> | undefined,
  spec: AddressBlockSpec,
  isTouched: boolean,
): KubeObject {
  const { AddressBlock } = resourceTypes
  const count = Number(before?.metadata.annotations?.[confirmedAnnotation] ?? 0)
  const touch = { [confirmedAnnotation]: String(Number.isSafeInteger(count) ? count + 1 : 1) }
  const annotations = isTouched ? { ...before?.metadata.annotations, ...touch } : before?.metadata.annotations
  return {
    apiVersion: `${AddressBlock.group}/${AddressBlock.version}`,
    kind: AddressBlock.kind,
    metadata: { ...before?.metadata, ...name, ...(annotations === undefined ? {} : { annotations }) },
    spec,
  }
}

/** The object with a spec that is known already where that says the same: there is one thing to keep then. */
export function withKnownSpec(object: KubeObject, known: AddressBlockSpec | undefined): KubeObject {
  // Both are made in one order of fields; where they are not, there are two things to keep.
  const isSame = known !== undefined && JSON.stringify(blockSpecOf(object)) === JSON.stringify(known)
  return isSame ? { ...object, spec: known } : object
}

function listOf<T>(value: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return undefined
  const items = value.map(read)
  const whole = items.filter((item) => item !== undefined)
  return whole.length === items.length ? whole : undefined
}

function heldOf(value: unknown): HeldAddress | undefined {
  const { address, pool, holders } = fieldsOf(value)
  const list = listOf(holders, holderOf)
  if (typeof address !== 'string' || typeof pool !== 'string' || list === undefined || list.length === 0)
    return undefined
  return { address, pool, holders: list }
}

function holderOf(value: unknown): AddressHolder | undefined {
  const { namespace, name, uid, terms } = fieldsOf(value)
  if (typeof namespace !== 'string' || typeof name !== 'string' || typeof uid !== 'string') return undefined
  return { namespace, name, uid, ...(typeof terms === 'string' ? { terms } : {}) }
}

function releasedOf(value: unknown): ReleasedAddress | undefined {
  const { address, service, time } = fieldsOf(value)
  if (typeof address !== 'string' || typeof service !== 'string' || typeof time !== 'string') return undefined
  return { address, service, time }
}
