import type { Random } from './random.ts'
import type { LengthField, Span } from './structure.ts'
import {
  attributeSpans,
  capabilitySpans,
  isOpen,
  isUpdate,
  lengthFields,
  octetPair,
  updateFields,
} from './structure.ts'

/** A message that somebody could send, and how it was made. */
export interface Mutant {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A well-formed message to start from. */
export interface Vector {
  readonly name: string
  readonly bytes: Uint8Array
}

const mostOctets = 65535

/** Makes the header tell the truth, so that what was changed reaches the code behind it. */
function reframed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice(0, mostOctets)
  copy.fill(0xff, 0, Math.min(16, copy.length))
  if (copy.length >= 18) new DataView(copy.buffer).setUint16(16, copy.length)
  return copy
}

/**
 * Without end: first everything that can be counted out (each message cut at every offset, each of its lengths one more,
 * one less, 0 and the most it can say, each attribute and capability twice), then whatever the random numbers say.
 */
export function* mutants(corpus: readonly Vector[], random: Random): Generator<Mutant, never> {
  for (const vector of corpus) yield* systematic(vector)
  for (;;) yield randomMutant(corpus, random)
}

function* systematic({ name, bytes }: Vector): Generator<Mutant> {
  yield { name, bytes }
  for (let length = 0; length < bytes.length; length += 1) {
    yield { name: `${name}, cut at ${length}`, bytes: bytes.slice(0, length) }
    yield { name: `${name}, ended at ${length}`, bytes: reframed(bytes.slice(0, length)) }
  }
  for (const field of lengthFields(bytes)) {
    for (const change of changes)
      yield { name: `${name}, length at ${field.offset} ${change}`, bytes: withLength(bytes, field, change) }
  }
  const spans = spansOf(bytes)
  for (const [index, span] of spans.entries()) {
    const order = [...spans.slice(0, index + 1), span, ...spans.slice(index + 1)]
    yield { name: `${name}, element ${index} twice`, bytes: rebuilt(bytes, order) }
    yield { name: `${name}, element ${index} first`, bytes: rebuilt(bytes, [span, ...spans.toSpliced(index, 1)]) }
    yield { name: `${name}, element ${index} gone`, bytes: rebuilt(bytes, spans.toSpliced(index, 1)) }
  }
}

const changes = ['+1', '-1', '= 0', '= most'] as const
type Change = (typeof changes)[number]

function withLength(bytes: Uint8Array, { offset, octets }: LengthField, change: Change): Uint8Array {
  const copy = bytes.slice()
  const most = octets === 2 ? 0xffff : 0xff
  const old = octets === 2 ? octetPair(copy, offset) : (copy[offset] ?? 0)
  const value = { '+1': old + 1, '-1': old - 1, '= 0': 0, '= most': most }[change] & most
  if (octets === 2) copy[offset] = value >>> 8
  if (offset + octets <= copy.length) copy[offset + octets - 1] = value & 0xff
  return copy
}

/** What a message is a list of: attributes or capabilities. */
function spansOf(bytes: Uint8Array): readonly Span[] {
  if (isUpdate(bytes)) return attributeSpans(bytes)
  return isOpen(bytes) ? capabilitySpans(bytes) : []
}

/** The same message with other attributes or capabilities, all lengths around them made true. */
function rebuilt(bytes: Uint8Array, spans: readonly Span[]): Uint8Array {
  return assembled(
    bytes,
    spans.map(({ start, end }) => bytes.subarray(start, end)),
  )
}

function assembled(bytes: Uint8Array, elements: readonly Uint8Array[]): Uint8Array {
  const list = joined(elements)
  if (isOpen(bytes)) {
    const isExtended = list.length + 2 > 255
    const header = isExtended
      ? [255, 255, ...pair(list.length + 3), 2, ...pair(list.length)]
      : list.length === 0
        ? [0]
        : [list.length + 2, 2, list.length]
    return reframed(joined([bytes.subarray(0, 28), Uint8Array.from(header), list]))
  }
  const { withdrawn, nlri } = updateFields(bytes)
  const rest = bytes.subarray(nlri.start, nlri.end)
  return reframed(joined([bytes.subarray(0, withdrawn.end), Uint8Array.from(pair(list.length)), list, rest]))
}

const pair = (value: number): readonly number[] => [(value >>> 8) & 0xff, value & 0xff]

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

type Mutation = (bytes: Uint8Array, random: Random, corpus: readonly Vector[]) => Uint8Array

/** One to three mutations of one message; mostly with a header that fits, or nothing behind it would ever be read. */
function randomMutant(corpus: readonly Vector[], random: Random): Mutant {
  const vector = random.pick(corpus)
  // First those that need the message whole, in order to find its parts.
  let bytes = random.below(3) === 0 ? listMutation(vector.bytes, random, corpus) : vector.bytes
  const count = random.below(4)
  for (let turn = 0; turn < count; turn += 1) bytes = random.pick(plainMutations)(bytes, random, corpus)
  return { name: vector.name, bytes: random.below(8) === 0 ? bytes : reframed(bytes) }
}

/** Attributes or capabilities repeated, removed, put into another order, or taken from another message. */
function listMutation(bytes: Uint8Array, random: Random, corpus: readonly Vector[]): Uint8Array {
  const spans = spansOf(bytes)
  if (spans.length === 0) return lengthMutation(bytes, random)
  const elements = spans.map(({ start, end }) => bytes.subarray(start, end))
  const count = 1 + random.below(4)
  for (let turn = 0; turn < count; turn += 1) changeList(elements, random, corpus)
  return assembled(bytes, elements)
}

function changeList(elements: Uint8Array[], random: Random, corpus: readonly Vector[]): void {
  const at = random.below(elements.length + 1)
  switch (random.below(4)) {
    case 0:
      if (elements.length > 0) elements.splice(at, 0, random.pick(elements))
      break
    case 1:
      elements.splice(at, 1)
      break
    case 2:
      elements.splice(at, 0, ...elements.splice(random.below(elements.length + 1), 1))
      break
    default: {
      const { bytes } = random.pick(corpus)
      const spans = spansOf(bytes)
      if (spans.length > 0) {
        const { start, end } = random.pick(spans)
        elements.splice(at, 0, bytes.subarray(start, end))
      }
    }
  }
}

const lengthMutation = (bytes: Uint8Array, random: Random): Uint8Array =>
  withLength(bytes, random.pick(lengthFields(bytes)), random.pick(changes))

const interesting = [0, 1, 2, 4, 5, 16, 32, 33, 64, 127, 128, 129, 254, 255] as const

/** Behind the marker, which has its own rows: a broken one ends everything. */
const anywhere = (bytes: Uint8Array, random: Random): number =>
  bytes.length <= 17 ? random.below(bytes.length + 1) : 16 + random.below(bytes.length - 16)

const plainMutations: readonly Mutation[] = [
  function flip(bytes, random) {
    const copy = bytes.slice()
    const offset = anywhere(copy, random)
    copy[offset] = (copy[offset] ?? 0) ^ (1 << random.below(8))
    return copy
  },
  function overwrite(bytes, random) {
    const copy = bytes.slice()
    copy[anywhere(copy, random)] = random.below(2) === 0 ? random.pick(interesting) : random.below(256)
    return copy
  },
  function step(bytes, random) {
    const copy = bytes.slice()
    const offset = anywhere(copy, random)
    copy[offset] = (copy[offset] ?? 0) + (random.below(2) === 0 ? 1 : -1)
    return copy
  },
  (bytes, random) => bytes.slice(0, anywhere(bytes, random)),
  function insert(bytes, random) {
    const offset = anywhere(bytes, random)
    const extra = Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256))
    return joined([bytes.subarray(0, offset), extra, bytes.subarray(offset)])
  },
  function remove(bytes, random) {
    const offset = anywhere(bytes, random)
    return joined([bytes.subarray(0, offset), bytes.subarray(offset + 1 + random.below(8))])
  },
  function repeat(bytes, random) {
    const [from, to] = [anywhere(bytes, random), anywhere(bytes, random)]
    const part = bytes.subarray(from, from + 1 + random.below(40))
    return joined([bytes.subarray(0, to), part, bytes.subarray(to)])
  },
  function graft(bytes, random, corpus) {
    const other = random.pick(corpus).bytes
    const from = anywhere(other, random)
    return joined([bytes.subarray(0, anywhere(bytes, random)), other.subarray(from, from + 1 + random.below(60))])
  },
]
