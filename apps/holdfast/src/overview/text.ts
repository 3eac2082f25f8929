import { heading, item, paint, table } from '../output/text.ts'
import type { NodeOverview } from './nodes.ts'
import { cordoned } from './nodes.ts'
import type { ControllerOverview, FamilyOverview, Overview, PoolOverview } from './overview.ts'
import { good, groupsOf, namesOf, wanting } from './groups.ts'
import { serviceLines } from './services-text.ts'

/** An overview for a terminal: who leads, nodes, what waits, pools, what is wrong. */
export function overviewLines(overview: Overview, columns: number): readonly string[] {
  const { controller, nodes, pools } = overview
  return [
    ...(controller === null ? [] : [heading('Controller'), ...controllerLines(controller, overview, columns), '']),
    heading('Nodes'),
    ...(nodes.length === 0
      ? ['  none']
      : table(['NODE', 'SESSIONS', 'ROUTES', 'STATE', 'REBOOT', ''], nodes.map(nodeRow), columns)),
    ...downLines(nodes, columns),
    '',
    heading('Services'),
    ...serviceLines(overview.services, columns),
    '',
    heading('Pools'),
    ...(pools.length === 0
      ? ['  none']
      : table(['POOL', 'IPV4 USED', 'FREE', 'IPV6 USED', 'FREE'], pools.map(poolRow), columns)),
    ...faultLines(overview, columns),
    ...idleLines(overview, columns),
  ]
}

function controllerLines(
  { leader, renewedAt, isLeading }: ControllerOverview,
  { metallb, rivals }: Overview,
  columns: number,
): readonly string[] {
  if (isLeading) return [`  ${good} ${leader ?? ''} leads`, ...rivalLines(rivals, columns)]
  const time = renewedAt === null ? '' : `${renewedAt.slice(0, 19)}Z`
  const before = leader === null ? `the last one left at ${time}` : `${leader} led last, and said so at ${time}`
  const last = time === '' ? 'none has led yet' : before
  return [
    ...item(wanting, `none leads: ${last}`, columns, 2),
    ...item(paint('dim', '→'), metallb.length === 0 ? untilLed : besideMetalLB(metallb), columns, 4),
  ]
}

function rivalLines(rivals: readonly string[], columns: number): readonly string[] {
  if (rivals.length === 0) return []
  return [
    ...item(wanting, `MetalLB’s controller runs as well (${namesOf(rivals)}): ${both}`, columns, 2),
    ...item(paint('dim', '→'), stopOne, columns, 4),
  ]
}

const both = 'both give addresses to new Services, and each takes away what the other gave'
const stopOne = 'Scale MetalLB’s to no replicas: docs/operate/migrate-from-metallb.md, step 4.'

const untilLed = 'Addresses stay as they are, and no Service gets one, until a controller runs.'

const besideMetalLB = (metallb: readonly string[]): string =>
  `MetalLB runs here (${namesOf(metallb)}): it gives addresses and announces them, and nothing below tells of that. What a replacement will change: holdfast lint`

function nodeRow(overview: NodeOverview): readonly string[] {
  const { node, sessions, routes, state, notes, safeToReboot, message } = overview
  return [
    node,
    state === 'NodeGone' ? '-' : `${isWell(overview) ? good : wanting} ${sessions.up}/${sessions.total}`,
    String(routes),
    state === 'Announcing' ? state : paint('yellow', state),
    safeToReboot ? paint('green', 'safe') : '-',
    [...(state === 'Announcing' ? [] : [message]), ...notes].join('; '),
  ]
}

/** What a speaker said last, before it was gone, is no good sign. */
const isWell = ({ sessions: { up, total }, state, notes, unwatched }: NodeOverview): boolean =>
  up === total &&
  total > 0 &&
  unwatched.length === 0 &&
  notes.every((note) => note === cordoned) &&
  !['NoSpeaker', 'SpeakerNotReady', 'SpeakerSilent', 'NodeGone'].includes(state)

/** A router that is down is down for many nodes: said once. */
function downLines(nodes: readonly NodeOverview[], columns: number): readonly string[] {
  const words = nodes.flatMap(({ node, down, unwatched }) => [
    ...down.map(({ peer, router, why }) => ({ node, peer: peerText(peer, router), why })),
    ...unwatched.map(({ peer, router, bfd }) => ({ node, peer: peerText(peer, router), why: bfdText(bfd) })),
  ])
  return groupsOf(words, ({ peer, why }) => `${peer}: ${why}`).flatMap(([text, group]) =>
    item(wanting, `${namesOf(group.map(({ node }) => node))} → ${text}`, columns, 2),
  )
}

const peerText = (peer: string, router: string | null): string => `${peer}${router === null ? '' : ` (${router})`}`

const bfdText = (bfd: string): string =>
  bfd === 'CannotRun'
    ? 'BFD cannot run on this node (its log says why): the hold time alone notices a failure'
    : `BFD is ${bfd} while the session is Established: the hold time alone notices a failure; does the router run BFD for it?`

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
  const [rest, named] = [faults.filter(isCounted), faults.filter((fault) => !isCounted(fault))]
  const groups = groupsOf(named, ({ message }) => message.replaceAll(':', ''))
  const uncounted = groupsOf(rest, ({ message }) => message)
  if (faults.length === 0) return []
  return [
    '',
    heading('What is wrong with the configuration'),
    ...groups.flatMap(([, group]) => [
      ...item(paint('red', '✗'), group[0]?.message ?? '', columns, 2),
      ...item(paint('dim', 'said by'), namesOf(group.map(({ by }) => by)), columns, 4),
    ]),
    ...uncounted.flatMap(([message, group]) =>
      item(paint('red', '✗'), `${message}, by ${namesOf(group.map(({ by }) => by))}: its log names them`, columns, 2),
    ),
  ]
}

/** The last line of a long summary. */
const isCounted = ({ message }: Overview['faults'][number]): boolean => /^and \d+ more$/.test(message)

function idleLines({ withoutEffect }: Overview, columns: number): readonly string[] {
  if (withoutEffect.length === 0) return []
  const lines = withoutEffect.flatMap(({ object, message }) => item(wanting, `${object}: ${message}`, columns, 2))
  return ['', heading('What has no effect'), ...lines]
}
