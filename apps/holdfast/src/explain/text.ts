import { stripVTControlCharacters } from 'node:util'
import { heading, item, paint, table, wrap } from '../output/text.ts'
import type { Explanation, NodeExplanation, Saying } from './explanation.ts'
import { generalOf } from './summary.ts'

/** An explanation for a terminal: what it comes to first, then node by node; nodes that do not announce it are together by their reason. */
export function explanationLines(explanation: Explanation, columns: number): readonly string[] {
  const { service, addresses, summary, nodes, faults } = explanation
  const held = addresses.map(({ ip, pool }) => (pool === null ? ip : `${ip} (pool ${pool})`)).join(', ')
  return [
    heading(`Service ${service}`),
    ...wrap(`  ${paint('bold', summary)}`, columns, 0),
    '',
    ...item('  address  ', held === '' ? 'none' : held, columns, 0),
    ...allocationLines(explanation, columns),
    ...groupsOf(nodes.filter(isOfInterest)).flatMap((group) => ['', ...groupLines(group, columns)]),
    ...unprovenLines(nodes, columns),
    ...(faults.length === 0 ? [] : ['', ...faultLines(faults, columns)]),
  ]
}

/** A NodeState of a dead speaker looks as that of one where all is well. */
function unprovenLines(nodes: readonly NodeExplanation[], columns: number): readonly string[] {
  const unproven = nodes.filter(({ announces, speaker }) => announces.outcome === 'yes' && speaker === 'notAsked')
  const [first] = unproven
  if (first === undefined) return []
  const words =
    unproven.length === 1
      ? `The speaker of ${first.node} was not asked whether it is alive: this is what it said last.`
      : `The speakers of ${unproven.length} nodes were not asked whether they are alive: this is what they said last.`
  return ['', ...wrap(`  ${words}`, columns, 0)]
}

/** The message is in the summary. */
const allocationLines = (
  { allocation: { outcome, reason, remedy } }: Explanation,
  columns: number,
): readonly string[] =>
  outcome === 'yes' ? [] : [`            ${paint('yellow', reason)}`, ...remedyLines(remedy, columns, 12)]

/** A Service without an address is announced nowhere, and one that is not ours is nobody's: that is said once. */
const isOfInterest = ({ announces: { reason } }: NodeExplanation): boolean =>
  reason !== 'noIPAllocated' && reason !== 'notOurs'

type Group = readonly [NodeExplanation, ...NodeExplanation[]]

/** What nodes have in common is told once, where the first of them stands. */
function groupsOf(nodes: readonly NodeExplanation[]): readonly Group[] {
  const groups = new Map<string, [NodeExplanation, ...NodeExplanation[]]>()
  for (const node of nodes) {
    const { announces, withheld, routes } = node
    const key = `${announces.reason} ${generalOf(node)} ${announces.outcome === 'yes' ? JSON.stringify([withheld, routes]) : ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [node])
    else group.push(node)
  }
  return [...groups.values()]
}

/** More names than that help nobody: the rest is counted. */
const mostNames = 12

function groupLines(group: Group, columns: number): readonly string[] {
  const [first, ...others] = group
  const { announces, node } = first
  const names = group.slice(0, mostNames).map((one) => paint('bold', one.node))
  const more = group.length > mostNames ? ` and ${group.length - mostNames} more` : ''
  if (announces.outcome === 'yes') return announcingLines(group, `${names.join(', ')}${more}`, columns)
  const refusal = others.length === 0 ? 'does not' : 'do not'
  const verb = announces.outcome === 'unknown' ? 'may or may not' : refusal
  const lamp = paint('yellow', '○')
  return [
    ...item(lamp, `${names.join(', ')}${more}  ${verb}: ${announces.reason}`, columns, 2),
    ...wrap(`    ${others.length === 0 ? announces.message : generalOf(first)}`, columns, 0),
    ...remedyLines(announces.remedy?.replaceAll(node, others.length === 0 ? node : 'NODE') ?? null, columns, 4),
  ]
}

function announcingLines(group: Group, names: string, columns: number): readonly string[] {
  const [{ node, announces, withheld, routes }, ...others] = group
  const { isGood, words } = claimOf(routes, others.length > 0)
  const lamp = isGood && announces.reason === 'announced' ? paint('green', '●') : paint('yellow', '○')
  const verb =
    announces.reason === 'announced' ? words : `${words}${isLeaving(announces) ? ' still' : ''}: ${announces.reason}`
  return [
    ...item(lamp, `${names}  ${verb}`, columns, 2),
    ...(announces.reason === 'announced' ? [] : wrap(`    ${announces.message}`, columns, 0)),
    ...remedyLines(announces.remedy?.replaceAll(node, others.length === 0 ? node : 'NODE') ?? null, columns, 4),
    ...withheld.flatMap((one) => [
      ...wrap(`    ${one.message.includes(one.ip) ? '' : `${one.ip}: `}${one.message}`, columns, 0),
      ...remedyLines(one.remedy, columns, 4),
    ]),
    ...routeLines(routes, columns),
    ...downLines(routes, columns),
  ]
}

const isLeaving = ({ reason }: Saying): boolean => reason === 'GracefulShutdown' || reason === 'HeldBack'

/** A table where it fits, else a paragraph for each route: a table that the terminal breaks is none. */
function routeLines(routes: NodeExplanation['routes'], columns: number): readonly string[] {
  const rows = routes.map(({ prefix, peer, router, session, attributes: { localPref, communities } }) => [
    `  ${prefix}`,
    peer,
    router ?? '',
    sessionText(session),
    localPref === null ? '-' : String(localPref),
    communities.length === 0 ? '-' : communities.join(' '),
  ])
  const lines = table(['  PREFIX', 'PEER', 'ROUTER', 'SESSION', 'LOCALPREF', 'COMMUNITIES'], rows, columns)
  if (lines.every((line) => stripVTControlCharacters(line).length <= columns)) return lines
  return routes.flatMap(({ prefix, peer, router, session, attributes: { localPref, communities } }) => {
    const to = router === null ? peer : `${peer} (${router})`
    const marks = [
      ...(localPref === null ? [] : [`LOCAL_PREF ${localPref}`]),
      ...(communities.length === 0 ? [] : [`communities ${communities.join(' ')}`]),
    ]
    return item(paint('dim', '·'), [`${prefix} to ${to}: ${sessionText(session)}`, ...marks].join('; '), columns, 4)
  })
}

const sessionText = (session: string): string =>
  session === 'Established' ? paint('green', session) : paint('yellow', session)

/** Why sessions are down, once for each session. */
function downLines(routes: NodeExplanation['routes'], columns: number): readonly string[] {
  const down = routes.filter(({ session, lastError }) => session !== 'Established' && lastError !== null)
  const whys = new Map(down.map(({ peer, lastError }) => [peer, lastError ?? '']))
  return [...whys].flatMap(([peer, why]) => item(paint('yellow', `${peer}:`), why, columns, 4))
}

function claimOf(
  routes: NodeExplanation['routes'],
  isPlural: boolean,
): { readonly isGood: boolean; readonly words: string } {
  const up = routes.filter(({ session }) => session === 'Established').length
  const announce = isPlural ? 'announce' : 'announces'
  if (up === routes.length) return { isGood: true, words: `${announce} it` }
  if (up === 0) return { isGood: false, words: `${isPlural ? 'have' : 'has'} no session to announce it by` }
  return { isGood: false, words: `${announce} it, but not to all ${isPlural ? 'their' : 'its'} peers` }
}

const faultLines = (faults: readonly string[], columns: number): readonly string[] => [
  heading('Refused, and not looked at here'),
  ...faults.flatMap((fault) => item(paint('red', '✗'), fault, columns, 2)),
  ...wrap('  A node that knew a valid version of such an object goes on by that one.', columns, 0),
]

const remedyLines = (remedy: Saying['remedy'], columns: number, margin: number): readonly string[] =>
  remedy === null ? [] : item(paint('dim', '→'), remedy, columns, margin)
