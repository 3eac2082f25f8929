import { z } from 'zod'
import { isRecord } from '../fields.ts'
import type { Problem } from '../problem.ts'
import type { FieldPath } from '../types.ts'

/** What reading a text gives: its meaning, or what is wrong with it. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem }

/** Takes a finding; the path starts at the value that the rule looks at. */
export type Report = (path: FieldPath, problem: Problem) => void

/** A required text that means something: its schema is a string, its output what `read` makes of it. */
export const textAs = <T>(read: (text: string) => Reading<T>) =>
  z.string().transform((text, context) => {
    const reading = read(text)
    if (reading.ok) return reading.value
    context.addIssue({ code: 'custom', params: { ...reading.problem } })
    return z.NEVER
  })

/** The same, optional; the empty text counts as unset, as it does in every MetalLB field of this kind. */
export const optionalTextAs = <T>(read: (text: string) => Reading<T>) =>
  z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined || text === '') return undefined
      const reading = read(text)
      if (reading.ok) return reading.value
      context.addIssue({ code: 'custom', params: { ...reading.problem } })
      return z.NEVER
    })

/** A list that may be left out. */
export const orEmpty = <S extends z.ZodType<readonly unknown[]>>(schema: S) =>
  schema.optional().transform((list): z.output<S> | readonly [] => list ?? [])

/** What a rule across fields looks at: the fields without a finding of their own, and the names of the other ones. */
export interface Fields<T> {
  readonly sound: { readonly [K in keyof T]?: T[K] | undefined }
  readonly broken: ReadonlySet<unknown>
}

/**
 * Adds a rule across the fields of an object. It runs also where some fields are broken, with only the sound ones, so
 * that one mistake does not hide another.
 */
export function withRule<S extends z.ZodObject>(
  schema: S,
  check: (fields: Fields<z.output<S>>, report: Report) => void,
): S {
  return schema.superRefine(
    (value, context) => {
      if (!isRecord(value)) return
      const broken = new Set(context.issues.map(({ path }) => path?.[0]))
      const sound = Object.fromEntries(Object.entries(value).filter(([key]) => !broken.has(key)))
      // Object.entries loses the field types; what is left was checked by the schema of each field.
      check({ sound: sound as Fields<z.output<S>>['sound'], broken }, (path, problem) => {
        context.addIssue({ code: 'custom', path: [...path], params: { ...problem } })
      })
    },
    { when: () => true },
  )
}

/** Adds a rule across the elements of a list; broken elements are undefined. Runs as `withRule` does. */
export function withListRule<E extends z.ZodType>(
  element: E,
  check: (elements: readonly (z.output<E> | undefined)[], report: Report) => void,
): z.ZodArray<E> {
  return z.array(element).superRefine(
    (value, context) => {
      if (!Array.isArray(value)) return
      const broken = new Set(context.issues.map(({ path }) => path?.[0]))
      check(
        value.map((item, index) => (broken.has(index) ? undefined : item)),
        (path, problem) => {
          context.addIssue({ code: 'custom', path: [...path], params: { ...problem } })
        },
      )
    },
    { when: () => true },
  )
}

/** Adds a rule on the keys of a map of strings. */
export const mapOfStrings = <V extends z.ZodType>(value: V, checkKey: (key: string) => Problem | undefined) =>
  z.record(z.string(), value).superRefine(
    (map, context) => {
      if (!isRecord(map)) return
      for (const key of Object.keys(map)) {
        const found = checkKey(key)
        if (found !== undefined) context.addIssue({ code: 'custom', path: [key], params: { ...found } })
      }
    },
    { when: () => true },
  )
