import { isRecord, renderValue, valueAt } from './fields.ts'
import type { FieldPath } from './types.ts'

const hidden = '(hidden: it may hold a password)'

/**
 * The value at a path as a fault may show it. The object as a whole is not shown, and what can hold a password never is:
 * anything of a Secret; of a BGPPeer and a PeerPolicy the password and key fields, fields that the kind does not know (a
 * misspelt `password` is one of them), and a whole metadata or spec.
 */
export function shownValue(kind: string, object: unknown, path: FieldPath, code: string): string | undefined {
  const value = path.length === 0 ? undefined : valueAt(object, path)
  if (value === undefined) return undefined
  if (kind === 'Secret') return hidden
  if ((kind === 'BGPPeer' || kind === 'PeerPolicy') && mayHoldPassword(path, code, value)) return hidden
  return renderValue(withoutPasswords(value))
}

const passwordFields: readonly unknown[] = ['password', 'passwordSecret', 'annotations']

const mayHoldPassword = (path: FieldPath, code: string, value: unknown): boolean =>
  (path.length < 2 && path[0] !== 'apiVersion') ||
  code === 'unknown-field' ||
  passwordFields.includes(path[1]) ||
  // Of keys for TCP-AO only numbers are shown: their KeyIDs.
  (path[1] === 'tcpAO' && typeof value !== 'number')

/** The value without fields named after a password, and without the manifest that kubectl keeps in an annotation. */
function withoutPasswords(value: unknown): unknown {
  if (Array.isArray(value)) return (value as readonly unknown[]).map(withoutPasswords)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      /password|tcpAO|last-applied/i.test(key) ? hidden : withoutPasswords(field),
    ]),
  )
}
