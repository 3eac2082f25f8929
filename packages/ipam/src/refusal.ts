import type { Address, Family } from '@holdfast/ip'
import { formatAddress } from '@holdfast/ip'
import type { PlanEvent, Placed, Refusal, RefusalReason } from './types.ts'
import type { Want } from './want.ts'

/** Builds a refusal. */
export const refuse = (reason: RefusalReason, message: string): Refusal => ({ reason, message })

/** True where a person would read the same twice. */
export const sameRefusal = (a: Refusal | undefined, b: Refusal | undefined): boolean =>
  a?.reason === b?.reason && a?.message === b?.message

/** Who stands in the way at an address, and at which port if that is all there is between the two. */
export interface Conflict {
  readonly holder: string
  readonly other: Want | undefined
  readonly port: string | undefined
}

/** Why two Services cannot share an address. */
export function sharingRefusal({ address, pool }: Placed, want: Want, { holder, other, port }: Conflict): Refusal {
  const where = `${formatAddress(address)} of pool ${quote(pool)} is in use by Service ${holder}`
  const mine = want.request.sharing
  const theirs = other?.request.sharing
  if (theirs === undefined) return refuse('addressInUse', `${where}, which shares its address with nobody`)
  if (mine === undefined) {
    return refuse('addressInUse', `${where}; to share it, this Service needs the sharing key ${quote(theirs.key)} too`)
  }
  if (mine.key !== theirs.key) {
    return refuse(
      'sharingKeyMismatch',
      `${where} with the sharing key ${quote(theirs.key)}, and this Service has ${quote(mine.key)}`,
    )
  }
  if (port !== undefined) {
    return refuse(
      'portInUse',
      `${where} with the same port ${port}: Services that share an address need different ports`,
    )
  }
  const [here, there] = [backendText(mine.backend), backendText(theirs.backend)]
  return refuse(
    'backendMismatch',
    `${where} with the same sharing key, but with ${there}, and this Service has ${here}`,
  )
}

const backendText = (backend: string): string =>
  backend === '' ? 'externalTrafficPolicy Cluster' : `externalTrafficPolicy Local and the selector ${quote(backend)}`

/** The event that a refusal deserves, in MetalLB's form. */
export function eventOfRefusal(service: string, { reason, message }: Refusal): PlanEvent | undefined {
  switch (reason) {
    case 'noClusterIP':
      return undefined
    case 'notEnoughClusterIPs':
      return { type: 'Warning', reason: 'not enough clusterips', message }
    case 'invalidRequest':
      return {
        type: 'Warning',
        reason: 'LoadBalancerFailed',
        message: `invalid requested loadbalancer IPs: ${message}`,
      }
    case 'noAdditionalIP':
      return {
        type: 'Normal',
        reason: 'AdditionalAssignFailed',
        message: `cannot assign additional IP in PreferDualStack: ${message}`,
      }
    default:
      return {
        type: 'Warning',
        reason: 'AllocationFailed',
        message: `Failed to allocate IP for ${quote(service)}: ${message}`,
      }
  }
}

export const quote = (text: string): string => JSON.stringify(text)

/** `192.0.2.1, 2001:db8::1` */
export const addressList = (addresses: readonly Address[]): string => addresses.map(formatAddress).join(', ')

/** `pool "a"` or `pools "a", "b"` */
export const poolList = (names: readonly string[]): string =>
  `${names.length === 1 ? 'pool' : 'pools'} ${names.map(quote).join(', ')}`

/** `IPv4`, `IPv6` or `IPv4 and IPv6` */
export const familyList = (families: readonly Family[]): string =>
  families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')).join(' and ')
