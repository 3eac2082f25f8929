import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { AddressBlockSpec, ReservedAddress } from '@holdfast/ipam'
import { encodeBlock } from '@holdfast/ipam'

/** Counts the writes that change nothing else: each makes another version, so that whoever knows the one before has to look. */
const confirmedAnnotation = 'holdfast.dev/confirmed'

/** What a block is to say. */
export interface BlockContent {
  readonly spec: AddressBlockSpec
  readonly reserved: readonly ReservedAddress[]
  /** True: it says the same as before, and is to be another version all the same. */
  readonly isTouched: boolean
}

/** The object to write in place of `before`: what others put into its metadata stays. */
export function blockObject(
  name: { readonly namespace: string; readonly name: string },
  before: Pick<KubeObject, 'metadata'> | undefined,
  { spec, reserved, isTouched }: BlockContent,
): KubeObject {
  const { AddressBlock } = resourceTypes
  const count = Number(before?.metadata.annotations?.[confirmedAnnotation] ?? 0)
  const touch = { [confirmedAnnotation]: String(Number.isSafeInteger(count) ? count + 1 : 1) }
  const annotations = isTouched ? { ...before?.metadata.annotations, ...touch } : before?.metadata.annotations
  return {
    apiVersion: `${AddressBlock.group}/${AddressBlock.version}`,
    kind: AddressBlock.kind,
    metadata: { ...before?.metadata, ...name, ...(annotations === undefined ? {} : { annotations }) },
    spec: encodeBlock(spec, reserved),
  }
}
