import type {
  ApiFault,
  Followed,
  FollowedKind,
  HttpApi,
  KubeApi,
  KubernetesSource,
  ResourceType,
  Selection,
  Snapshot,
} from '@holdfast/cluster'
import { apiFault, createKeeps, createKubernetesSource, resourceTypes } from '@holdfast/cluster'
import { systemClock } from '@holdfast/runtime'
import { userInfo } from 'node:os'
import { exitCode } from '../exit-codes.ts'
import { endWithReader } from '../output/reader.ts'
import { NotThere, StartUpError } from '../start-up-error.ts'
import type { ServerPlace } from './api-error.ts'
import { ApiError } from './api-error.ts'
import type { Connected } from './connect.ts'
import { connectToCluster } from './connect.ts'
import type { LifeOptions } from './speaker-life.ts'

/** What every command takes that a person gives to look at a cluster or to steer it. */
export interface PersonCommand {
  /** A kubeconfig file; undefined: KUBECONFIG, else ~/.kube/config. */
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  /** Where pools, peers and Holdfast's own objects live. */
  readonly namespace: string
  readonly isJson: boolean
}

/** Which objects a command reads. */
export type Wanted = Partial<Readonly<Record<FollowedKind, Selection>>>

/** A cluster at one moment. */
export interface ClusterView {
  readonly api: HttpApi
  readonly snapshot: Snapshot
  readonly source: Pick<KubernetesSource, 'objects'>
}

const patienceMs = 20_000

/**
 * Connects with the person's own credentials and gives that to `use`; returns what that returns, or the exit code of a failure that has
 * been told.
 */
export async function atCluster(command: PersonCommand, use: (at: Connected) => Promise<number>): Promise<number> {
  endWithReader()
  let at: Connected | undefined
  try {
    const { kubeconfig, context } = command
    at = await connectToCluster({ kubeconfig, context, clock: systemClock(), program: 'holdfast' })
    for (const warning of at.warnings) process.stderr.write(`holdfast: ${warning}\n`)
    return await use(at)
  } catch (error) {
    return tellFailure(error, at)
  } finally {
    at?.api.close()
  }
}

/** Tells why a command ends, and what to do; returns the exit code. What is no `StartUpError` is thrown on. */
export function tellFailure(error: unknown, place?: ServerPlace): number {
  if (!(error instanceof StartUpError)) throw error
  const remedy = error instanceof ApiError && place !== undefined ? error.remedyAt(place) : error.remedy
  process.stderr.write(`holdfast: ${error.message}\n  ${remedy}\n`)
  return error instanceof NotThere ? exitCode.usage : exitCode.startUp
}

/**
 * Reads kinds of objects once and gives them to `use`; returns what that returns, or the exit code of a failure that has been told.
 * A kind that the API server does not know counts as one without objects.
 */
export const withCluster = (
  command: PersonCommand,
  wanted: Wanted,
  use: (view: ClusterView) => number | Promise<number>,
): Promise<number> => atCluster(command, async ({ api }) => await use(await read(api, wanted)))

/** As which a person asks speakers whether they are alive. */
export const personAsks = (api: HttpApi, { namespace }: PersonCommand): LifeOptions => ({
  api,
  namespace,
  clock: systemClock(),
  askedBy: userInfo().username,
  now: () => new Date().toISOString(),
  random: Math.random,
})

/**
 * Another namespace than Holdfast's looks like a cluster without it: nothing that is said of that would be true. Whether it is one; it has
 * been told then.
 */
export function warnOfEmptyNamespace({ namespace }: PersonCommand, source: ClusterView['source']): boolean {
  const kinds = ['IPAddressPool', 'BGPPeer', 'ConfigurationState', 'NodeState'] as const
  const isEmpty = kinds.every((kind) => [...source.objects(resourceTypes[kind])].length === 0)
  if (!isEmpty) return false
  process.stderr.write(
    `holdfast: the namespace ${namespace} has no pools, no peers and nothing that Holdfast's programs wrote\n` +
      '  -n (--namespace) is where Holdfast lives: name that one.\n',
  )
  return true
}

async function read(api: HttpApi, wanted: Wanted): Promise<ClusterView> {
  const clock = systemClock()
  const failed = Promise.withResolvers<never>()
  const keeps = createKeeps()
  const followed = Object.entries(wanted).map(([kind, selection]): Followed => {
    const name = kind as FollowedKind
    return { type: resourceTypes[name], selection, keep: keeps[name], isOptional: true }
  })
  const source = createKubernetesSource({
    api: withoutWatches(api),
    clock,
    followed,
    random: Math.random,
    observe: ({ type, fault }) => {
      if (fault !== undefined && fault.code !== 'notFound') failed.reject(cannotRead(type, fault))
    },
  })
  const patience = clock.after(patienceMs, () => failed.reject(noAnswer()))
  let snapshot: Snapshot = { objects: [], faults: [] }
  try {
    await Promise.race([source.start((one) => (snapshot = one)), failed.promise])
  } finally {
    patience.cancel()
    await source.stop()
  }
  return { api, snapshot, source }
}

/** For one look lists do: nobody needs the right to watch for it. */
const withoutWatches = (api: KubeApi): KubeApi => ({
  ...api,
  watch: () => {
    const ended = Promise.withResolvers<{ readonly kind: 'ended' }>()
    return { stop: () => ended.resolve({ kind: 'ended' }), ended: ended.promise }
  },
})

function cannotRead({ group, plural }: ResourceType, fault: ApiFault): ApiError {
  const resource = group === '' ? plural : `${plural}.${group}`
  return new ApiError(`cannot read ${plural}`, fault, `the verb list on ${resource} (ClusterRole holdfast-view has it)`)
}

const noAnswer = (): ApiError =>
  new ApiError('cannot read the cluster', apiFault('timeout', `no answer within ${patienceMs / 1000} s`), '')
