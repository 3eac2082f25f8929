import { z } from 'zod'
import type { Problem } from '../problem.ts'
import { problem } from '../rules.ts'
import type { LabelSelector } from '../types.ts'
import type { Reading, Report } from './rule.ts'
import { mapOfStrings, orEmpty, textAs, withListRule, withRule } from './rule.ts'
import { uniqueTexts } from './text.ts'

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const
type Operator = (typeof operators)[number]

const malformed = (why: string): Problem => problem('invalid-selector', { why })

const qualified = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const subdomain = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/

/** The syntax of a label key: an optional DNS prefix and "/", then a name of at most 63 characters. */
function keyProblem(key: string): Problem | undefined {
  if (key === '') return malformed('the key is empty')
  const slash = key.indexOf('/')
  const isValid = qualified.test(key.slice(slash + 1)) && (slash < 0 || subdomain.test(key.slice(0, slash)))
  return isValid ? undefined : malformed(`"${key}" is not a label key`)
}

const valueProblem = (value: string): Problem | undefined =>
  value === '' || qualified.test(value) ? undefined : malformed(`"${value}" is not a label value`)

const checked =
  (check: (text: string) => Problem | undefined) =>
  (text: string): Reading<string> => {
    const found = check(text)
    return found === undefined ? { ok: true, value: text } : { ok: false, problem: found }
  }

function readOperator(text: string): Reading<Operator> {
  const operator = operators.find((known) => known === text)
  return operator === undefined
    ? { ok: false, problem: problem('value-not-allowed', { allowed: operators }) }
    : { ok: true, value: operator }
}

const expression = withRule(
  z.strictObject({
    key: textAs(checked(keyProblem)),
    operator: textAs(readOperator),
    values: orEmpty(uniqueTexts('values')),
  }),
  ({ sound: { operator, values } }, report) => {
    if (operator === undefined || values === undefined) return
    const needsValues = operator === 'In' || operator === 'NotIn'
    if (needsValues && values.length === 0) report(['values'], malformed(`the operator ${operator} needs values`))
    if (!needsValues && values.length > 0) report(['values'], malformed(`the operator ${operator} takes no values`))
    if (needsValues) reportValues(values, report)
  },
)

function reportValues(values: readonly string[], report: Report): void {
  for (const [index, value] of values.entries()) {
    const found = valueProblem(value)
    if (found !== undefined) report(['values', index], found)
  }
}

/** Reports each element that renders as an earlier one does. */
const reportRepeated =
  <T>(list: string, render: (element: T) => string) =>
  (elements: readonly (T | undefined)[], report: Report): void => {
    const firsts = new Map<string, number>()
    for (const [index, element] of elements.entries()) {
      if (element === undefined) continue
      const rendered = render(element)
      const first = firsts.get(rendered)
      if (first === undefined) firsts.set(rendered, index)
      else report([index], problem('duplicate-selector', { first: `${list}[${first}]` }))
    }
  }

const renderExpression = ({ key, operator, values }: LabelSelector['matchExpressions'][number]): string =>
  JSON.stringify([key, operator, [...values].sort()])

const renderSelector = ({ matchLabels, matchExpressions }: LabelSelector): string =>
  JSON.stringify([Object.entries(matchLabels).sort(), matchExpressions.map(renderExpression)])

export const labelSelector = z
  .strictObject({
    matchLabels: mapOfStrings(textAs(checked(valueProblem)), keyProblem).optional(),
    matchExpressions: orEmpty(withListRule(expression, reportRepeated('matchExpressions', renderExpression))),
  })
  .transform(({ matchLabels, matchExpressions }): LabelSelector => ({
    matchLabels: matchLabels ?? {},
    matchExpressions,
  }))

/** A list of label selectors, each at most once; `list` is the name of its field. */
export const labelSelectors = (list: string) =>
  orEmpty(withListRule(labelSelector, reportRepeated(list, renderSelector)))
