import type { Schema } from './structural.ts'

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'boolean' | 'date'
  readonly jsonPath: string
  /** 0 unless set: shown always; above only with `-o wide`. */
  readonly priority?: number
  readonly description?: string
}

/** One version of a kind. */
export interface CrdVersion {
  readonly name: string
  readonly isStored: boolean
  /** undefined: not deprecated. */
  readonly deprecationWarning?: string
  readonly description: string
  readonly spec?: Schema
  readonly status?: Schema
  /** Fields that an object must have beside what Kubernetes asks for. */
  readonly required?: readonly string[]
  /** CEL rules over the whole object, its metadata.name included. */
  readonly validations?: readonly CelRule[]
  readonly hasStatus: boolean
  readonly columns: readonly Column[]
}

/** One of x-kubernetes-validations. */
export interface CelRule {
  readonly rule: string
  readonly message: string
}

/** A kind of object that the API server is to know. */
export interface CrdDefinition {
  readonly group: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly versions: readonly CrdVersion[]
}

/** apiextensions.k8s.io/v1 CustomResourceDefinition. */
export interface Crd {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string; readonly [field: string]: unknown }
    readonly scope: string
    readonly conversion: { readonly strategy: string; readonly webhook: null }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Schema }
      readonly [field: string]: unknown
    }[]
  }
}

/** The object that makes the API server serve a kind. No version needs a webhook for anything. */
export const crdOf = ({ group, kind, plural, singular, shortNames, categories, versions }: CrdDefinition): Crd => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    names: {
      kind,
      listKind: `${kind}List`,
      plural,
      singular,
      ...(shortNames === undefined ? {} : { shortNames }),
      ...(categories === undefined ? {} : { categories }),
    },
    scope: 'Namespaced',
    // Null takes away the webhook of a CRD that ours is applied over, whose service is not there any more.
    conversion: { strategy: 'None', webhook: null },
    versions: versions.map(versionOf),
  },
})

const versionOf = (version: CrdVersion) => ({
  name: version.name,
  served: true,
  storage: version.isStored,
  ...(version.deprecationWarning === undefined
    ? {}
    : { deprecated: true, deprecationWarning: version.deprecationWarning }),
  ...(version.hasStatus ? { subresources: { status: {} } } : {}),
  ...(version.columns.length === 0 ? {} : { additionalPrinterColumns: version.columns }),
  schema: { openAPIV3Schema: objectSchema(version) },
})

const objectSchema = ({ description, required, validations, spec, status }: CrdVersion): Schema => ({
  type: 'object',
  description,
  ...(required === undefined ? {} : { required }),
  ...(validations === undefined ? {} : { 'x-kubernetes-validations': validations }),
  properties: {
    apiVersion: { type: 'string', description: 'Group and version of the API that the object is written in.' },
    kind: { type: 'string', description: 'The kind of the object.' },
    metadata: { type: 'object' },
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  },
})
