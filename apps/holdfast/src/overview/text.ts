import { heading, item, paint, table } from '../output/text.ts'
import type { ControllerOverview, FamilyOverview, NodeOverview, Overview, PoolOverview } from './overview.ts'

/** More than a screen of waiting Services helps nobody: the rest is counted. */
const mostWaiting = 20

/** Nodes that are named for one thing. */
const mostNames = 8

/** An overview for a terminal: who leads, nodes, what waits, pools, what is wrong. */
export function overviewLines(overview: Overview, columns: number): readonly string[] {
  const { controller, nodes, pools } = overview
  return [
    ...(controller === null ? [] : [heading('Controller'), ...controllerLines(controller, columns), '']),
    heading('Nodes'),
    ...(nodes.length === 0
      ? ['  none']
      : table(['NODE', 'SESSIONS', 'ROUTES', 'STATE', 'REBOOT', ''], nodes.map(nodeRow), columns)),
    ...downLines(nodes, columns),
    '',
    heading('Services'),
    ...serviceLines(overview, columns),
    '',
    heading('Pools'),
    ...(pools.length === 0
      ? ['  none']
      : table(['POOL', 'IPV4 USED', 'FREE', 'IPV6 USED', 'FREE'], pools.map(poolRow), columns)),
    ...faultLines(overview, columns),
  ]
}

const good = paint('green', '●')
const wanting = paint('yellow', '○')

function controllerLines({ leader, renewedAt, isLeading }: ControllerOverview, columns: number): readonly string[] {
  if (isLeading) return [`  ${good} ${leader ?? ''} leads`]
  const time = renewedAt === null ? '' : `${renewedAt.slice(0, 19)}Z`
  const before = leader === null ? `the last one left at ${time}` : `${leader} led last, and said so at ${time}`
  const last = time === '' ? 'none has led yet' : before
  return [
    ...item(wanting, `none leads: ${last}`, columns, 2),
    ...item(
      paint('dim', '→'),
      'Addresses stay as they are, and no Service gets one, until a controller runs.',
      columns,
      4,
    ),
  ]
}

const nodeRow = ({ node, sessions, routes, state, safeToReboot, message }: NodeOverview): readonly string[] => [
  node,
  `${isWell(sessions, state) ? good : wanting} ${sessions.up}/${sessions.total}`,
  String(routes),
  state === 'Announcing' ? state : paint('yellow', state),
  safeToReboot ? paint('green', 'safe') : '-',
  state === 'Announcing' ? '' : message,
]

/** What a speaker said last, before it was gone, is no good sign. */
const isWell = ({ up, total }: NodeOverview['sessions'], state: string): boolean =>
  up === total && total > 0 && !['NoSpeaker', 'SpeakerNotReady', 'SpeakerSilent', 'NodeGone'].includes(state)

/** A router that is down is down for many nodes: said once. */
function downLines(nodes: readonly NodeOverview[], columns: number): readonly string[] {
  const groups = new Map<string, string[]>()
  for (const { node, down } of nodes) {
    for (const { peer, router, why } of down) {
      const key = JSON.stringify([`${peer}${router === null ? '' : ` (${router})`}`, why])
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [node])
      else group.push(node)
    }
  }
  return [...groups].flatMap(([key, names]) => {
    const [peer = '', why = ''] = JSON.parse(key) as readonly string[]
    return item(wanting, `${namesOf(names)} → ${peer}: ${why}`, columns, 2)
  })
}

const namesOf = (names: readonly string[]): string =>
  names.length > mostNames
    ? `${names.slice(0, mostNames).join(', ')} and ${names.length - mostNames} more`
    : names.join(', ')

function serviceLines({ services: { total, assigned, waiting } }: Overview, columns: number): readonly string[] {
  const counted = `${assigned} of ${total} Services have their addresses`
  if (waiting.length === 0) return [`  ${good} ${counted}`]
  return [
    `  ${wanting} ${counted}`,
    ...waiting
      .slice(0, mostWaiting)
      .flatMap(({ service, reason, message }) =>
        item(paint('dim', '·'), `${service}: ${paint('yellow', reason)}: ${message}`, columns, 4),
      ),
    ...(waiting.length > mostWaiting ? [`    and ${waiting.length - mostWaiting} more`] : []),
    ...item(paint('dim', '→'), 'What to do about one: holdfast explain service NAMESPACE/NAME', columns, 4),
  ]
}

const poolRow = ({ pool, ipv4, ipv6 }: PoolOverview): readonly string[] => [
  pool,
  ...familyCells(ipv4),
  ...familyCells(ipv6),
]

function familyCells({ assigned, available }: FamilyOverview): readonly string[] {
  if (assigned === 0 && available === 0) return ['-', '-']
  return [String(assigned), available === 0 ? paint('yellow', '0') : availableText(available)]
}

/** IPv6 pools have more than anybody counts. */
const availableText = (available: number): string =>
  available >= 1e15 ? available.toExponential(1) : available.toLocaleString('en-US')

/** Controller and speakers say the same of an object, in the same words but for punctuation: said once. */
function faultLines({ faults }: Overview, columns: number): readonly string[] {
  const groups = new Map<string, { readonly message: string; readonly by: string[] }>()
  for (const { by, message } of faults) {
    const key = message.replaceAll(':', '')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { message, by: [by] })
    else group.by.push(by)
  }
  if (groups.size === 0) return []
  return [
    '',
    heading('What is wrong with the configuration'),
    ...[...groups.values()].flatMap(({ message, by }) => [
      ...item(paint('red', '✗'), message, columns, 2),
      ...item(paint('dim', 'said by'), namesOf(by), columns, 4),
    ]),
  ]
}
