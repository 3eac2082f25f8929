import type { Service } from './types.ts'

/** The annotations of a Service that mean something to us, without their prefix. */
export type AnnotationName = 'address-pool' | 'loadBalancerIPs' | 'allow-shared-ip' | 'ip-allocated-from-pool'

export const annotationPrefix = 'metallb.io/'
/** Read where the new one is absent, never written. */
const deprecatedAnnotationPrefix = 'metallb.universe.tf/'

/** The names of the annotations that ask for something and have only the deprecated prefix, as they are written. */
export const deprecatedAnnotationsIn = (annotations: Readonly<Record<string, unknown>>): readonly string[] =>
  (['loadBalancerIPs', 'address-pool', 'allow-shared-ip'] satisfies AnnotationName[])
    .filter((name) => annotations[`${annotationPrefix}${name}`] === undefined)
    .map((name) => `${deprecatedAnnotationPrefix}${name}`)
    .filter((name) => annotations[name] !== undefined)

/** The value of an annotation, and whether only the deprecated prefix has it; undefined where it is absent. */
export function annotationOf(
  service: Service,
  name: AnnotationName,
): { readonly value: string; readonly isDeprecated: boolean } | undefined {
  const { annotations } = service.meta
  const value = annotations[`${annotationPrefix}${name}`]
  if (value !== undefined) return { value, isDeprecated: false }
  const old = annotations[`${deprecatedAnnotationPrefix}${name}`]
  return old === undefined ? undefined : { value: old, isDeprecated: true }
}
