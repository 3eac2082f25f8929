import type {
  ApiFault,
  Followed,
  FollowedKind,
  HttpApi,
  KubernetesSource,
  Selection,
  Snapshot,
} from '@holdfast/cluster'
import { createKeeps, createKubernetesSource, resourceTypes } from '@holdfast/cluster'
import { systemClock } from '@holdfast/runtime'
import { exitCode } from '../exit-codes.ts'
import { StartUpError } from '../start-up-error.ts'
import { connectToCluster } from './connect.ts'

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

/** Connects with the person's own credentials. Throws `StartUpError` where there are none that work. */
export async function connect({ kubeconfig, context }: PersonCommand): Promise<HttpApi> {
  const connected = await connectToCluster({ kubeconfig, context, clock: systemClock(), program: 'holdfast' })
  for (const warning of connected.warnings) process.stderr.write(`holdfast: ${warning}\n`)
  return connected.api
}

/**
 * Reads kinds of objects once and gives them to `use`; returns what that returns, or the exit code of a failure that has been told.
 * A kind that the API server does not know counts as one without objects.
 */
export async function withCluster(
  command: PersonCommand,
  wanted: Wanted,
  use: (view: ClusterView) => number | Promise<number>,
): Promise<number> {
  try {
    const api = await connect(command)
    try {
      return await use(await read(api, wanted))
    } finally {
      api.close()
    }
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
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
    api,
    clock,
    followed,
    random: Math.random,
    observe: ({ type, fault }) => {
      if (fault !== undefined && fault.code !== 'notFound') failed.reject(cannotRead(type.plural, fault))
    },
  })
  const patience = clock.after(patienceMs, () =>
    failed.reject(new StartUpError(`the API server has not answered within ${patienceMs / 1000} s`, 'Try again.')),
  )
  let snapshot: Snapshot = { objects: [], faults: [] }
  try {
    await Promise.race([source.start((one) => (snapshot = one)), failed.promise])
  } finally {
    patience.cancel()
    await source.stop()
  }
  return { api, snapshot, source }
}

function cannotRead(plural: string, { code, message }: ApiFault): StartUpError {
  const remedies: Partial<Record<ApiFault['code'], string>> = {
    forbidden: `You need the verbs list and watch on ${plural}: ask whoever gives out roles in this cluster.`,
    unauthorized: 'Log in to the cluster again.',
    unreachable: 'Check that the server of your kubeconfig is reachable from here.',
  }
  return new StartUpError(`cannot read ${plural}: ${message}`, remedies[code] ?? 'Try again.')
}
