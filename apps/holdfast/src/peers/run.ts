import { onShutdown, systemClock } from '@holdfast/runtime'
import { ask } from '../api/client.ts'
import { defaultSocketPath } from '../api/socket-path.ts'
import { exitCode } from '../exit-codes.ts'
import { pause } from '../kubernetes/pause.ts'
import { endWithReader } from '../output/reader.ts'
import { forPerson } from '../output/text.ts'
import { detailLines } from './detail.ts'
import { listLines } from './list.ts'
import { upperLines } from './screen.ts'
import type { PeersAnswer, PeerView } from './view.ts'

export interface PeersCommand {
  /** Of a BGPPeer, a node, `node/peer`, or an address; undefined: all sessions, a line each. */
  readonly name: string | undefined
  /** undefined: the default place. */
  readonly socket: string | undefined
  readonly isJson: boolean
  readonly isWatching: boolean
}

const watchMs = 1000

/** `holdfast peers`: shows the sessions of a running process; returns the exit code. */
export async function runPeers(command: PeersCommand): Promise<number> {
  endWithReader()
  if (!command.isWatching) return await show(command, '')
  const clock = systemClock()
  const over = new AbortController()
  const hook = onShutdown(() => {
    over.abort()
    return Promise.resolve()
  })
  const clear = process.stdout.isTTY && !command.isJson ? '\u001b[H\u001b[2J' : ''
  let code: number = exitCode.ok
  while (!over.signal.aborted) {
    code = await show(command, clear)
    await pause(clock, watchMs, over.signal)
  }
  hook.remove()
  return code
}

async function show({ name, socket, isJson, isWatching }: PeersCommand, before: string): Promise<number> {
  const asked = await ask(socket ?? defaultSocketPath(process.env, process.getuid?.()), '/v1/peers')
  if (asked.kind === 'failed') return complain(exitCode.startUp, asked)
  const answer = asked.value
  if (!isAnswer(answer)) return complain(exitCode.startUp, notUnderstood)
  const peers = name === undefined ? answer.peers : answer.peers.filter((view) => isMeant(view, name))
  if (peers.length === 0 && name !== undefined) return complain(exitCode.usage, noSuch(name, answer))
  const shown = { ...answer, peers }
  process.stdout.write(
    before + (isJson ? `${JSON.stringify(shown)}\n` : text(shown, { isDetailed: name !== undefined, isWatching })),
  )
  return exitCode.ok
}

function complain(code: number, { message, remedy }: { readonly message: string; readonly remedy: string }): number {
  process.stderr.write(`holdfast: ${message}\n  ${remedy}\n`)
  return code
}

function noSuch(name: string, { peers }: PeersAnswer): { readonly message: string; readonly remedy: string } {
  const names = [...new Set(peers.map(({ peer }) => peer))].sort().join(', ')
  return { message: `no session of "${name}"`, remedy: `BGPPeers here: ${names === '' ? 'none' : names}.` }
}

function text(
  answer: PeersAnswer,
  { isDetailed, isWatching }: { readonly isDetailed: boolean; readonly isWatching: boolean },
): string {
  return forPerson((columns) => {
    const all = isDetailed
      ? answer.peers.flatMap((view, index) => [...(index > 0 ? [''] : []), ...detailLines(view, answer, columns)])
      : listLines(answer, columns)
    return isWatching && process.stdout.isTTY ? upperLines(all, process.stdout.rows) : all
  })
}

const isMeant = (view: PeerView, name: string): boolean =>
  [view.peer, view.node, `${view.node}/${view.peer}`, view.remote, view.neighbor?.address].includes(name) ||
  view.remote.startsWith(`${name}:`) ||
  view.remote.startsWith(`[${name}]:`)

const notUnderstood = {
  message: 'the process that answered is another version of holdfast, or something else',
  remedy: 'Use the holdfast that it was started with, or name another socket with --socket.',
}

/** Our own process wrote it: only that it is one of ours, and has the list, is in question. */
const isAnswer = (value: unknown): value is PeersAnswer =>
  typeof value === 'object' && value !== null && 'version' in value && 'peers' in value && Array.isArray(value.peers)
