import type { PlanEvent } from '@holdfast/ipam'
import { annotationPrefix } from '@holdfast/model'
import type { Condition } from './service-object.ts'
import type { ServiceStatus } from './service-status.ts'

/** A Kubernetes event about an object, before it has a name and times. */
export interface Notice {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What a status said before it was written, and what the plan said about it. */
export interface Written {
  /** `namespace/name`. */
  readonly service: string
  readonly before: { readonly ingress: readonly string[]; readonly condition: Condition | undefined }
  readonly after: ServiceStatus
  /** Why addresses were taken away, by the plan; undefined: it did not say. */
  readonly cleared: string | undefined
  /** The event of the refusal that stands; undefined: none does. */
  readonly refusal: PlanEvent | undefined
  /** Some address stays although no pool has it. */
  readonly isHeldOver: boolean
  /** Annotations that it has under the old prefix and are read. */
  readonly oldAnnotations: readonly string[]
}

/**
 * The events that a written status deserves, in MetalLB's reasons (COMPAT section 2.8). They follow from the difference that the
 * write made, so that nothing is told twice, not even after a restart.
 */
export function eventsOf(written: Written): readonly Notice[] {
  const { before, after } = written
  const gone = before.ingress.filter((address) => !after.ingress.includes(address))
  const added = after.ingress.filter((address) => !before.ingress.includes(address))
  const isNews = !isSameClaim(before.condition, after)
  return [
    ...(gone.length === 0 ? [] : [clearedEvent(written, gone, added)]),
    ...(added.length === 0 ? [] : assignedEvents(written, gone, added)),
    ...(isNews ? newsOf(written) : []),
  ]
}

/** What the condition says now and did not say before. */
const newsOf = ({ before, after, refusal, isHeldOver }: Written): readonly Notice[] => [
  ...(refusal === undefined ? [] : [refusal]),
  ...(isHeldOver && before.condition?.reason !== 'Held' ? [heldEvent(after)] : []),
]

const assignedEvents = (
  { before, oldAnnotations }: Written,
  gone: readonly string[],
  added: readonly string[],
): readonly Notice[] => [
  assignedEvent(before.ingress.length > 0 && gone.length === 0, added),
  ...(oldAnnotations.length === 0 ? [] : [oldPrefix(oldAnnotations)]),
]

/** Names the old addresses and the new ones, for a person who has to change a firewall or a name. */
function clearedEvent({ service, cleared }: Written, gone: readonly string[], added: readonly string[]): Notice {
  const why = cleared ?? `current IP for "${service}" not allowed by config, will attempt for new IP assignment`
  const now = added.length === 0 ? 'no address takes the place' : `${added.join(', ')} takes the place`
  return { type: 'Normal', reason: 'ClearAssignment', message: `${why}; ${now} of ${gone.join(', ')}` }
}

const assignedEvent = (isAdditional: boolean, added: readonly string[]): Notice => ({
  type: 'Normal',
  reason: 'IPAllocated',
  message: isAdditional ? `Assigned additional IP ${added.join(', ')}` : `Assigned IP [${added.join(', ')}]`,
})

const oldPrefix = (names: readonly string[]): Notice => ({
  type: 'Warning',
  reason: 'deprecatedAnnotation',
  message: `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} an old prefix, which still works: write ${annotationPrefix} instead`,
})

const heldEvent = ({ conditions }: ServiceStatus): Notice => ({
  type: 'Warning',
  reason: 'AddressHeld',
  message: conditions[0]?.message ?? '',
})

const isSameClaim = (before: Condition | undefined, { conditions }: ServiceStatus): boolean => {
  const after = conditions.find(({ type }) => type === before?.type)
  return before?.reason === after?.reason && before?.message === after?.message && before !== undefined
}
