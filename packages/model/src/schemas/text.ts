import type { Address, Range } from '@holdfast/ip'
import { parseAddress, parsePrefix, parseRange, prefixToRange, unmapped } from '@holdfast/ip'
import { z } from 'zod'
import type { Problem } from '../problem.ts'
import { problem } from '../rules.ts'
import type { Community } from '../types.ts'
import type { Reading } from './rule.ts'
import { withListRule } from './rule.ts'

const read = <T>(value: T): Reading<T> => ({ ok: true, value })
const refused = (found: Problem): { readonly ok: false; readonly problem: Problem } => ({ ok: false, problem: found })

/**
 * One IP address, not trimmed. An IPv4-mapped one is the IPv4 address, as Go reads it and so MetalLB: left as it is, its session
 * would be one of IPv4 with the protection of IPv6.
 */
export function readAddress(text: string): Reading<Address> {
  const address = parseAddress(text)
  return address.ok
    ? read(unmapped(address.value))
    : refused(problem('invalid-address', { text, why: address.fault.message }))
}

/** A BGP identifier as its 32-bit value; 0 is not one (RFC 6286 section 2.1). */
export function readRouterId(text: string): Reading<number> {
  const address = parseAddress(text)
  return address.ok && address.value.family === 'ipv4' && address.value.value !== 0
    ? read(address.value.value)
    : refused(problem('invalid-router-id', { text }))
}

/** An entry of spec.addresses: a CIDR, or a range with blanks allowed around its two addresses. */
export function readPoolEntry(text: string): Reading<Range> {
  if (text.includes('-')) {
    const range = parseRange(text)
    return range.ok ? read(range.value) : refused(problem('invalid-pool-entry', { text, why: range.fault.message }))
  }
  const prefix = parsePrefix(text)
  if (prefix.ok) return read(prefixToRange(prefix.value))
  // What is no address at all needs more than a prefix length.
  const address = text.includes('/') ? undefined : parseAddress(text)
  const { message } = address?.ok === false ? address.fault : prefix.fault
  return refused(problem('invalid-pool-entry', { text, why: message }))
}

const msPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** A duration as Go writes it (Kubernetes metav1.Duration), in milliseconds: `90s`, `1m30s`, `0`. */
export function readDuration(text: string): Reading<number> {
  const unsigned = text.replace(/^[+-]/, '')
  if (unsigned === '0') return read(0)
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y
  let ms = 0
  let end = 0
  for (let match = part.exec(unsigned); match !== null; match = part.exec(unsigned)) {
    ms += Number(match[1]) * (msPerUnit[match[2] ?? ''] ?? NaN)
    end = part.lastIndex
  }
  if (end === 0 || end !== unsigned.length) return refused(problem('invalid-duration', { text }))
  return read(text.startsWith('-') ? -ms : ms)
}

/** A text for a kernel name or a password: on one line, as a line break could end a setting early. */
export const readLine =
  (field: string) =>
  (text: string): Reading<string> =>
    /[\r\n]/.test(text) ? refused(problem('control-character', { field })) : read(text)

const whole = (text: string | undefined, most: number): number | undefined =>
  text !== undefined && /^\d+$/.test(text) && Number(text) <= most ? Number(text) : undefined

/** `a:b` with 16-bit parts (RFC 1997), or `large:a:b:c` with 32-bit parts (RFC 8092). */
export function readCommunity(text: string): Reading<Community> {
  const parts = text.split(':')
  if (parts[0] === 'large' && parts.length === 4) return readLargeCommunity(text, parts)
  if (parts.length !== 2) {
    return refused(problem('invalid-community', { text, why: 'it has neither two parts nor "large:" and three parts' }))
  }
  const [high, low] = [whole(parts[0], 0xffff), whole(parts[1], 0xffff)]
  return high !== undefined && low !== undefined
    ? read({ kind: 'standard', high, low })
    : refused(problem('invalid-community', { text, why: 'each of the two parts is a number from 0 to 65535' }))
}

function readLargeCommunity(text: string, parts: readonly string[]): Reading<Community> {
  const [globalAdmin, data1, data2] = [1, 2, 3].map((index) => whole(parts[index], 0xffffffff))
  return globalAdmin !== undefined && data1 !== undefined && data2 !== undefined
    ? read({ kind: 'large', globalAdmin, data1, data2 })
    : refused(problem('invalid-community', { text, why: 'each of the three parts is a number from 0 to 4294967295' }))
}

/** A list of texts, each at most once. `list` is how a person calls the list. */
export const uniqueTexts = (list: string) => uniqueListOf(z.string(), list)

/** The same, of the texts that `element` allows. */
export const uniqueListOf = <E extends z.ZodType<string>>(element: E, list: string) =>
  withListRule(element, (elements, report) => {
    const firsts = new Map<string, number>()
    for (const [index, text] of elements.entries()) {
      if (text === undefined) continue
      const first = firsts.get(text)
      if (first === undefined) firsts.set(text, index)
      else report([index], problem('duplicate-entry', { text, first: `${list}[${first}]` }))
    }
  })
