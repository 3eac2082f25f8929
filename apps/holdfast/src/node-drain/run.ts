import type { HttpApi, KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { NodeState } from '@holdfast/model'
import { parseNodeState } from '@holdfast/model'
import { systemClock } from '@holdfast/runtime'
import { userInfo } from 'node:os'
import { exitCode } from '../exit-codes.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { connect } from '../kubernetes/person.ts'
import { StartUpError } from '../start-up-error.ts'
import { drainProgress } from './progress.ts'

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

/** `holdfast drain` and `holdfast undrain`. Returns the exit code: ok when it is asked for, or with `isWaiting` when it is done. */
export async function runDrain(command: DrainCommand): Promise<number> {
  let api: HttpApi | undefined
  try {
    api = await connect(command)
    await ask(api, command)
    return command.isWaiting ? await untilDone(api, command) : tellAsked(command)
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  } finally {
    api?.close()
  }
}

async function ask(api: HttpApi, { node, namespace, isUndrain, reason }: DrainCommand): Promise<void> {
  const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
  if (found.kind === 'fault') {
    throw found.code === 'notFound'
      ? noSuchNode(node, namespace)
      : new StartUpError(
          `cannot read NodeState ${node}: ${found.message}`,
          'Try again, or ask for the verb get on nodestates.',
        )
  }
  const drain = isUndrain
    ? null
    : {
        // Whole seconds, as Kubernetes writes times.
        requestedAt: `${new Date().toISOString().slice(0, 19)}Z`,
        requestedBy: userInfo().username,
        ...(reason === undefined ? {} : { reason }),
      }
  const isSame = isUndrain === (stateOf(found.value)?.spec.drain === undefined)
  if (isSame) return
  const written = await api.merge(
    resourceTypes.NodeState,
    { namespace, name: node },
    { spec: { drain } },
    { fieldManager: 'holdfast-cli' },
  )
  if (written.kind === 'fault') {
    throw new StartUpError(
      `cannot change NodeState ${node}: ${written.message}`,
      'You need the verb patch on nodestates (holdfast.dev).',
    )
  }
}

const noSuchNode = (node: string, namespace: string): StartUpError =>
  new StartUpError(
    `no speaker has told of a node ${node} in the namespace ${namespace}`,
    'Look at: kubectl get nodestates -A. Another namespace is named with --namespace.',
  )

function tellAsked({ node, isUndrain, isJson }: DrainCommand): number {
  const text = isUndrain
    ? `${node} announces again.`
    : `${node} leaves. Follow it with: holdfast drain ${node} --wait, or kubectl get nodestates ${node} -w`
  process.stdout.write(isJson ? `${JSON.stringify({ node, asked: isUndrain ? 'undrain' : 'drain' })}\n` : `${text}\n`)
  return exitCode.ok
}

/** Looks every second: says each new thing once. */
async function untilDone(api: HttpApi, command: DrainCommand): Promise<number> {
  const clock = systemClock()
  const startMs = clock.now()
  const { node, namespace, isUndrain, timeoutMs } = command
  let told = ''
  for (;;) {
    const found = await api.get(resourceTypes.NodeState, { namespace, name: node })
    const state = found.kind === 'ok' ? stateOf(found.value) : undefined
    const progress =
      found.kind === 'fault' ? { isDone: false, message: found.message } : drainProgress(state, isUndrain)
    if (progress.message !== told || progress.isDone) say(command, progress)
    told = progress.message
    if (progress.isDone) return exitCode.ok
    if (timeoutMs !== undefined && clock.now() - startMs > timeoutMs) {
      process.stderr.write(
        `holdfast: not done within ${timeoutMs / 1000} s: ${progress.message}\n  It goes on; wait longer with --timeout, or end it with: holdfast undrain ${node}\n`,
      )
      return exitCode.differs
    }
    await new Promise<void>((resolve) => void clock.after(lookMs, resolve))
  }
}

function say({ node, isJson }: DrainCommand, progress: ReturnType<typeof drainProgress>): void {
  process.stdout.write(isJson ? `${JSON.stringify({ node, ...progress })}\n` : `${node}: ${progress.message}\n`)
}

function stateOf(object: KubeObject): NodeState | undefined {
  const state = parseNodeState(object)
  return state.kind === 'ok' ? state.value : undefined
}
