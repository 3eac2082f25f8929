import type { ObjectKey } from '@holdfast/cluster'

/** Of `namespace/name`. */
export function objectKeyOf(text: string): ObjectKey {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}
