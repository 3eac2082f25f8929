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
import { userInfo } from 'node:os'
import { exitCode } from '../exit-codes.ts'
import { endWithReader } from '../output/reader.ts'
import { StartUpError } from '../start-up-error.ts'
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

/** Connects with the person's own credentials. Throws `StartUpError` where there are none that work. */
export const connect = async (command: PersonCommand): Promise<HttpApi> => (await connectAs(command)).api

async function connectAs({ kubeconfig, context }: PersonCommand): Promise<Connected> {
  endWithReader()
  const connected = await connectToCluster({ kubeconfig, context, clock: systemClock(), program: 'holdfast' })
  for (const warning of connected.warnings) process.stderr.write(`holdfast: ${warning}\n`)
  return connected
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
    const { api, origin } = await connectAs(command)
    try {
      return await use(await read({ api, origin }, wanted))
    } finally {
      api.close()
    }
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
}

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

async function read({ api, origin }: Pick<Connected, 'api' | 'origin'>, wanted: Wanted): Promise<ClusterView> {
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
      if (fault !== undefined && fault.code !== 'notFound') failed.reject(cannotRead(type.plural, fault, origin))
    },
  })
  const patience = clock.after(patienceMs, () =>
    failed.reject(
      new StartUpError(
        `the API server has not answered within ${patienceMs / 1000} s`,
        `${remedyFor({ code: 'timeout' }, '')} ${serverOf(origin)}`,
      ),
    ),
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

function cannotRead(plural: string, fault: ApiFault, origin: string): StartUpError {
  const remedy = remedyFor(fault, `the verbs list and watch on ${plural}`)
  const isWithoutAnswer = fault.code === 'timeout' || fault.code === 'unreachable'
  return new StartUpError(
    `cannot read ${plural}: ${fault.message}`,
    isWithoutAnswer ? `${remedy} ${serverOf(origin)}` : remedy,
  )
}

/** Of several clusters it may be the wrong one. */
const serverOf = (origin: string): string => `It is the one of ${origin}.`

/** What a person can do where the API server refused or did not answer; `rights` are what the request needs. */
export function remedyFor({ code }: Pick<ApiFault, 'code'>, rights: string): string {
  const remedies: Partial<Record<ApiFault['code'], string>> = {
    forbidden: `You need ${rights}: ask whoever gives out roles in this cluster.`,
    unauthorized: 'Log in to the cluster again.',
    timeout: 'Look whether the API server answers anybody: kubectl get --raw /livez.',
    unreachable: 'Check that the server of your kubeconfig is reachable from here.',
  }
  return remedies[code] ?? 'Try again.'
}
