import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { crdOf } from './crd/definition.ts'
import { metallbCrds } from './crd/metallb.ts'
import { metallbDefinitions } from './kinds/metallb.ts'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
}

/** Where the schema that we read by says more or less than the CRD, which is as MetalLB's (crd/metallb.test.ts), and why. */
const deliberate: Readonly<Record<string, string>> = {
  'BGPPeer/v1beta2 myASN minimum: 0 -> 1': 'MetalLB refuses 0 after the schema has passed it',
  'BGPPeer/v1beta1 myASN minimum: 0 -> 1': 'MetalLB refuses 0 after the schema has passed it',
  'BGPPeer/v1beta1 peerASN minimum: 0 -> 1': 'v1beta1 has no dynamicASN, so 0 is never right',
  'BGPPeer/v1beta2 peerPort maximum: 16384 -> 65535': 'every TCP port is accepted',
  'BGPPeer/v1beta1 peerPort maximum: 16384 -> 65535': 'every TCP port is accepted',
  'BGPPeer/v1beta2 peerPort minimum: 1 -> 0': '0 of v1beta1 is handed over as it is where no webhook converts',
  'BGPPeer/v1beta1 peerPort default: undefined -> 0': '0 is what v1beta1 has for unset',
  'BGPPeer/v1beta1 nodeSelectors[].matchExpressions[] required: key,operator,values -> key,operator':
    'operators without values can be written too',
  'BGPPeer/v1beta1 nodeSelectors[].matchExpressions[].values minItems: 1 -> undefined':
    'operators without values can be written too',
  'BGPAdvertisement/v1beta1 aggregationLength maximum: undefined -> 32': 'MetalLB checks it after the schema',
  'BGPAdvertisement/v1beta1 aggregationLengthV6 minimum: undefined -> 0': 'there are no negative prefix lengths',
  'BGPAdvertisement/v1beta1 aggregationLengthV6 maximum: undefined -> 128': 'MetalLB checks it after the schema',
  'BGPAdvertisement/v1beta1 localPref minimum: undefined -> 0': 'LOCAL_PREF is unsigned',
  'BGPAdvertisement/v1beta1 localPref maximum: undefined -> 4294967295': 'LOCAL_PREF has 32 bits',
  'Community/v1beta1 communities[] required:  -> name,value': 'an alias without one of them can never be used',
}

const ours = new Map(
  metallbDefinitions.map(({ apiVersion, kind, schema }) => [
    `${kind}/${apiVersion.split('/')[1]}`,
    // The shape of a schema of unknown type: spec is one of its fields.
    z.toJSONSchema(schema.shape['spec'] as z.ZodType, { io: 'input' }) as Schema,
  ]),
)

/** A bound of a JavaScript integer is no constraint of the field. */
const bound = (value: number | undefined): number | undefined =>
  value === undefined || Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value

const facets = (schema: Schema): Readonly<Record<string, unknown>> => ({
  type: schema.type,
  required: [...(schema.required ?? [])].sort().join(),
  enum: schema.enum?.join(),
  default: schema.default,
  minimum: bound(schema.minimum),
  maximum: bound(schema.maximum),
  minItems: schema.minItems,
})

/** Where two schemas differ, one line each: theirs, then ours. */
function differences(path: string, theirs: Schema | undefined, mine: Schema | undefined): readonly string[] {
  if (theirs === undefined || mine === undefined) {
    return [`${path}: ${theirs === undefined ? 'not theirs' : 'not ours'}`]
  }
  const [a, b] = [facets(theirs), facets(mine)]
  const changed = Object.keys(a).filter((facet) => a[facet] !== b[facet])
  const fieldPath = (name: string): string => (path.endsWith(' ') ? `${path}${name}` : `${path}.${name}`)
  const hasItems = theirs.items !== undefined || mine.items !== undefined
  const names = new Set([...Object.keys(theirs.properties ?? {}), ...Object.keys(mine.properties ?? {})])
  return [
    ...changed.map((facet) => `${path} ${facet}: ${String(a[facet])} -> ${String(b[facet])}`),
    ...[...names].flatMap((name) => differences(fieldPath(name), theirs.properties?.[name], mine.properties?.[name])),
    ...(hasItems ? differences(`${path}[]`, theirs.items, mine.items) : []),
  ]
}

test('every metallb.io kind has a JSON schema of its input', () => {
  assert.deepEqual([...ours.keys()].sort(), [
    'BFDProfile/v1beta1',
    'BGPAdvertisement/v1beta1',
    'BGPPeer/v1beta1',
    'BGPPeer/v1beta2',
    'Community/v1beta1',
    'IPAddressPool/v1beta1',
  ])
  for (const schema of ours.values()) assert.equal(schema.type, 'object')
})

test('the schemas that we read by agree with the CRDs, but for deliberate differences', () => {
  const found: string[] = []
  for (const { spec } of metallbCrds.map(crdOf)) {
    for (const version of spec.versions) {
      const key = `${spec.names.kind}/${version.name}`
      const theirs = version.schema.openAPIV3Schema.properties?.['spec'] as Schema | undefined
      if (ours.has(key)) found.push(...differences(`${key} `, theirs, ours.get(key)))
    }
  }
  assert.deepEqual(found.sort(), Object.keys(deliberate).sort())
})
