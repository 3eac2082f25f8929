import { isFields } from '../kubernetes/fields-at.ts'

/** What stands in place of something that may be a secret. */
const hidden = '(hidden)'

/** Annotations are anybody's: these alone are known to hold no secrets. */
const knownAnnotations = /^(?:metallb\.io|metallb\.universe\.tf|holdfast\.dev)\//

/** Fields that hold a secret themselves. What merely names one (`passwordSecret`, `secret`) stays. */
const secretFields = /^(?:password|token|privateKey|clientSecret|ca-?key)$/i

/**
 * An object without what may be a secret: fields named after one, and annotations but for those of our own. Whole Secrets are not
 * asked for in the first place.
 */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return (value as readonly unknown[]).map(redacted)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      if (secretFields.test(key)) return [key, hidden]
      return [key, key === 'annotations' && isFields(field) ? ownAnnotations(field) : redacted(field)]
    }),
  )
}

/** What looks like one wherever it stands: `password=…`, `Bearer …`, a JSON Web Token, a private key. */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/\b(password|passwd|token|secret)(["']?\s*[:=]\s*["']?)[^\s"',;]+/gi, `$1$2${hidden}`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g, `$1 ${hidden}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, hidden],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*/g, hidden],
]

/** A line of a log, without what may be a secret. Our programs print none; others may. */
export function redactedLine(line: string): string {
  const parsed = parsedOf(line)
  const text = isFields(parsed) ? JSON.stringify(redacted(parsed)) : line
  return secretTexts.reduce((all, [pattern, instead]) => all.replaceAll(pattern, instead), text)
}

function parsedOf(line: string): unknown {
  try {
    return line.startsWith('{') ? JSON.parse(line) : undefined
  } catch {
    return undefined
  }
}

const ownAnnotations = (annotations: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => knownAnnotations.test(name)))
