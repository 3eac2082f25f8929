import { z } from 'zod'

/** A structural schema of Kubernetes: OpenAPI v3 as far as a CRD may use it. */
export interface Schema {
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly required?: readonly string[]
  readonly [keyword: string]: unknown
}

/**
 * What is said of one field besides what its schema in `model` says: its description, and keywords of OpenAPI and Kubernetes. A
 * keyword that is undefined is taken away.
 */
export interface Facet {
  readonly description: string
  readonly [keyword: string]: unknown
}

/** By path from where the schema begins: `peers`, `nodeSelectors[].matchLabels`; '' is the whole. A text is a description. */
export type Facets = Readonly<Record<string, Facet | string>>

/**
 * The structural schema of what a zod schema reads, with facets. Every field must have one: a field without a description, or a
 * description without a field, is a mistake of ours and throws.
 */
export function structuralSchema(schema: z.ZodType, facets: Facets): Schema {
  const unused = new Set(Object.keys(facets))
  const json = z.toJSONSchema(schema, { io: 'input' }) as Schema
  const result = described(json, '', { facets, unused })
  if (unused.size > 0) throw new Error(`no such fields: ${[...unused].join(', ')}`)
  return result
}

interface Context {
  readonly facets: Facets
  readonly unused: Set<string>
}

function described(schema: Schema, path: string, context: Context): Schema {
  const facet = context.facets[path]
  context.unused.delete(path)
  const isElement = path.endsWith('[]') && schema.properties === undefined
  if (facet === undefined && !isElement) throw new Error(`${path} has no description`)
  const merged = {
    ...withoutFacets(schema, path, context),
    ...(typeof facet === 'string' ? { description: facet } : facet),
  }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined))
}

/** The keywords that a structural schema may have, with what lies below. */
function withoutFacets(schema: Schema, path: string, context: Context): Schema {
  const { type, format, properties, items, additionalProperties, required, minItems, minimum, maximum } = schema
  const { default: preset, enum: values } = schema
  return {
    type: type ?? 'object',
    format,
    enum: values,
    default: preset,
    minimum: bound(minimum),
    maximum: bound(maximum),
    minItems,
    required: required === undefined || required.length === 0 ? undefined : [...required].sort(),
    properties: properties === undefined ? undefined : propertiesOf(properties, path, context),
    items: items === undefined ? undefined : described(items, `${path}[]`, context),
    // False in the zod schema: Kubernetes prunes what is not listed, and strict field validation refuses it.
    additionalProperties: typeof additionalProperties === 'object' ? { type: additionalProperties.type } : undefined,
  } as Schema
}

const propertiesOf = (properties: Readonly<Record<string, Schema>>, path: string, context: Context) =>
  Object.fromEntries(
    Object.entries(properties)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, described(field, path === '' ? name : `${path}.${name}`, context)]),
  )

/** A bound of a JavaScript integer is no constraint of the field. */
const bound = (value: unknown): unknown => (Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER ? undefined : value)
