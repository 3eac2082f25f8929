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

const ownAnnotations = (annotations: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => knownAnnotations.test(name)))
