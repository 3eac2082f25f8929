import type { KubeObject } from '@holdfast/cluster'
import { annotationPrefix } from '@holdfast/model'
import { fieldsOf } from '../kubernetes/fields-at.ts'

/** A condition of an object's status (meta/v1 Condition). */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** RFC 3339 in whole seconds. */
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

/** Names the pool that a Service's addresses are from; written by the controller only. */
export const poolAnnotation = `${annotationPrefix}ip-allocated-from-pool`
/** Whether the Service has what it asks for, and why not. */
export const assignedCondition = 'holdfast.dev/AddressAssigned'
/** Whether some node announces the Service, and why not. */
export const announcedCondition = 'holdfast.dev/Announced'

/** A Service as the controller sees it. */
export interface ServiceView {
  /** `namespace/name`. */
  readonly key: string
  readonly uid: string
  readonly resourceVersion: string
  readonly object: KubeObject
}

/** The view of a Service; undefined: the object has not what every stored object has. */
export function viewOf(object: KubeObject): ServiceView | undefined {
  const { namespace, name, uid, resourceVersion } = object.metadata
  if (namespace === undefined || uid === undefined || resourceVersion === undefined) return undefined
  return { key: `${namespace}/${name}`, uid, resourceVersion, object }
}

/** status.loadBalancer.ingress[].ip, in its order; entries without an address left out. */
export function ingressOf(object: KubeObject): readonly string[] {
  const ingress = fieldsOf(fieldsOf(object['status'])['loadBalancer'])['ingress']
  if (!Array.isArray(ingress)) return noTexts
  return ingress.map((entry) => fieldsOf(entry)['ip']).filter((ip) => typeof ip === 'string')
}

/** How many entries there are under status.loadBalancer.ingress, those without an address included. */
export function ingressCountOf(object: KubeObject): number {
  const ingress = fieldsOf(fieldsOf(object['status'])['loadBalancer'])['ingress']
  return Array.isArray(ingress) ? ingress.length : 0
}

/** status.conditions, also those of others. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  const conditions = fieldsOf(object['status'])['conditions']
  return Array.isArray(conditions) ? conditions.filter(isCondition) : []
}

export const conditionOf = (object: KubeObject, type: string): Condition | undefined =>
  conditionsOf(object).find((condition) => condition.type === type)

export const specTextOf = (object: KubeObject, field: string): string | undefined => {
  const value = fieldsOf(object['spec'])[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Whether a Service is one that this controller serves: of the type, and of exactly this class; undefined: of none. */
export const isServed = (object: KubeObject, loadBalancerClass: string | undefined): boolean =>
  specTextOf(object, 'type') === 'LoadBalancer' && specTextOf(object, 'loadBalancerClass') === loadBalancerClass

const noTexts: readonly string[] = []

const isCondition = (value: unknown): value is Condition => typeof fieldsOf(value)['type'] === 'string'
