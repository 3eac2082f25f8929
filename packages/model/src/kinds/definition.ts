import { z } from 'zod'
import { metadataSchema } from '../schemas/metadata.ts'
import type { FieldPath, Kind, Meta, ObjectRef, Resource } from '../types.ts'

/** A field that is valid but has no effect. */
export interface Note {
  readonly path: FieldPath
  readonly value: string
  readonly reason: string
}

/** What a valid object says. */
export interface Built {
  /** Of an object that contradicts no others: the one of its version before takes its place where they say the same. */
  resource: Resource
  readonly notes: readonly Note[]
  /** spec.communities of a BGPAdvertisement: what they mean depends on the Community objects. */
  readonly communities: readonly string[]
}

export type ReadResult =
  { readonly ok: true; readonly built: Built } | { readonly ok: false; readonly issues: readonly z.core.$ZodIssue[] }

/** A kind in one version of its API. */
export interface Definition {
  readonly kind: Kind
  readonly apiVersion: string
  readonly isNamespaced: boolean
  /** Schema of the whole object; `shape.spec` of a configuration kind is what its CRD says of spec. */
  readonly schema: z.ZodObject
  readonly read: (value: unknown, ref: ObjectRef) => ReadResult
}

/**
 * Makes a kind of its name, its schema and what to build of a valid object. `recognise` gives what the schema would, without a copy, of
 * objects that it can tell to be valid at little cost; undefined: the schema is to judge.
 */
export function define<S extends z.ZodObject<{ metadata: typeof metadataSchema }>>(
  identity: Pick<Definition, 'kind' | 'apiVersion' | 'isNamespaced'>,
  schema: S,
  build: (object: z.output<S>, meta: Meta) => Resource | Built,
  recognise: (value: unknown) => z.output<S> | undefined = () => undefined,
): Definition {
  const builtOf = (object: z.output<S>, ref: ObjectRef): ReadResult => {
    const answer = build(object, metaOf(object.metadata, ref))
    return { ok: true, built: 'resource' in answer ? answer : { resource: answer, notes: none, communities: none } }
  }
  return {
    ...identity,
    schema,
    read: (value, ref) => {
      const recognised = recognise(value)
      if (recognised !== undefined) return builtOf(recognised, ref)
      const result = schema.safeParse(value)
      return result.success ? builtOf(result.data, ref) : { ok: false, issues: result.error.issues }
    },
  }
}

/** Tens of thousands of objects have nothing to note. */
const none: readonly never[] = []

/** The schema of a kind that says everything under spec. */
export const withSpec = <S extends z.ZodType>(spec: S) => z.object({ metadata: metadataSchema, spec })

const noTexts: Readonly<Record<string, string>> = {}

const metaOf = (metadata: z.output<typeof metadataSchema>, ref: ObjectRef): Meta => ({
  ref,
  labels: metadata.labels ?? noTexts,
  annotations: withoutLastApplied(metadata.annotations ?? noTexts),
  uid: metadata.uid ?? '',
  isStale: false,
})

/** kubectl keeps a copy of the whole manifest here, passwords included; nobody needs it. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

const withoutLastApplied = (annotations: Meta['annotations']): Meta['annotations'] =>
  Object.hasOwn(annotations, lastApplied)
    ? Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== lastApplied))
    : annotations
