import { heading, item, paint, table, wrap } from '../output/text.ts'
import type { Explanation, NodeExplanation, Saying } from './explanation.ts'

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

/** Those that announce it one by one, as each has its own routes; the others where the first of them stands. */
function groupsOf(nodes: readonly NodeExplanation[]): readonly Group[] {
  const groups = new Map<string, [NodeExplanation, ...NodeExplanation[]]>()
  for (const node of nodes) {
    const key =
      node.announces.outcome === 'yes' ? `node ${node.node}` : `why ${node.announces.reason} ${generalOf(node)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [node])
    else group.push(node)
  }
  return [...groups.values()]
}

const generalOf = ({ node, announces }: NodeExplanation): string =>
  announces.message.replaceAll(`Node ${node}`, 'the Node').replace(/^t/, 'T')

/** More names than that help nobody: the rest is counted. */
const mostNames = 12

function groupLines(group: Group, columns: number): readonly string[] {
  const [first, ...others] = group
  const { announces, node } = first
  if (announces.outcome === 'yes') return announcingLines(first, columns)
  const names = group.slice(0, mostNames).map((one) => paint('bold', one.node))
  const more = group.length > mostNames ? ` and ${group.length - mostNames} more` : ''
  const refusal = others.length === 0 ? 'does not' : 'do not'
  const verb = announces.outcome === 'unknown' ? 'may or may not' : refusal
  const lamp = paint('yellow', '○')
  return [
    ...item(lamp, `${names.join(', ')}${more}  ${verb}: ${announces.reason}`, columns, 2),
    ...wrap(`    ${others.length === 0 ? announces.message : generalOf(first)}`, columns, 0),
    ...remedyLines(announces.remedy?.replaceAll(node, others.length === 0 ? node : 'NODE') ?? null, columns, 4),
  ]
}

function announcingLines({ node, announces, withheld, routes }: NodeExplanation, columns: number): readonly string[] {
  const rows = routes.map(({ prefix, peer, router, session, attributes, lastError }) => [
    `  ${prefix}`,
    peer,
    router ?? '',
    session === 'Established' ? paint('green', session) : paint('yellow', session),
    attributes.localPref === null ? '-' : String(attributes.localPref),
    attributes.communities.length === 0 ? '-' : attributes.communities.join(' '),
    session === 'Established' ? '' : (lastError ?? ''),
  ])
  const { isGood, words } = claimOf(routes)
  const lamp = isGood && announces.reason === 'announced' ? paint('green', '●') : paint('yellow', '○')
  return [
    `  ${lamp} ${paint('bold', node)}  ${announces.reason === 'announced' ? words : `${words} still: ${announces.reason}`}`,
    ...(announces.reason === 'announced' ? [] : wrap(`    ${announces.message}`, columns, 0)),
    ...remedyLines(announces.remedy, columns, 4),
    ...withheld.flatMap((one) => [
      ...wrap(`    ${one.message.includes(one.ip) ? '' : `${one.ip}: `}${one.message}`, columns, 0),
      ...remedyLines(one.remedy, columns, 4),
    ]),
    ...table(['  PREFIX', 'PEER', 'ROUTER', 'SESSION', 'LOCALPREF', 'COMMUNITIES', ''], rows, columns),
  ]
}

function claimOf(routes: NodeExplanation['routes']): { readonly isGood: boolean; readonly words: string } {
  const up = routes.filter(({ session }) => session === 'Established').length
  if (up === routes.length) return { isGood: true, words: 'announces it' }
  return {
    isGood: false,
    words: up === 0 ? 'has no session to announce it by' : 'announces it, but not to all its peers',
  }
}

const faultLines = (faults: readonly string[], columns: number): readonly string[] => [
  heading('Refused, and not looked at here'),
  ...faults.flatMap((fault) => item(paint('red', '✗'), fault, columns, 2)),
  ...wrap('  A node that knew a valid version of such an object goes on by that one.', columns, 0),
]

const remedyLines = (remedy: Saying['remedy'], columns: number, margin: number): readonly string[] =>
  remedy === null ? [] : item(paint('dim', '→'), remedy, columns, margin)
