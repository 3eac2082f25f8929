import type { KubeObject } from '@holdfast/cluster'
import { notToldYet } from './announced-claim.ts'
import type { Condition } from './service-object.ts'
import {
  announcedCondition,
  assignedCondition,
  conditionsOf,
  ingressCountOf,
  ingressOf,
  poolAnnotation,
} from './service-object.ts'

/** What a condition says, without the times that belong to the object. */
export type Claim = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** What the controller wants a Service to say. */
export interface ServiceStatus {
  /** Addresses in canonical form. */
  readonly ingress: readonly string[]
  /** The pool that they are from; undefined: none, and no annotation. */
  readonly pool: string | undefined
  readonly conditions: readonly Claim[]
}

export interface PatchTerms {
  /** The wall clock, RFC 3339 in whole seconds. */
  readonly now: string
  /** True: the patch changes something in any case, so that the object gets another resourceVersion. */
  readonly isForced?: boolean
}

export type Patch = Readonly<Record<string, unknown>>

/**
 * The merge patch of the status subresource that makes a Service say `wanted`; undefined where it does already. Of others'
 * conditions each one stays. The order of addresses that stay is kept; MetalLB's is the order of allocation too.
 */
export function statusPatch(object: KubeObject, wanted: ServiceStatus, terms: PatchTerms): Patch | undefined {
  const ingress = ingressPatch(object, wanted.ingress)
  const conditions = conditionsPatch(object, wanted.conditions, terms)
  const annotation = object.metadata.annotations?.[poolAnnotation]
  const metadata = annotation === wanted.pool ? {} : { annotations: { [poolAnnotation]: wanted.pool ?? null } }
  return assemble(object, metadata, { ...ingress, ...conditions })
}

/**
 * The merge patch that takes everything of ours from a Service that is not served any more; `isForced` as above, by a condition
 * that says so. Addresses are cleared where the Service is not of type LoadBalancer, where they can mean nothing.
 */
export function farewellPatch(object: KubeObject, isLoadBalancer: boolean, terms: PatchTerms): Patch | undefined {
  const others = conditionsOf(object).filter(({ type }) => !ours.has(type))
  const hasOurs = others.length < conditionsOf(object).length
  const isMarked = object.metadata.annotations?.[poolAnnotation] !== undefined
  const isForced = terms.isForced === true && !hasOurs && !isMarked
  const conditions = isForced ? [...others, dated(notServed, undefined, object, terms)] : others
  return assemble(object, isMarked ? { annotations: { [poolAnnotation]: null } } : {}, {
    ...(isLoadBalancer ? {} : ingressPatch(object, [])),
    ...(hasOurs || isForced ? { conditions: orNull(conditions) } : {}),
  })
}

/** The addresses in the order of the status for those that it has, the others behind. */
export const inOrderOf = (known: readonly string[], wanted: readonly string[]): readonly string[] => [
  ...known.filter((ip) => wanted.includes(ip)),
  ...wanted.filter((ip) => !known.includes(ip)),
]

const ours: ReadonlySet<string> = new Set([assignedCondition, announcedCondition])

const notServed: Claim = {
  type: assignedCondition,
  status: 'False',
  reason: 'NotServed',
  message: 'the Service is not served by this controller any more',
}

function ingressPatch(object: KubeObject, wanted: readonly string[]): Patch {
  const known = ingressOf(object)
  const isSame =
    known.length === wanted.length &&
    ingressCountOf(object) === wanted.length &&
    wanted.every((address) => known.includes(address))
  if (isSame) return {}
  const entries = inOrderOf(known, wanted).map((ip) => ({ ip }))
  return { loadBalancer: { ingress: orNull(entries) } }
}

function conditionsPatch(object: KubeObject, claims: readonly Claim[], terms: PatchTerms): Patch {
  const known = conditionsOf(object)
  const isSame = claims.every((claim) => {
    const before = known.find(({ type }) => type === claim.type)
    return before?.status === claim.status && before.reason === claim.reason && before.message === claim.message
  })
  if (isSame && terms.isForced !== true) return {}
  const wanted = claims.map((claim) =>
    dated(
      claim,
      known.find(({ type }) => type === claim.type),
      object,
      terms,
    ),
  )
  // What is not known yet is said along with the rest: no request of its own.
  const isFirst = known.every(({ type }) => type !== announcedCondition)
  const announced = isFirst ? [dated(notToldYet, undefined, object, { now: terms.now })] : []
  const kept = known.filter(({ type }) => !claims.some((claim) => claim.type === type))
  return { conditions: [...kept, ...wanted, ...announced] }
}

/** The time of the last transition stays where the status is the same, unless the write has to change something. */
function dated(claim: Claim, before: Condition | undefined, object: KubeObject, terms: PatchTerms): Condition {
  const { generation } = object.metadata
  const isTransition = before?.status !== claim.status || terms.isForced === true
  return {
    ...claim,
    lastTransitionTime: isTransition ? terms.now : before.lastTransitionTime,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
}

/** With the object's identity as preconditions: the patch is for exactly this version of it. */
function assemble(object: KubeObject, metadata: Patch, status: Patch): Patch | undefined {
  if (Object.keys(metadata).length + Object.keys(status).length === 0) return undefined
  const { uid, resourceVersion } = object.metadata
  return {
    metadata: { uid, resourceVersion, ...metadata },
    ...(Object.keys(status).length === 0 ? {} : { status }),
  }
}

/** An empty list is removed rather than written: whoever owns the field. */
const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list)
