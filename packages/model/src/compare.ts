import { SecretText } from './secret-text.ts'
import type { ObjectRef } from './types.ts'

/** Orders texts by code unit, the same on every machine. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Orders objects by kind, name and namespace: the order in which faults are listed. */
export const compareRefs = (a: ObjectRef, b: ObjectRef): number =>
  compareText(a.kind, b.kind) || compareText(a.name, b.name) || compareText(a.namespace, b.namespace)

export const equalRefs = (a: ObjectRef, b: ObjectRef): boolean => compareRefs(a, b) === 0

/**
 * The key of an object in the maps of a Model. Joined, it is one text; put together otherwise it would keep its parts as well, and
 * there are tens of thousands.
 */
export const keyOf = ({ namespace, name }: ObjectRef): string => (namespace === '' ? name : [namespace, name].join('/'))

/** An object as a message names it. */
export const named = ({ kind, namespace, name }: ObjectRef): string => `${kind} "${keyOf({ kind, namespace, name })}"`

/** Whether two values of plain data (no cycles, no class instances but SecretText) are equal in depth. */
export function equalDeep(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (!isObject(a) || !isObject(b)) return false
  if (a instanceof SecretText || b instanceof SecretText) return isSameSecret(a, b)
  const [fieldsOfA, fieldsOfB] = [Object.entries(a), Object.entries(b)]
  if (fieldsOfA.length !== fieldsOfB.length || Array.isArray(a) !== Array.isArray(b)) return false
  // Object.entries typed the values `any`; they are only compared.
  return fieldsOfA.every(
    ([key, value]: [string, unknown]) => Object.hasOwn(b, key) && equalDeep(value, fieldOf(b, key)),
  )
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** What a SecretText holds is not among its entries. */
const isSameSecret = (a: object, b: object): boolean =>
  a instanceof SecretText && b instanceof SecretText && a.equals(b)

// A key that Object.hasOwn found can be read.
const fieldOf = (object: object, key: string): unknown => (object as Readonly<Record<string, unknown>>)[key]

/** Whether two lists hold the same objects in the same order. */
export const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, index) => item === b[index])
