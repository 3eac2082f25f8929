import type { Credentials, HttpApi } from '@holdfast/cluster'
import { createHttpApi, loadCredentials } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { homedir } from 'node:os'
import { StartUpError } from '../start-up-error.ts'
import { version } from '../version.ts'
import type { ServerPlace } from './api-error.ts'
import type { ClusterCommand } from './command.ts'

/** A way to the API server. */
export interface Connected extends ServerPlace {
  readonly api: HttpApi
  /** What a person should know, such as that the server is not verified. */
  readonly warnings: readonly string[]
}

export interface ConnectOptions extends Pick<ClusterCommand, 'kubeconfig' | 'context'> {
  readonly clock: Clock
  /** Who asks, in the server's audit log: `holdfast-speaker`. */
  readonly program: string
  /** Told each warning of the server's. */
  readonly onWarning?: (text: string) => void
}

/** Finds the credentials and makes a client with them; nothing is asked yet. Throws `StartUpError` where there are none. */
export async function connectToCluster(options: ConnectOptions): Promise<Connected> {
  const { clock, kubeconfig, context, program, onWarning } = options
  const credentials = await loadCredentials({
    clock,
    wallNowMs: Date.now,
    env: process.env,
    homeDirectory: homeDirectory(),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  })
  if (credentials.kind === 'fault') throw new StartUpError(credentials.reason, credentials.remedy)
  const api = createHttpApi({
    credentials: credentials.value,
    clock,
    wallNowMs: Date.now,
    userAgent: `${program}/${version}`,
    ...(onWarning === undefined ? {} : { onWarning }),
  })
  return { api, ...placeOf(credentials.value, kubeconfig), warnings: credentials.value.warnings }
}

/** kubectl obeys KUBECONFIG as we do; what an option named, it has to be told. */
function placeOf({ server, origin, context }: Credentials, kubeconfig: string | undefined): ServerPlace {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  const words = [
    'kubectl',
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ]
  return {
    url: `https://${host}:${server.port}${server.basePath}`,
    origin,
    kubectl: words.map(shellWord).join(' '),
  }
}

/** Contexts are named as `ada@lab` and worse. */
const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`

/** In a container, a user may have no entry in passwd and no HOME: then there is no kubeconfig to be found there. */
function homeDirectory(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}
