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
  // Whoever knows key and selector can share the address: they are not told across namespaces.
  const isOwn = namespaceOf(holder) === namespaceOf(want.key)
  if (mine === undefined) {
    const key = isOwn ? `the sharing key ${quote(theirs.key)} too` : 'the same sharing key'
    return refuse('addressInUse', `${where}; to share it, this Service needs ${key}`)
  }
  if (mine.key !== theirs.key) {
    const key = isOwn ? `the sharing key ${quote(theirs.key)}` : 'another sharing key'
    return refuse('sharingKeyMismatch', `${where} with ${key}, and this Service has ${quote(mine.key)}`)
  }
  if (port !== undefined) {
    return refuse(
      'portInUse',
      `${where} with the same port ${port}: Services that share an address need different ports`,
    )
  }
  const here = backendText(mine.backend)
  const there =
    isOwn || theirs.backend === '' ? backendText(theirs.backend) : 'externalTrafficPolicy Local and a selector'
  return refuse(
    'backendMismatch',
    `${where} with the same sharing key, but with ${there}, and this Service has ${here}`,
  )
}

const namespaceOf = (service: string): string => service.slice(0, service.indexOf('/') + 1)

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

/** As long as the name of an object can be. */
const longestQuoted = 253
/** What a terminal or a log would act on or not show: control and format characters, separators of lines, halves of characters. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * A text of somebody's in quotes, of at most 253 characters: names, and what stands in annotations. What is not plainly visible is written
 * as `\u{1b}`, so that a text can be nothing but a text wherever the message is shown.
 */
export function quote(text: string): string {
  const isShort = text.length <= longestQuoted
  const shown = isShort
    ? text
    : `${Array.from(text.slice(0, 2 * longestQuoted))
        .slice(0, longestQuoted)
        .join('')}…`
  return JSON.stringify(shown).replace(invisible, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
}

/** `192.0.2.1, 2001:db8::1` */
export const addressList = (addresses: readonly Address[]): string => addresses.map(formatAddress).join(', ')

/** `pool "a"` or `pools "a", "b"` */
export const poolList = (names: readonly string[]): string =>
  `${names.length === 1 ? 'pool' : 'pools'} ${names.map(quote).join(', ')}`

/** `IPv4`, `IPv6` or `IPv4 and IPv6` */
export const familyList = (families: readonly Family[]): string =>
  families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')).join(' and ')
