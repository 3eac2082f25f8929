import { faultPlace, stateLabel } from './labels.ts'
import type { ScreenState, ServiceRow } from './screen-state.ts'
import { age, cut, heading, paint, table, wrap } from './text.ts'

export interface FrameOptions {
  /** On the clock that the screen state was fed with, in milliseconds. */
  readonly now: number
  readonly columns: number
  readonly rows: number
  /** What the user can try, shown above the latest events; empty for none. */
  readonly hint: readonly string[]
}

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
