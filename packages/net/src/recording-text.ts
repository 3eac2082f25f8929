import type { PeerOutput, UnsentRoute, UpdateMessage } from '@holdfast/bgp'
import { formatPrefix } from '@holdfast/ip'

/** Of long lists this many are written out. */
const MOST_LISTED = 20

/** One line for an output of the session machine that sends nothing: the same for the same output, in every run. */
export function describeOutput(output: Exclude<PeerOutput, { kind: 'send' }>): string {
  switch (output.kind) {
    case 'dial':
      return 'dial'
    case 'hangUp':
      return `${output.isAbrupt === true ? 'abort' : 'hangUp'} ${output.role}`
    case 'arm':
      return `arm ${output.role} ${output.timer} ${output.ms}`
    case 'disarm':
      return `disarm ${output.role} ${output.timer}`
    case 'codec':
      return `codec ${output.role} ${stableText(output.context)}`
    case 'changed':
      return `changed ${output.role} ${output.from} ${output.to}: ${output.reason.code}: ${output.reason.message}`
    case 'established':
      return `established ${output.role} ${stableText(output.negotiated)}`
    case 'lost':
      return `lost: ${output.reason.code}: ${output.reason.message}`
    case 'learned':
      return `learned ${describeUpdate(output.update)}`
    case 'unsent':
      return `unsent ${output.routes.length}${listed(output.routes)}`
  }
}

/** A message that was sent, as text: the type for people, then all octets. */
export const describeSent = (role: string, bytes: Uint8Array): string =>
  `sent ${role} ${TYPE_NAMES[bytes[18] ?? 0] ?? 'message'} ${hexOf(bytes)}`

/** By the type octet of RFC 4271 section 4.1. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'OPEN',
  2: 'UPDATE',
  3: 'NOTIFICATION',
  4: 'KEEPALIVE',
  5: 'ROUTE-REFRESH',
}

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

function describeUpdate({ withdrawn, announced, endOfRib, faults }: UpdateMessage): string {
  const reach = announced?.reach.map(({ nextHop, prefixes }) => ({
    nextHop,
    count: prefixes.length,
    first: prefixes[0],
    last: prefixes.at(-1),
  }))
  return stableText({
    withdrawn: { count: withdrawn.length, first: withdrawn[0], last: withdrawn.at(-1) },
    attributes: announced?.attributes,
    reach,
    endOfRib,
    faults: faults.map(({ remedy, message }) => `${remedy}: ${message}`),
  })
}

function listed(routes: readonly UnsentRoute[]): string {
  const texts = routes.slice(0, MOST_LISTED).map(({ route, cause }) => ` ${formatPrefix(route.prefix)} ${cause}`)
  return texts.join(',') + (routes.length > MOST_LISTED ? ', …' : '')
}

/** JSON with the keys in alphabetical order and bigints as text, so that equal values have equal texts. */
function stableText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return part.toString()
    if (typeof part !== 'object' || part === null || Array.isArray(part) || part instanceof Uint8Array) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
