import { stripVTControlCharacters } from 'node:util'
import { age, cut, paint, table, wrap } from '../output/text.ts'
import type { PeersAnswer, PeerView } from './view.ts'

interface Column {
  readonly title: string
  readonly cell: (view: PeerView) => string
}

const columnsOfAll: readonly Column[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'PEER', cell: ({ peer }) => peer },
  { title: 'ROUTER', cell: ({ remote }) => remote },
  {
    title: 'AS',
    cell: (view) => (view.neighbor === null ? paint('dim', view.expectedAsn) : String(view.neighbor.asn)),
  },
  { title: 'STATE', cell: (view) => stateText(view) },
  { title: 'SINCE', cell: ({ seconds }) => (seconds === null ? '-' : age(seconds * 1000)) },
  { title: 'HOLD', cell: ({ negotiated }) => (negotiated === null ? '-' : `${negotiated.holdTime}s`) },
  { title: 'ROUTES', cell: (view) => (isUp(view) ? String(view.routes.sent) : '-') },
  { title: 'BFD', cell: (view) => bfdText(view) },
]

/** What a narrow terminal goes without, the first first. */
const dispensable: readonly string[] = ['HOLD', 'AS', 'ROUTER', 'SINCE']

/** What is wrong stands at the end of the line where there is this much room for it, else below the line. */
const roomForWords = 30

/** All sessions, a line each. */
export function listLines({ peers }: PeersAnswer, columns: number): readonly string[] {
  if (peers.length === 0) return ['No sessions: no BGPPeer selects a node of this process.']
  const shown = fitting(peers, columns)
  const isWide = columns - widthOf(peers, shown) >= roomForWords
  const head = shown.map(({ title }) => title)
  const cells = peers.map((view) => shown.map(({ cell }) => cell(view)))
  if (isWide) {
    const rows = cells.map((row, index) => [...row, wordsOf(peers[index])])
    return table([...head, ''], rows, columns)
  }
  const [first = '', ...lines] = table(head, cells, Infinity).map((line) => cut(line, columns))
  return [first, ...lines.flatMap((line, index) => [line, ...wordsBelow(peers[index], columns)])]
}

/** As many columns as fit. */
function fitting(peers: PeersAnswer['peers'], columns: number): readonly Column[] {
  let shown = columnsOfAll
  for (const title of dispensable) {
    if (widthOf(peers, shown) <= columns) break
    shown = shown.filter((column) => column.title !== title)
  }
  return shown
}

function widthOf(peers: PeersAnswer['peers'], shown: readonly Column[]): number {
  const rows = peers.map((view) => shown.map(({ cell }) => cell(view)))
  const lines = table(
    shown.map(({ title }) => title),
    rows,
    Infinity,
  )
  return Math.max(...lines.map((line) => stripVTControlCharacters(line).length))
}

function wordsBelow(view: PeerView | undefined, columns: number): readonly string[] {
  const words = wordsOf(view)
  return words === '' ? [] : wrap(words, columns, 6)
}

/** Why a session is not up. Its state is that of the attempt under way, the error that of an earlier one. */
function wordsOf(view: PeerView | undefined): string {
  if (view === undefined || isUp(view)) return ''
  return view.lastError === null ? (view.reason ?? '') : `last error: ${view.lastError.message}`
}

export const isUp = ({ state }: PeerView): boolean => state === 'Established'

/** The state with a lamp. */
export const stateText = (view: PeerView): string =>
  `${isUp(view) ? paint('green', '●') : paint('yellow', '○')} ${view.state}`

function bfdText({ bfd }: PeerView): string {
  if (bfd === null) return '-'
  if (bfd.obstacle !== null) return paint('yellow', '○ cannot run')
  return `${bfd.state === 'up' ? paint('green', '●') : paint('yellow', '○')} ${bfd.state}`
}
