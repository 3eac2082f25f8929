import { z } from 'zod'
import { formatPath } from './fields.ts'
import type { addressBlockSpec } from './schemas/address-block.ts'
import { nodeStateSpec, nodeStateStatus } from './schemas/node-state.ts'

/*
 * The kinds of holdfast.dev that our own programs write, as they read them back. A person writes nothing of them but
 * spec.drain of a NodeState.
 */

type Deep<T> = T extends readonly (infer E)[]
  ? readonly Deep<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Deep<T[K]> }
    : T

/** Which addresses of a block are held by whom, and by whom those that are free were held, as it is stored: the package ipam reads it. */
export type AddressBlockSpec = Deep<z.output<typeof addressBlockSpec>>

export type NodeStateSpec = Deep<z.output<typeof nodeStateSpec>>
export type NodeStateStatus = Deep<z.output<typeof nodeStateStatus>>

/** One session in NodeState.status. */
export type NodeStateSession = NonNullable<NodeStateStatus['sessions']>[number]

/** How far a node has left, in NodeState.status. */
export type NodeStateDrain = NonNullable<NodeStateStatus['drain']>

/** holdfast.dev/v1alpha1 NodeState; its name is the node's. */
export interface NodeState {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  readonly spec: NodeStateSpec
  readonly status: NodeStateStatus
}

/** What was read, or why it could not be: a sentence that names the field. */
export type StoredResult<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'fault'; readonly message: string }

const metadata = z
  .object({
    name: z.string(),
    namespace: z.string().default(''),
    uid: z.string().default(''),
    resourceVersion: z.string().default(''),
  })
  .transform(({ name, namespace, uid, resourceVersion }) => ({ name, namespace, uid, resourceVersion }))

const nodeState = z
  .object({ metadata, spec: nodeStateSpec.default({}), status: nodeStateStatus.default({}) })
  .transform(({ metadata: meta, spec, status }): NodeState => ({ ...meta, spec, status }))

/** Reads a NodeState of the API server, of any speaker. Fields that are not known are left out. */
export const parseNodeState = (value: unknown): StoredResult<NodeState> => read(nodeState, value)

function read<T>(schema: z.ZodType<T>, value: unknown): StoredResult<T> {
  const result = schema.safeParse(value)
  if (result.success) return { kind: 'ok', value: result.data }
  const [issue] = result.error.issues
  const path = formatPath((issue?.path ?? []).filter((step) => typeof step !== 'symbol'))
  return { kind: 'fault', message: `${path === '' ? 'the object' : path}: ${issue?.message ?? 'cannot be read'}` }
}
