import type { NodeState } from '@holdfast/model'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { userInfo } from 'node:os'
import { exitCode } from '../exit-codes.ts'
import type { Connected } from '../kubernetes/connect.ts'
import { pause } from '../kubernetes/pause.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { atCluster } from '../kubernetes/person.ts'
import { forPerson, item, paint } from '../output/text.ts'
import { withServices } from './held-services.ts'
import type { DrainProgress } from './progress.ts'
import { otherCause } from './progress.ts'
import type { Asked, DrainRequest } from './request.ts'
import { askNode, lookAtNode } from './request.ts'

export interface DrainCommand extends PersonCommand, Omit<DrainRequest, 'askedBy' | 'now' | 'random'> {
  /** How long, in milliseconds; undefined: for ever. */
  readonly timeoutMs: number | undefined
}

const lookMs = 1000

/** `holdfast drain` and `holdfast undrain`. Returns the exit code: ok when it is asked for, or with `isWaiting` when it is done. */
export const runDrain = (command: DrainCommand): Promise<number> =>
  atCluster(command, async (at) => {
    const { username: askedBy } = userInfo()
    const asked = await askNode(at.api, { ...command, askedBy, now: new Date().toISOString(), random: Math.random })
    return command.isWaiting ? await untilToldOrStopped(at, command, asked) : tellAsked(command, asked.before)
  })

function tellAsked({ node, namespace, isUndrain, isJson }: DrainCommand, before: NodeState | undefined): number {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ node, asked: isUndrain ? 'undrain' : 'drain' })}\n`)
    return exitCode.ok
  }
  const leaves = `${node} leaves. Follow it with: holdfast drain ${node} --wait, or kubectl -n ${namespace} get nodestates ${node} -w`
  process.stdout.write(`${isUndrain ? comesBack(node, before) : leaves}\n`)
  return exitCode.ok
}

/** A drain that was asked for is not the only thing that keeps a node away. */
export function comesBack(node: string, before: NodeState | undefined): string {
  if (before?.spec.drain !== undefined) return `${node} announces again.`
  const other = before === undefined ? undefined : otherCause(before)
  return other === undefined
    ? `${node} was not drained: nothing is changed.`
    : `${node} stays away: ${other}. No drain holds it; take that away, and it announces again.`
}

/** Ctrl-C ends the waiting and nothing else, which is said. */
async function untilToldOrStopped(at: Connected, command: DrainCommand, asked: Asked): Promise<number> {
  const stopped = new AbortController()
  const hook = onShutdown(() => {
    stopped.abort()
    return Promise.resolve()
  })
  try {
    return await untilDone(at, command, asked, stopped.signal)
  } finally {
    hook.remove()
  }
}

/** Looks every second: says each new thing once. */
async function untilDone(at: Connected, command: DrainCommand, asked: Asked, stopped: AbortSignal): Promise<number> {
  const clock = systemClock()
  const startMs = clock.now()
  const { timeoutMs } = command
  let told: DrainProgress = { isDone: false, message: '', remedy: null }
  for (;;) {
    const progress = await lookAtNode(at.api, { ...command, place: at }, asked, clock.now() - startMs)
    if (progress.message !== told.message || progress.remedy !== told.remedy || progress.isDone)
      say(command, await withServices(at.api, progress), told)
    told = progress
    if (progress.isDone) return exitCode.ok
    if (timeoutMs !== undefined && clock.now() - startMs > timeoutMs) return tooLate(command, timeoutMs)
    await pause(clock, lookMs, stopped)
    if (stopped.aborted) return interrupted(command)
  }
}

/** What it waits for was said when it came up. */
function tooLate({ node, isUndrain }: DrainCommand, timeoutMs: number): number {
  const end = isUndrain ? '' : `, or end it with: holdfast undrain ${node}`
  process.stderr.write(
    `holdfast: not done within ${timeoutMs / 1000} s\n  It goes on; wait longer with --timeout${end}\n`,
  )
  return exitCode.differs
}

/** As a shell says of a program that Ctrl-C has ended. */
const interruptedCode = 130

function interrupted({ node, isUndrain }: DrainCommand): number {
  const text = isUndrain
    ? `holdfast: not waited for the end: ${node} comes back by itself\n`
    : `holdfast: not waited for the end: ${node} goes on leaving\n  End that with: holdfast undrain ${node}\n`
  // The terminal has just shown ^C.
  process.stderr.write(process.stderr.isTTY ? `\n${text}` : text)
  return interruptedCode
}

function say({ node, isJson }: DrainCommand, progress: DrainProgress, before: DrainProgress): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ node, ...progress })}\n`)
    return
  }
  if (progress.message !== before.message || progress.isDone) process.stdout.write(`${node}: ${progress.message}\n`)
  const { remedy } = progress
  if (remedy === null || remedy === before.remedy) return
  process.stdout.write(forPerson((columns) => item(paint('dim', '→'), remedy, columns, 2)))
}
