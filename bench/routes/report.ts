import type { Collected } from './collector.ts'
import { spreadOf } from './statistics.ts'
import type { Memory } from './usage.ts'

export interface Run extends Collected, Memory {
  readonly speaker: string
  readonly count: number
  /** Processor time of the speaker from TCP connect to the last route. */
  readonly sessionCpuSeconds: number
  /** Processor time of the speaker up to TCP connect: reading its routes. */
  readonly loadCpuSeconds: number
}

/** A speaker that did not do it, with the reason. */
export interface Absence {
  readonly speaker: string
  readonly count: number | undefined
  readonly reason: string
}

export interface Results {
  readonly machine: string
  readonly date: string
  readonly versions: Readonly<Record<string, string>>
  readonly runs: readonly Run[]
  readonly absences: readonly Absence[]
}

/** The results as Markdown: one table for each number of routes, medians with minimum and maximum. */
export function toMarkdown({ machine, date, versions, runs, absences }: Results): string {
  const counts = [...new Set(runs.map((run) => run.count))]
  const lines = [
    '# Routes from TCP connect to the last one received',
    '',
    `${machine}, ${date}. Medians (minimum to maximum), the speakers by turns. All routes are /32 with the same`,
    'attributes (ORIGIN, AS_PATH, NEXT_HOP, one community), and are loaded before the collector connects. The row',
    '"bytes made beforehand" is no speaker: it shows what the machine and the collector can do at most.',
    'BIRD 2.0.12 sleeps with UPDATEs queued until something wakes it: "BIRD, kept awake" is the same program with a command',
    'on its control socket every 10 ms.',
    'Holdfast has held six sessions with itself by then, as it does at every start where no router comes at once: that is in',
    '"CPU to load".',
    '',
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    ...counts.flatMap((count) => section(count, runs)),
    ...(absences.length === 0 ? [] : ['', '## Not measured', '', ...absences.map(absenceLine)]),
    '',
  ]
  return lines.join('\n')
}

const section = (count: number, runs: readonly Run[]): readonly string[] => [
  '',
  `## ${count.toLocaleString('en')} routes`,
  '',
  ...table(runs.filter((run) => run.count === count)),
]

const absenceLine = ({ speaker, count, reason }: Absence): string =>
  `- ${speaker}${count === undefined ? '' : `, ${count.toLocaleString('en')} routes`}: ${reason}`

const columns: readonly { readonly title: string; readonly digits: number; readonly read: (run: Run) => number }[] = [
  { title: 'last route, ms', digits: 1, read: (run) => run.millisecondsToLastRoute },
  { title: 'first route, ms', digits: 1, read: (run) => run.millisecondsToFirstRoute },
  { title: 'CPU in the session, ms', digits: 1, read: (run) => run.sessionCpuSeconds * 1000 },
  { title: 'CPU to load, s', digits: 2, read: (run) => run.loadCpuSeconds },
  { title: 'UPDATEs', digits: 0, read: (run) => run.updates },
  { title: 'bytes', digits: 0, read: (run) => run.updateBytes },
  { title: 'resident, MiB', digits: 0, read: (run) => run.residentMiB },
  { title: 'peak resident, MiB', digits: 0, read: (run) => run.peakResidentMiB },
]

function table(runs: readonly Run[]): readonly string[] {
  const bySpeaker = Map.groupBy(runs, (run) => run.speaker)
  const row = (speaker: string, own: readonly Run[]): string =>
    `| ${[speaker, String(own.length), ...cells(own)].join(' | ')} |`
  return [
    `| speaker | runs | ${columns.map(({ title }) => title).join(' | ')} |`,
    `|---|--:|${columns.map(() => '--:|').join('')}`,
    ...[...bySpeaker].map(([speaker, own]) => row(speaker, own)),
  ]
}

const cells = (runs: readonly Run[]): readonly string[] =>
  columns.map(({ digits, read }) => cell(runs.map(read), digits))

function cell(values: readonly number[], digits: number): string {
  const { median, min, max } = spreadOf(values)
  const text = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return text(min) === text(max) ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`
}
