import { heading, paint, table, wrap } from '../output/text.ts'
import type { NodeOverview, Overview } from './overview.ts'

/** More than a screen of waiting Services helps nobody: the rest is counted. */
const mostWaiting = 20

/** An overview for a terminal: nodes, what waits, pools, what is wrong. */
export function overviewLines(overview: Overview, columns: number): readonly string[] {
  const { nodes, services, pools, faults } = overview
  const counted = `${services.assigned} of ${services.total} Services have their addresses`
  return [
    heading('Nodes'),
    ...(nodes.length === 0
      ? ['  none']
      : table(['NODE', 'SESSIONS', 'ROUTES', 'STATE', 'REBOOT', ''], nodes.map(nodeRow), columns)),
    ...nodes.flatMap(({ node, down }) =>
      down.flatMap(({ peer, router, why }) =>
        wrap(`  ${paint('yellow', '○')} ${node} → ${peer}${router === null ? '' : ` (${router})`}: ${why}`, columns, 0),
      ),
    ),
    '',
    heading('Services'),
    `  ${services.waiting.length === 0 ? paint('green', '●') : paint('yellow', '○')} ${counted}`,
    ...services.waiting
      .slice(0, mostWaiting)
      .flatMap(({ service, reason, message }) => wrap(`    ${service}: ${reason}: ${message}`, columns, 0)),
    ...(services.waiting.length > mostWaiting ? [`    and ${services.waiting.length - mostWaiting} more`] : []),
    '',
    heading('Pools'),
    ...(pools.length === 0
      ? ['  none']
      : table(
          ['POOL', 'ASSIGNED', 'AVAILABLE'],
          pools.map(({ pool, assigned, available }) => [pool, String(assigned), availableText(available)]),
          columns,
        )),
    ...(faults.length === 0 ? [] : ['', heading('What is wrong with the configuration')]),
    ...faults.flatMap(({ by, message }) => wrap(`  ${paint('red', '✗')} ${by}: ${message}`, columns, 0)),
  ]
}

const nodeRow = ({ node, sessions, routes, state, safeToReboot, message }: NodeOverview): readonly string[] => [
  node,
  lamp(sessions.up === sessions.total && sessions.total > 0, `${sessions.up}/${sessions.total}`),
  String(routes),
  state === 'Announcing' ? state : paint('yellow', state),
  safeToReboot ? paint('green', 'safe') : '-',
  state === 'Announcing' ? '' : message,
]

const lamp = (isGood: boolean, text: string): string => `${isGood ? paint('green', '●') : paint('yellow', '○')} ${text}`

/** IPv6 pools have more than anybody counts. */
const availableText = (available: number): string =>
  available >= 1e15 ? available.toExponential(1) : available.toLocaleString('en-US')
