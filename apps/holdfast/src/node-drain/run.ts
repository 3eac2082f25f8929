import type { HttpApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { userInfo } from 'node:os'
import { exitCode } from '../exit-codes.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { connect, remedyFor } from '../kubernetes/person.ts'
import { forPerson, item, paint } from '../output/text.ts'
import { StartUpError } from '../start-up-error.ts'
import type { DrainProgress } from './progress.ts'
import { drainProgress, otherCause } from './progress.ts'

export interface DrainCommand extends PersonCommand {
  readonly node: string
  /** `undrain`: the node announces again. */
  readonly isUndrain: boolean
  /** Kept in the NodeState for others to read. */
  readonly reason: string | undefined
  /** Whether to wait until it is done. */
  readonly isWaiting: boolean
  /** How long, in milliseconds; undefined: for ever. */
  readonly timeoutMs: number | undefined
}

const lookMs = 1000

/** A speaker that runs begins within a second; one that has not by then may not run. */
const beginMs = 10_000

/** `holdfast drain` and `holdfast undrain`. Returns the exit code: ok when it is asked for, or with `isWaiting` when it is done. */
export async function runDrain(command: DrainCommand): Promise<number> {
  let api: HttpApi | undefined
  try {
    api = await connect(command)
    const before = await ask(api, command)
    return command.isWaiting ? await untilToldOrStopped(api, command) : tellAsked(command, before)
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return error instanceof NoSuchNode ? exitCode.usage : exitCode.startUp
  } finally {
    api?.close()
  }
}

/** Asks for it, and returns what the node said before; nothing is written where nothing changes. */
async function ask(api: HttpApi, command: DrainCommand): Promise<NodeState | undefined> {
  const { node, namespace } = command
  const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
  if (found.kind === 'fault') {
    if (found.code === 'notFound') throw noSuchNode(node, namespace)
    throw new StartUpError(
      `cannot read NodeState ${node}: ${found.message}`,
      remedyFor(found, 'the verb get on nodestates (holdfast.dev)'),
    )
  }
  const before = stateOf(found.value)
  const drain = wantedDrain(command, before?.spec.drain)
  if (drain === undefined) return before
  const written = await api.merge(
    resourceTypes.NodeState,
    { namespace, name: node },
    { spec: { drain } },
    { fieldManager: 'holdfast-cli' },
  )
  if (written.kind === 'ok') return before
  throw new StartUpError(
    `cannot change NodeState ${node}: ${written.message}`,
    remedyFor(written, 'the verb patch on nodestates (holdfast.dev)'),
  )
}

/** What is to be merged into `spec.drain`; undefined: nothing. A drain that is under way keeps its time, and takes another reason. */
function wantedDrain({ isUndrain, reason }: DrainCommand, now: NodeState['spec']['drain']): object | null | undefined {
  if (isUndrain) return now === undefined ? undefined : null
  if (now !== undefined) return reason === undefined || reason === now.reason ? undefined : { reason }
  return {
    // Whole seconds, as Kubernetes writes times.
    requestedAt: `${new Date().toISOString().slice(0, 19)}Z`,
    requestedBy: userInfo().username,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** What is named is not there: as with `peers NAME` and `explain`, that is a matter of the command line. */
class NoSuchNode extends StartUpError {}

const noSuchNode = (node: string, namespace: string): NoSuchNode =>
  new NoSuchNode(
    `no speaker has told of a node ${node} in the namespace ${namespace}`,
    'Look at: kubectl get nodestates -A. Another namespace is named with --namespace.',
  )

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
function comesBack(node: string, before: NodeState | undefined): string {
  const other = before === undefined ? undefined : otherCause(before)
  return other === undefined
    ? `${node} announces again.`
    : `${node} stays away: ${other}. No drain holds it; take that away, and it announces again.`
}

/** Ctrl-C ends the waiting and nothing else, which is said. */
async function untilToldOrStopped(api: HttpApi, command: DrainCommand): Promise<number> {
  const stopped = new AbortController()
  const hook = onShutdown(() => {
    stopped.abort()
    return Promise.resolve()
  })
  try {
    return await untilDone(api, command, stopped.signal)
  } finally {
    hook.remove()
  }
}

/** Looks every second: says each new thing once. */
async function untilDone(api: HttpApi, command: DrainCommand, stopped: AbortSignal): Promise<number> {
  const clock = systemClock()
  const startMs = clock.now()
  const { timeoutMs } = command
  let told: DrainProgress = { isDone: false, message: '', remedy: null }
  for (;;) {
    const progress = await look(api, command, clock.now() - startMs)
    if (progress.message !== told.message || progress.remedy !== told.remedy || progress.isDone)
      say(command, progress, told)
    told = progress
    if (progress.isDone) return exitCode.ok
    if (timeoutMs !== undefined && clock.now() - startMs > timeoutMs) return tooLate(command, progress, timeoutMs)
    await pause(clock, stopped)
    if (stopped.aborted) return interrupted(command)
  }
}

async function look(
  api: HttpApi,
  { node, namespace, isUndrain }: DrainCommand,
  waitedMs: number,
): Promise<DrainProgress> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
  if (found.kind === 'fault') {
    return {
      isDone: false,
      message: found.message,
      remedy: remedyFor(found, 'the verb get on nodestates (holdfast.dev)'),
    }
  }
  const progress = drainProgress(stateOf(found.value), isUndrain)
  const isSilent = progress.message.startsWith('waiting for the speaker') && waitedMs > beginMs
  if (!isSilent) return progress
  const remedy = `Does it run? kubectl -n ${namespace} get pods -o wide --field-selector spec.nodeName=${node}`
  return { ...progress, remedy }
}

const pause = (clock: Clock, stopped: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const alarm = clock.after(lookMs, resolve)
    stopped.addEventListener('abort', () => {
      alarm.cancel()
      resolve()
    })
  })

function tooLate({ node, isUndrain }: DrainCommand, { message }: DrainProgress, timeoutMs: number): number {
  const end = isUndrain ? '' : `, or end it with: holdfast undrain ${node}`
  process.stderr.write(
    `holdfast: not done within ${timeoutMs / 1000} s: ${message}\n  It goes on; wait longer with --timeout${end}\n`,
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

function stateOf(object: KubeObject): NodeState | undefined {
  const state = parseNodeState(object)
  return state.kind === 'ok' ? state.value : undefined
}
