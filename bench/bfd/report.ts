import type { Distribution } from './percentiles.ts'

/** How often a session was down though nothing was cut: as its own end saw it, and as the peer did. */
export interface Falls {
  readonly own: number
  readonly peer: number
}

export interface BfdResults {
  readonly machine: string
  readonly date: string
  readonly versions: Readonly<Record<string, string>>
  /** Processes that were running anyway, as the load average of the minute before. */
  readonly loadBefore: number
  readonly cuts: number
  readonly minutes: number
  readonly idle: Readonly<Record<string, Distribution>>
  readonly loaded: Readonly<Record<string, Distribution>>
  readonly falls: Readonly<Record<string, Falls>>
}

const ms = (value: number): string => value.toFixed(1)

const rows = (times: Readonly<Record<string, Distribution>>, condition: string): readonly string[] =>
  Object.entries(times).map(
    ([name, { count, min, p50, p99, max }]) =>
      `| ${name} | ${condition} | ${count} | ${ms(min)} | ${ms(p50)} | ${ms(p99)} | ${ms(max)} |`,
  )

export function toMarkdown(results: BfdResults): string {
  const { machine, date, versions, loadBefore, cuts, minutes, idle, loaded, falls } = results
  return [
    '# BFD at 50 ms x 3',
    '',
    `\`npm run bench -- bfd --cuts ${cuts} --minutes ${minutes}\` on ${machine}, ${date}.`,
    `${Object.values(versions).join('; ')}. Load average when it began: ${loadBefore.toFixed(1)}.`,
    '',
    'The three watch one peer (BIRD, let run before everything else) over one switch, each as it is installed: Holdfast',
    'asks for real-time scheduling of its own BFD thread, FRR and BIRD do not. A cut takes the peer’s port of the switch down',
    'for all three at once. "Loaded" is two computing processes for each core, and Holdfast’s main thread blocked 200 ms at a',
    'time. Down must come between 100 and 150 ms after the cut: the Detection Time is 150 ms from the last packet, and that is',
    'up to 50 ms old.',
    '',
    '## Time from the cut to Down, milliseconds',
    '',
    '| | | cuts | least | p50 | p99 | most |',
    '|---|---|---|---|---|---|---|',
    ...rows(idle, 'idle'),
    ...rows(loaded, 'loaded'),
    '',
    `## False downs in ${minutes} minutes of that load`,
    '',
    '| | at its own end | at the peer, for it was silent |',
    '|---|---|---|',
    ...Object.entries(falls).map(([name, { own, peer }]) => `| ${name} | ${own} | ${peer} |`),
    '',
  ].join('\n')
}
