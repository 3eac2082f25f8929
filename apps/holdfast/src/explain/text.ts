import { heading, paint, table, wrap } from '../output/text.ts'
import type { Explanation, NodeExplanation, Saying } from './explanation.ts'

/** An explanation for a terminal: what it comes to first, then node by node. */
export function explanationLines(explanation: Explanation, columns: number): readonly string[] {
  const { service, addresses, allocation, summary, nodes } = explanation
  const held = addresses.map(({ ip, pool }) => (pool === null ? ip : `${ip} (pool ${pool})`)).join(', ')
  return [
    heading(`Service ${service}`),
    ...wrap(`  ${paint('bold', summary)}`, columns, 0),
    '',
    `  address   ${held === '' ? 'none' : held}`,
    ...(allocation.outcome === 'yes' ? [] : because(allocation, columns, '            ')),
    ...nodes.flatMap((node) => ['', ...nodeLines(node, columns)]),
  ]
}

function nodeLines({ node, announces, withheld, routes }: NodeExplanation, columns: number): readonly string[] {
  const isYes = announces.outcome === 'yes'
  const lamp = isYes ? paint('green', '●') : paint('yellow', '○')
  const rows = routes.map(({ prefix, peer, router, session, attributes, lastError }) => [
    prefix,
    peer,
    router ?? '',
    session === 'Established' ? paint('green', session) : paint('yellow', session),
    attributes.localPref === null ? '-' : String(attributes.localPref),
    attributes.communities.length === 0 ? '-' : attributes.communities.join(' '),
    session === 'Established' ? '' : (lastError ?? ''),
  ])
  return [
    `  ${lamp} ${paint('bold', node)}  ${isYes ? 'announces it' : `does not: ${announces.reason}`}`,
    ...(isYes ? [] : because(announces, columns, '    ')),
    ...withheld
      .filter(() => isYes)
      .flatMap((one) => because({ ...one, message: `${one.ip}: ${one.message}` }, columns, '    ')),
    ...(rows.length === 0 || !isYes
      ? []
      : table(['  PREFIX', 'PEER', 'ROUTER', 'SESSION', 'LOCALPREF', 'COMMUNITIES', ''], rows.map(indented), columns)),
  ]
}

const indented = ([first, ...rest]: readonly string[]): readonly string[] => [`  ${first ?? ''}`, ...rest]

const because = ({ message, remedy }: Saying, columns: number, margin: string): readonly string[] => [
  ...wrap(margin + message, columns, 0),
  ...(remedy === null ? [] : wrap(`${margin}${paint('dim', '→')} ${remedy}`, columns, 0)),
]
