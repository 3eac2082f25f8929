import { spreadOf } from '../routes/statistics.ts'
import type { Figures } from './figures.ts'

/** All that was measured in one life of one product's programs. */
export interface Run {
  readonly product: string
  readonly services: number
  readonly figures: Figures
}

/** What could not be measured, with the reason. */
export interface Absence {
  readonly product: string
  readonly services: number
  readonly scenario: string
  readonly reason: string
}

export interface Results {
  readonly machine: string
  readonly date: string
  readonly command: string
  /** Processes that were running anyway, as the load average of the minute before. */
  readonly loadBefore: number
  readonly samples: number
  /** By product and number of Services, which requests its programs made for the burst. */
  readonly requests: Readonly<Record<string, string>>
  readonly runs: readonly Run[]
  readonly absences: readonly Absence[]
}

/** A row for each figure and a column for each product and number of Services: medians, with minimum and maximum of several runs. */
export function toMarkdown({ machine, date, command, loadBefore, samples, requests, runs, absences }: Results): string {
  const columns = [...Map.groupBy(runs, ({ product, services }) => `${product}, ${services.toLocaleString('en')}`)]
  const shown = runs.flatMap(({ figures }) => figures)
  const titles = [...new Set(shown.map(({ title }) => title))]
  return [
    '# In a cluster: from the API server to the router',
    '',
    `\`${command}\` on ${machine}, ${date}. Load average when it began: ${loadBefore.toFixed(1)}.`,
    '',
    'etcd, kube-apiserver (with an audit log), controller, speaker, the clients and the router share the machine. Columns are Services that are',
    `present. Percentiles are of ${samples} samples, or of as many as 5 minutes gave. What is said of a restart is after kill -9; "with last known state" is with what the speaker`,
    'keeps on disk. Processor time of API server and etcd includes what the clients ask for. [README](../kubernetes/README.md) has the method.',
    '',
    `| | ${columns.map(([name]) => name).join(' | ')} |`,
    `|---|${columns.map(() => '--:|').join('')}`,
    ...titles.map((title) => `| ${[title, ...columns.map(([, own]) => cell(own, title))].join(' | ')} |`),
    '',
    '## Requests of the programs during the burst',
    '',
    ...Object.entries(requests).map(([who, said]) => `- ${who}: ${said}`),
    ...(absences.length === 0 ? [] : ['', '## Not measured', '', ...absences.map(absenceLine)]),
    '',
  ].join('\n')
}

const absenceLine = ({ product, services, scenario, reason }: Absence): string =>
  `- ${product}, ${services.toLocaleString('en')} Services, ${scenario}: ${reason}`

function cell(runs: readonly Run[], title: string): string {
  const found = runs.flatMap(({ figures }) => figures.filter((one) => one.title === title))
  const [first] = found
  if (first === undefined) return ''
  const { median, min, max } = spreadOf(found.map(({ value }) => value))
  const text = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: first.digits, maximumFractionDigits: first.digits })
  return text(min) === text(max) ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`
}
