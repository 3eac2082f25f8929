import { formatAddress } from '@holdfast/ip'
import type { Decision } from '@holdfast/ipam'
import { assignedCondition } from './service-object.ts'
import { releaseAnnotation } from '../allocation/hold.ts'
import type { Claim, ServiceStatus } from './service-status.ts'

/** What one Service is to have, by the plan. */
export interface Wish {
  /** In canonical form. */
  readonly addresses: readonly string[]
  readonly pool: string | undefined
  readonly condition: Claim
  /** True: some of the addresses are in no pool any more. */
  readonly isHeldOver: boolean
}

/** What the plan means for a Service's status. `held` are its addresses that stay although no pool has them. */
export function wishOf(decision: Decision, held: readonly string[]): Wish {
  if (decision.kind === 'refused') {
    const { reason, message } = decision
    return {
      addresses: [],
      pool: undefined,
      condition: claim('False', capitalized(reason), message),
      isHeldOver: false,
    }
  }
  const addresses = decision.addresses.map(({ address }) => formatAddress(address))
  const pool = decision.addresses[0]?.pool ?? ''
  return { addresses, pool, condition: conditionFor(decision, { addresses, pool, held }), isHeldOver: held.length > 0 }
}

function conditionFor(
  { notice }: Extract<Decision, { readonly kind: 'assigned' }>,
  {
    addresses,
    pool,
    held,
  }: { readonly addresses: readonly string[]; readonly pool: string; readonly held: readonly string[] },
): Claim {
  if (held.length > 0) {
    const [is, it] = held.length === 1 ? ['is', 'it'] : ['are', 'they']
    const list = held.join(',')
    const message = `${list} ${is} in no pool any more, and ${it} will stay until the Service has the annotation ${releaseAnnotation}: "${list}"`
    return claim('True', 'Held', message)
  }
  if (notice !== undefined) return claim('True', capitalized(notice.reason), notice.message)
  return claim('True', 'Assigned', `${addresses.join(' and ')} from pool "${pool}"`)
}

/** What a Service is to say now, and whether that is all that it is to say in the end. */
export interface Step {
  readonly status: ServiceStatus
  readonly isComplete: boolean
}

/**
 * As much of a wish as may be written now. `known` are the addresses of the status as it is, `mayName` says which others the
 * blocks grant. undefined: there is nothing to write before something else has happened.
 */
export function stepTowards(
  wish: Wish,
  known: readonly string[],
  mayName: (address: string) => boolean,
): Step | undefined {
  const missing = wish.addresses.filter((address) => !known.includes(address) && !mayName(address))
  if (missing.length === 0) {
    return {
      status: { ingress: wish.addresses, pool: wish.pool, conditions: [wish.condition] },
      isComplete: true,
    }
  }
  if (known.every((address) => wish.addresses.includes(address))) return undefined
  const staying = wish.addresses.filter((address) => known.includes(address))
  const message = `${missing.join(' and ')} cannot be named yet: another Service is about to leave it`
  return {
    status: {
      ingress: staying,
      pool: staying.length > 0 ? wish.pool : undefined,
      conditions: [claim(staying.length > 0 ? 'True' : 'False', 'Moving', message)],
    },
    isComplete: false,
  }
}

const claim = (status: Claim['status'], reason: string, message: string): Claim => ({
  type: assignedCondition,
  status,
  reason,
  message,
})

/** Reasons of conditions are in CamelCase (meta/v1 Condition). */
const capitalized = (reason: string): string => reason.charAt(0).toUpperCase() + reason.slice(1)
