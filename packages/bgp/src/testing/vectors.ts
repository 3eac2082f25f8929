import assert from 'node:assert/strict'
import type { Address, Family, Prefix } from '@holdfast/ip'
import { parseAddress, parsePrefix } from '@holdfast/ip'
import { decodeMessage } from '../decode.ts'
import { encodeMessage } from '../encode.ts'
import type { SessionReset } from '../fault.ts'
import type { Announcement, CodecContext, Message, PathAttributes, UpdateMessage } from '../messages.ts'
import { toHex } from './second-writer.ts'

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

export function address(text: string): Address {
  const parsed = parseAddress(text)
  assert.ok(parsed.ok, text)
  return parsed.value
}

/** An external session of four-octet AS numbers and both families. */
export const external: CodecContext = {
  isFourOctetAs: true,
  isInternal: false,
  localAddress: undefined,
  families: ['ipv4', 'ipv6'],
  maxReceivedLength: 4096,
  maxSentLength: 4096,
  addPath: { send: [], receive: [] },
  extendedNextHop: [],
}
export const internal: CodecContext = { ...external, isInternal: true }
export const twoOctet: CodecContext = { ...external, isFourOctetAs: false }

export const attributes = (partial: Partial<PathAttributes> = {}): PathAttributes => ({
  origin: 'igp',
  asPath: [{ kind: 'sequence', asns: [64513] }],
  localPref: undefined,
  med: undefined,
  communities: [],
  largeCommunities: [],
  extendedCommunities: [],
  onlyToCustomer: undefined,
  others: [],
  ...partial,
})

export const updateMessage = (partial: Partial<UpdateMessage>): UpdateMessage => ({
  kind: 'update',
  withdrawn: [],
  announced: undefined,
  endOfRib: undefined,
  faults: [],
  ...partial,
})

export const announcing = (routes: Announcement['attributes'], nextHop: string, ...prefixes: string[]): UpdateMessage =>
  updateMessage({
    announced: { attributes: routes, reach: [{ nextHop: address(nextHop), prefixes: prefixes.map(prefix) }] },
  })

export const withdrawing = (...prefixes: string[]): UpdateMessage => updateMessage({ withdrawn: prefixes.map(prefix) })

export const endOfRib = (family: Family): UpdateMessage => updateMessage({ endOfRib: family })

export function decoded(bytes: Uint8Array, context: CodecContext = external): Message {
  const result = decodeMessage(bytes, context)
  assert.ok(result.ok, result.ok ? '' : result.fault.message)
  return result.message
}

export function decodedUpdate(bytes: Uint8Array, context: CodecContext = external): UpdateMessage {
  const result = decoded(bytes, context)
  assert.equal(result.kind, 'update')
  return result
}

export function decodedFault(bytes: Uint8Array, context: CodecContext = external): SessionReset {
  const result = decodeMessage(bytes, context)
  assert.ok(!result.ok, 'decoded, but a fault was due')
  return result.fault
}

/** Bytes and what they mean, checked in both directions. */
export interface Vector {
  readonly name: string
  readonly bytes: Uint8Array
  readonly message: Message
  readonly context?: CodecContext
  /** What we would send instead, where `bytes` uses a freedom of the RFC differently. */
  readonly canonical?: Uint8Array
}

/** Decodes, encodes, and decodes what was encoded. */
export function checkVector({ bytes, message, context = external, canonical = bytes }: Vector): void {
  assert.deepEqual(decoded(bytes, context), message)
  const encoded = encodeMessage(message, context)
  assert.equal(toHex(encoded), toHex(canonical))
  assert.deepEqual(decoded(encoded, context), message)
}
