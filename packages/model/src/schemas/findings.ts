import { z } from 'zod'
import { typeInWords, valueAt } from '../fields.ts'
import type { Problem } from '../problem.ts'
import { problem } from '../rules.ts'
import { closest } from '../spelling.ts'
import type { FieldPath } from '../types.ts'

/** A problem and the field that has it. */
export interface Finding {
  readonly path: FieldPath
  readonly problem: Problem
}

/** What a schema found wrong with an object, in our words. */
export const findingsOf = (
  schema: z.ZodType,
  object: unknown,
  issues: readonly z.core.$ZodIssue[],
): readonly Finding[] => issues.flatMap((issue) => findingsOfIssue(schema, object, issue))

function findingsOfIssue(schema: z.ZodType, object: unknown, issue: z.core.$ZodIssue): readonly Finding[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  switch (issue.code) {
    case 'custom':
      return [{ path, problem: problemIn(issue.params) }]
    case 'unrecognized_keys':
      return issue.keys.map((field) => ({
        path: [...path, field],
        problem: problem('unknown-field', { field, suggestion: closest(field, fieldsAt(schema, path)) }),
      }))
    case 'invalid_type':
      return [{ path, problem: typeProblem(issue.expected, valueAt(object, path)) }]
    case 'too_small':
      return [{ path, problem: problem('out-of-range', { limit: `at least ${issue.minimum}` }) }]
    case 'too_big':
      return [{ path, problem: problem('out-of-range', { limit: `at most ${issue.maximum}` }) }]
    case 'invalid_value':
      return [{ path, problem: valueProblem(issue.values.map(String), valueAt(object, path)) }]
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      // No schema here uses what these stand for.
      throw new Error(`unexpected schema issue ${issue.code}: ${issue.message}`)
  }
}

/** The rules of this package put their problem into the issue; no other custom issues exist. */
function problemIn(params: Readonly<Record<string, unknown>> | undefined): Problem {
  const { code, message, remedy } = params ?? {}
  if (typeof code !== 'string' || typeof message !== 'string' || typeof remedy !== 'string') {
    throw new Error('a schema reported an issue without a problem')
  }
  return { code, message, remedy }
}

const expectedInWords: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'a boolean',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
}

function typeProblem(expectedType: string, value: unknown): Problem {
  const expected = expectedInWords[expectedType] ?? `a value of type ${expectedType}`
  if (value === undefined) return problem('missing-field', { expected })
  const isFraction = expectedType === 'int' && typeof value === 'number'
  const found = isFraction ? 'a number that is not whole' : typeInWords(value)
  return problem('wrong-type', { expected, found, quotes: quotesOf(expectedType, value) })
}

/** Types that YAML writes without quotes. */
const scalars: Readonly<Record<string, true>> = { number: true, int: true, boolean: true }

/** Whether the quotes around a YAML scalar, there or not, are the mistake. */
function quotesOf(expectedType: string, value: unknown): 'missing' | 'needless' | 'irrelevant' {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return expectedType === 'string' ? 'missing' : 'irrelevant'
  }
  if (typeof value !== 'string') return 'irrelevant'
  const plain = expectedType === 'boolean' ? /^(true|false)$/ : /^\d+$/
  return expectedType in scalars && plain.test(value) ? 'needless' : 'irrelevant'
}

const valueProblem = (allowed: readonly string[], value: unknown): Problem =>
  value === undefined
    ? problem('missing-field', { expected: `one of ${allowed.join(', ')}` })
    : problem('value-not-allowed', { allowed: allowed.filter((text) => text !== '') })

/** The names of the fields that a schema knows at a path. */
function fieldsAt(schema: z.ZodType, path: FieldPath): readonly string[] {
  let current = bare(schema)
  for (const step of path) {
    if (current instanceof z.ZodObject && typeof step === 'string') current = bare(childOf(current, step))
    else if (current instanceof z.ZodArray) current = bare(current.element)
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : []
}

const childOf = ({ shape }: z.ZodObject, field: string): z.core.$ZodType | undefined =>
  // The shape of a schema of unknown type holds schemas, or nothing under a name that it does not have.
  (shape as Readonly<Record<string, z.core.$ZodType>>)[field]

/** A schema without what makes it optional or transforms its output. */
function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.unwrap())
  if (schema instanceof z.ZodPipe) return bare(schema.in)
  return schema
}
