import { formatAddress } from '@holdfast/ip'
import type { Decision } from '@holdfast/ipam'
import type { Held } from './held-addresses.ts'
import { shortText } from '../kubernetes/short-text.ts'
import { assignedCondition } from './service-object.ts'
import { releaseAnnotation } from '../allocation/hold.ts'
import type { Claim, ServiceStatus } from './service-status.ts'

/** What one Service is to have, by the plan. */
export interface Wish {
  /** In canonical form. */
  readonly addresses: readonly string[]
  readonly pool: string | undefined
  readonly condition: Claim
  /** True: some of the addresses stay although no pool in force gives them. */
  readonly isHeldOver: boolean
}

/** What the plan means for a Service's status. `held` is what of its addresses stays although no pool in force gives it. */
export function wishOf(decision: Decision, held: Held | undefined): Wish {
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
  const condition = held === undefined ? conditionFor(decision, addresses, pool) : heldCondition(held, pool)
  return { addresses, pool, condition, isHeldOver: held !== undefined }
}

function conditionFor(
  { notice }: Extract<Decision, { readonly kind: 'assigned' }>,
  addresses: readonly string[],
  pool: string,
): Claim {
  if (notice !== undefined) return claim('True', capitalized(notice.reason), notice.message)
  return claim('True', 'Assigned', `${addresses.join(' and ')} from pool "${pool}"`)
}

function heldCondition(held: Held, pool: string): Claim {
  const { addresses, isPoolRefused } = held
  const list = addresses.join(',')
  const [is, it] = addresses.length === 1 ? ['is', 'it'] : ['are', 'they']
  const [why, until] = isPoolRefused
    ? [`of pool "${pool}", which is refused as it is now (its events say why)`, 'that is corrected, or ']
    : [whereIs(held), '']
  const remedy = `${until}the Service has the annotation ${releaseAnnotation}: "${list}"`
  return claim('True', 'Held', `${list} ${is} ${why}, and ${it} will stay until ${remedy}`)
}

function whereIs({ otherPools, isLost }: Held): string {
  if (otherPools.length === 0) return 'in no pool any more'
  const names = otherPools.map((name) => `"${name}"`).join(' and ')
  const pools = `in pool${otherPools.length === 1 ? '' : 's'} ${names}`
  return isLost ? `${pools} by now, or in none` : `${pools} by now, which cannot serve this Service`
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
  message: shortText(message, 1024),
})

/** Reasons of conditions are in CamelCase (meta/v1 Condition). */
const capitalized = (reason: string): string => reason.charAt(0).toUpperCase() + reason.slice(1)
