import { item, paint } from '../output/text.ts'
import { good, groupsOf, namesOf, wanting } from './groups.ts'
import type { ServicesOverview, ServiceWord } from './services.ts'

/** Different messages that are shown for one reason: what one Service lacks is in `explain`. */
const mostMessages = 5

/** How many Services have what they ask for, and what the others lack, by reason. */
export function serviceLines(
  { total, assigned, waiting, unmet, unannounced }: ServicesOverview,
  columns: number,
): readonly string[] {
  const asked = waiting.length === 0 ? good : wanting
  const lacking = [...unmet, ...waiting, ...unannounced]
  return [
    `  ${asked} ${assigned} of ${total} Services have their addresses`,
    ...wordLines(waiting, columns),
    ...titled(`${counted(unmet)} an address, and not the one asked for`, unmet, columns),
    ...titled(`${counted(unannounced)} an address that no node announces`, unannounced, columns),
    ...(lacking.length === 0
      ? []
      : item(paint('dim', '→'), 'What to do about one: holdfast explain service NAMESPACE/NAME', columns, 4)),
  ]
}

const counted = ({ length }: readonly unknown[]): string => `${length} ${length === 1 ? 'has' : 'have'}`

const titled = (title: string, words: readonly ServiceWord[], columns: number): readonly string[] =>
  words.length === 0 ? [] : [`  ${wanting} ${title}`, ...wordLines(words, columns)]

/** One reason of very many Services does not hide the others. */
const wordLines = (words: readonly ServiceWord[], columns: number): readonly string[] =>
  groupsOf(words, ({ reason }) => reason)
    .toSorted(([, a], [, b]) => b.length - a.length)
    .flatMap(([reason, group]) => reasonLines(reason, group, columns))

function reasonLines(reason: string, words: readonly ServiceWord[], columns: number): readonly string[] {
  const groups = groupsOf(words, ({ message }) => message).toSorted(([, a], [, b]) => b.length - a.length)
  const rest = groups.slice(mostMessages).reduce((sum, [, group]) => sum + group.length, 0)
  return [
    ...groups
      .slice(0, mostMessages)
      .flatMap(([message, group]) =>
        item(
          paint('dim', '·'),
          `${namesOf(group.map(({ service }) => service))}: ${paint('yellow', reason)}: ${message}`,
          columns,
          4,
        ),
      ),
    ...(rest === 0 ? [] : item(paint('dim', '·'), `and ${rest} more: ${paint('yellow', reason)}`, columns, 4)),
  ]
}
