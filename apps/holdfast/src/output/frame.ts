import { stripVTControlCharacters, styleText } from 'node:util'
import { faultPlace, stateLabel } from './labels.ts'
import type { ScreenState, ServiceRow } from './screen-state.ts'

export interface FrameOptions {
  /** On the clock that the screen state was fed with, in milliseconds. */
  readonly now: number
  readonly columns: number
  readonly rows: number
  /** What the user can try, shown above the latest events; empty for none. */
  readonly hint: readonly string[]
}

type Style = Parameters<typeof styleText>[0]
const paint = (style: Style, text: string): string => styleText(style, text, { validateStream: false })

/** The whole live view as lines, none wider and never more than the terminal has. */
export function renderFrame(state: ScreenState, options: FrameOptions): readonly string[] {
  const fixed = [
    paint('bold', state.title),
    ...sessions(state, options),
    ...neighbors(state, options),
    ...services(state, options),
    ...routes(state, options),
    ...faults(state, options.columns),
    ...notInForce(state),
    ...hint(options.hint, options.columns),
  ]
  const room = Math.max(0, options.rows - fixed.length - 3)
  const recent = state.recent.slice(-Math.min(room, 8))
  const lines = [...fixed, ...(recent.length > 0 ? ['', heading('LATEST')] : [])]
  for (const { at, line } of recent) lines.push(`${paint('dim', age(options.now - at).padStart(6))}  ${line}`)
  return lines.slice(0, options.rows - 1).map((line) => cut(line, options.columns))
}

const heading = (text: string): string => paint(['bold', 'cyan'], text)

function sessions(state: ScreenState, { now, columns }: FrameOptions): readonly string[] {
  if (state.sessions.size === 0)
    return state.isRouterOnly ? [] : ['', heading('SESSIONS'), paint('dim', '  none: no BGPPeer selects these nodes')]
  const rows = [...state.sessions.values()].map((session) => [
    session.node,
    session.peer,
    session.remote,
    `${lamp(session.state === 'established')} ${stateLabel[session.state]}`,
    age(now - session.since),
    session.state === 'established' ? '' : session.message,
  ])
  return ['', heading('SESSIONS'), ...table(['NODE', 'PEER', 'ROUTER', 'STATE', 'SINCE', ''], rows, columns)]
}

function neighbors(state: ScreenState, { now, columns }: FrameOptions): readonly string[] {
  if (!state.isRouterOnly) return []
  const rows = [...state.neighbors.values()].map((neighbor) => [
    neighbor.remote,
    neighbor.remoteAsn === undefined ? '' : String(neighbor.remoteAsn),
    `${lamp(neighbor.state === 'established')} ${stateLabel[neighbor.state]}`,
    age(now - neighbor.since),
  ])
  const body =
    rows.length > 0
      ? table(['NEIGHBOUR', 'AS', 'STATE', 'SINCE'], rows, columns)
      : [paint('dim', '  waiting for a speaker to connect')]
  return ['', heading('NEIGHBOURS'), ...body]
}

const lamp = (isUp: boolean): string => (isUp ? paint('green', '●') : paint('yellow', '○'))

function services(state: ScreenState, { columns }: FrameOptions): readonly string[] {
  if (state.services.size === 0) return []
  const shown = [...state.services].sort(([a], [b]) => (a < b ? -1 : 1))
  const rows = shown.flatMap(([name, row]) => serviceRows(name, row, state))
  return [
    '',
    heading('SERVICES'),
    ...table(['SERVICE', 'ADDRESS', 'ANNOUNCED BY', 'NEXT HOPS AT THE ROUTER'], rows, columns),
  ]
}

function serviceRows(name: string, row: ServiceRow, state: ScreenState): readonly string[][] {
  if (row.addresses.length === 0) return [[name, paint('yellow', 'none'), '', row.refusal ?? '']]
  return row.addresses.map((address, index) => {
    const prefix = `${address}/${address.includes(':') ? 128 : 32}`
    const nodes = [...row.announcedBy].filter(([, prefixes]) => prefixes.includes(prefix)).map(([node]) => node)
    const reasons = [...new Set(row.withheld.values())].join(', ')
    const by =
      nodes.length > 0
        ? nodes
            .sort()
            .map((node) => announcer(node, state))
            .join(' ')
        : paint('yellow', reasons === '' ? 'nobody' : `nobody: ${reasons}`)
    const nextHops = state.routes.get(prefix)?.nextHops.join(' ') ?? paint('dim', '-')
    return [index === 0 ? name : '', address, by, nextHops]
  })
}

/** Routes that belong to no single Service address: aggregates, and all of them where there are no Services to show. */
function routes(state: ScreenState, { rows, columns }: FrameOptions): readonly string[] {
  const hosts = new Set([...state.services.values()].flatMap(({ addresses }) => addresses))
  const others = [...state.routes.values()].filter(({ prefix }) => !hosts.has(prefix.slice(0, prefix.indexOf('/'))))
  if (others.length === 0) return []
  const most = Math.max(5, rows - 20)
  const shown = others
    .slice(0, most)
    .map(({ prefix, nextHops, asPath, communities }) => [
      prefix,
      nextHops.join(' '),
      asPath.join(' '),
      communities.join(' '),
    ])
  const more = others.length > most ? [paint('dim', `  and ${others.length - most} more`)] : []
  return ['', heading('ROUTES'), ...table(['PREFIX', 'NEXT HOPS', 'AS PATH', 'COMMUNITIES'], shown, columns), ...more]
}

/** A node that has no session up wants to announce, and nobody hears it. */
function announcer(node: string, { sessions }: ScreenState): string {
  const own = [...sessions.values()].filter((session) => session.node === node)
  return own.some(({ state }) => state === 'established') ? node : paint('yellow', `(${node})`)
}

function faults(state: ScreenState, columns: number): readonly string[] {
  if (state.faults.size === 0) return []
  const lines = [...state.faults.values()]
    .slice(0, 4)
    .flatMap((fault) => [
      `  ${paint('red', '✘')} ${faultPlace(fault)}`,
      ...wrap(fault.message, columns, 4),
      ...wrap(fault.remedy, columns, 4).map((line) => paint('dim', line)),
    ])
  const more = state.faults.size > 4 ? [paint('dim', `  and ${state.faults.size - 4} more`)] : []
  return ['', heading('PROBLEMS, what was valid before stays in force'), ...lines, ...more]
}

function notInForce(state: ScreenState): readonly string[] {
  const shown = [...state.notInForce.values()].slice(0, 3)
  const lines = shown.map(({ object, path, reason }) => paint('dim', `  ${object} ${path}: ${reason}`))
  return lines.length > 0 ? ['', heading('NOT IN FORCE YET'), ...lines] : []
}

const hint = (lines: readonly string[], columns: number): readonly string[] =>
  lines.length > 0 ? ['', heading('TRY IT'), ...lines.flatMap((line) => wrap(line, columns, 2))] : []

/** A text on as many lines as it needs between words, all of them indented; its own indentation comes on top. */
function wrap(text: string, columns: number, indent: number): readonly string[] {
  const margin = ' '.repeat(indent + text.length - text.trimStart().length)
  const lines: string[] = []
  let line = ''
  for (const word of text.trimStart().split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && margin.length + longer.length > columns) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].map((one) => margin + one)
}

/**
 * Columns as wide as their widest cell, two blanks apart, two in front; nothing behind the last one, which goes on below
 * itself where it does not fit.
 */
function table(head: readonly string[], rows: readonly (readonly string[])[], columns: number): readonly string[] {
  const widths = head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))))
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  ')}`.trimEnd()
  const lastStart = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 2)
  const lines = (cells: readonly string[]): readonly string[] => {
    const last = cells.at(-1) ?? ''
    const isNarrow = columns - lastStart < narrowest
    if (isNarrow || lastStart + width(last) <= columns) return [line(cells)]
    const [first = '', ...more] = wrap(last, columns - lastStart, 0)
    return [line([...cells.slice(0, -1), first]), ...more.map((one) => ' '.repeat(lastStart) + one)]
  }
  return [paint('dim', line(head)), ...rows.flatMap(lines)]
}

/** A column that has less room than this is cut off rather than broken into splinters. */
const narrowest = 15

// Every text shown is ASCII or a single-width symbol: names, addresses and our own sentences.
const width = (text: string): number => stripVTControlCharacters(text).length

/** Cuts a painted line to a visible width without cutting a colour sequence in two. */
function cut(line: string, columns: number): string {
  if (width(line) <= columns) return line
  let visible = 0
  let kept = ''
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) kept += part
    else {
      kept += part.slice(0, Math.max(0, columns - 1 - visible))
      visible += part.length
    }
  }
  return `${kept}…`
}

/** 4s, 3m10s, 2h05m, 12d3h: short enough for a column. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  const two = (value: number): string => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`
  return `${Math.floor(seconds / 86_400)}d${Math.floor(seconds / 3600) % 24}h`
}
