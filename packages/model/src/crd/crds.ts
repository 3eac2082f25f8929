import type { Crd } from './definition.ts'
import { crdOf } from './definition.ts'
import { holdfastCrds } from './holdfast.ts'
import { metallbCrds } from './metallb.ts'

/** Every CustomResourceDefinition of the project. */
export const crds: readonly Crd[] = [...metallbCrds, ...holdfastCrds].map(crdOf)
