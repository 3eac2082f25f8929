import { asTrans, maxTwoOctetAsn, segmentType } from './iana.ts'
import type { AsPathSegment } from './messages.ts'
import { Reader } from './reader.ts'

/** The segments of an AS_PATH or AS4_PATH, or why it is malformed. */
type ReadAsPath =
  { readonly ok: true; readonly segments: readonly AsPathSegment[] } | { readonly ok: false; readonly message: string }

const segmentKinds: Readonly<Record<number, AsPathSegment['kind']>> = {
  [segmentType.set]: 'set',
  [segmentType.sequence]: 'sequence',
  [segmentType.confedSequence]: 'confedSequence',
  [segmentType.confedSet]: 'confedSet',
}

/** One octet counts a segment's AS numbers (RFC 4271 section 4.3). */
const maxSegmentLength = 255

/** Reads a path whose AS numbers have two or four octets. What is malformed: RFC 7606 section 7.2. */
export function readAsPath(bytes: Uint8Array, isFourOctetAs: boolean): ReadAsPath {
  const reader = new Reader(bytes)
  const segments: AsPathSegment[] = []
  while (reader.remaining > 0) {
    const type = reader.uint8() ?? 0
    const kind = segmentKinds[type]
    if (kind === undefined) return { ok: false, message: `segment type ${type} is unknown` }
    const count = reader.uint8()
    if (count === undefined) return { ok: false, message: 'one octet is left behind the last segment' }
    if (count === 0) return { ok: false, message: 'a segment is empty' }
    const asns = readAsns(reader, count, isFourOctetAs)
    if (asns === undefined) return { ok: false, message: `a segment of ${count} AS numbers is cut off` }
    segments.push({ kind, asns })
  }
  return { ok: true, segments }
}

function readAsns(reader: Reader, count: number, isFourOctetAs: boolean): number[] | undefined {
  const asns: number[] = []
  for (let index = 0; index < count; index += 1) {
    const asn = isFourOctetAs ? reader.uint32() : reader.uint16()
    if (asn === undefined) return undefined
    asns.push(asn)
  }
  return asns
}

/** The value of AS_PATH; two octets turn larger AS numbers into AS_TRANS (RFC 6793 section 4.2.2). */
export function asPathBytes(segments: readonly AsPathSegment[], isFourOctetAs: boolean): Uint8Array {
  const parts = segments.flatMap(splitSegment)
  const width = isFourOctetAs ? 4 : 2
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 2 + part.asns.length * width, 0))
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const { kind, asns } of parts) {
    view.setUint8(offset, segmentType[kind])
    view.setUint8(offset + 1, asns.length)
    offset += 2
    for (const asn of asns) {
      if (isFourOctetAs) view.setUint32(offset, asn)
      else view.setUint16(offset, asn > maxTwoOctetAsn ? asTrans : asn)
      offset += width
    }
  }
  return bytes
}

/** A segment as several of the same type where it has more AS numbers than its length octet can count. */
function splitSegment(segment: AsPathSegment): readonly AsPathSegment[] {
  if (segment.asns.length <= maxSegmentLength) return [segment]
  const parts: AsPathSegment[] = []
  for (let start = 0; start < segment.asns.length; start += maxSegmentLength) {
    parts.push({ kind: segment.kind, asns: segment.asns.slice(start, start + maxSegmentLength) })
  }
  return parts
}

/**
 * Whether AS_PATH alone would lose something on the way through a speaker of two-octet AS numbers (RFC 6793 section
 * 4.2.2).
 */
export const needsAs4Path = (segments: readonly AsPathSegment[]): boolean =>
  segments.some((segment) => segment.asns.some((asn) => asn > maxTwoOctetAsn))

/** AS4_PATH carries no confederation segments (RFC 6793 section 3); received ones are dropped (section 6). */
export const withoutConfeds = (segments: readonly AsPathSegment[]): readonly AsPathSegment[] =>
  segments.filter(({ kind }) => kind === 'sequence' || kind === 'set')

/** How many AS numbers count towards the length: a set is one (RFC 4271 section 9.1.2.2). */
const pathLength = (segments: readonly AsPathSegment[]): number =>
  segments.reduce((sum, segment) => sum + countedLength(segment), 0)

const countedLength = ({ kind, asns }: AsPathSegment): number => (kind === 'set' ? 1 : asns.length)

/**
 * The true path of a speaker of two-octet AS numbers (RFC 6793 section 4.2.3): the front of AS_PATH that AS4_PATH does
 * not cover, then AS4_PATH. An AS4_PATH longer than AS_PATH is ignored. Confederation segments have no rule here: a
 * path that has them is not used (RFC 5065 section 5).
 */
export function mergeAsPaths(
  asPath: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  let missing = pathLength(asPath) - pathLength(as4Path)
  if (missing < 0) return asPath
  const merged: AsPathSegment[] = []
  for (const segment of asPath) {
    if (missing === 0) break
    const asns = segment.kind === 'sequence' ? segment.asns.slice(0, missing) : segment.asns
    const taken = { kind: segment.kind, asns }
    merged.push(taken)
    missing -= countedLength(taken)
  }
  return joinAtSeam(merged, as4Path)
}

/** A sequence that was cut where AS4_PATH takes over is one again, as it was before it went through two octets. */
function joinAtSeam(front: readonly AsPathSegment[], back: readonly AsPathSegment[]): readonly AsPathSegment[] {
  const [last, first] = [front.at(-1), back[0]]
  if (last?.kind !== 'sequence' || first?.kind !== 'sequence') return [...front, ...back]
  return [...front.slice(0, -1), { kind: 'sequence', asns: [...last.asns, ...first.asns] }, ...back.slice(1)]
}
