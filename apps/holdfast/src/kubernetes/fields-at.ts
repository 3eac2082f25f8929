/** Fields of JSON whose shape nobody has checked. */
export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const none: Fields = {}

/** The fields of a value that has some; none of any other one. */
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : none)

/** The value at a path of fields; undefined where one of them is not there. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const field of path) {
    if (!isFields(found)) return undefined
    found = found[field]
  }
  return found
}

/** The items of the list at a path; none where there is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The text at a path; empty where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = valueAt(value, ...path)
  return typeof found === 'string' ? found : ''
}
