import { createHash } from 'node:crypto'

const format = 1

/** What a stored document turned out to be. */
export type Checked =
  { readonly kind: 'intact'; readonly value: unknown } | { readonly kind: 'damaged'; readonly reason: string }

/** A value as a JSON document that can tell whether it is whole: format version, checksum, value. */
export function encodeDocument(value: unknown): string {
  const json = JSON.stringify(value)
  return `{"format":${format},"checksum":"${checksumOf(json)}","value":${json}}\n`
}

/** Reads what `encodeDocument` wrote. */
export function decodeDocument(text: string): Checked {
  const parsed = parseJson(text)
  if (typeof parsed !== 'object' || parsed === null || !('format' in parsed)) {
    return { kind: 'damaged', reason: 'it is no complete JSON document of Holdfast' }
  }
  if (parsed.format !== format) {
    return {
      kind: 'damaged',
      reason: `its format version is ${JSON.stringify(parsed.format)}, and this version reads ${format}`,
    }
  }
  const value = 'value' in parsed ? parsed.value : undefined
  const checksum = 'checksum' in parsed ? parsed.checksum : undefined
  if (value === undefined || checksum !== checksumOf(JSON.stringify(value))) {
    return { kind: 'damaged', reason: 'its checksum does not fit its content' }
  }
  return { kind: 'intact', value }
}

function checksumOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller sees undefined, which no JSON text yields.
    return undefined
  }
}
