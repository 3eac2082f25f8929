import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Clock } from '@holdfast/runtime'
import { createAccess } from './access.ts'
import { refusal, type Credentials, type CredentialsResult } from './credentials-types.ts'
import { execIdentity } from './exec-credential.ts'
import { identityOf, type IdentitySource } from './identity.ts'
import { readCluster, type ClusterSettings, type Material } from './kubeconfig-cluster.ts'
import { readUser, type UserSettings } from './kubeconfig-user.ts'
import { contextOf, readKubeconfig, type KubeconfigContext } from './kubeconfig.ts'
import { constantSecret, secretFile, type SecretSource } from './secret-file.ts'

export interface CredentialsOptions {
  readonly clock: Clock
  /** Unix time in ms. */
  readonly wallNowMs: () => number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the user: `.kube/config` is in it. */
  readonly homeDirectory: string
  /** The file that the user named; undefined: none. */
  readonly kubeconfig?: string
  /** Of the kubeconfig; undefined: its current one. */
  readonly context?: string
  /** Where kubelet mounts a pod's service account. */
  readonly serviceAccountDirectory?: string
}

const defaultServiceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Finds out how to reach the API server: the kubeconfig that the user named, those of KUBECONFIG, the service account of the pod
 * that we run in, `~/.kube/config`; the first that is there counts, also where it is wrong.
 */
export async function loadCredentials(options: CredentialsOptions): Promise<CredentialsResult<Credentials>> {
  if (options.kubeconfig !== undefined) return await fromKubeconfig([options.kubeconfig], options)
  const named = (options.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  if (named.length > 0) return await fromKubeconfig(named, options)
  if (isInPod(options)) return await fromServiceAccount(options)
  const home = join(options.homeDirectory, '.kube', 'config')
  const config = await readKubeconfig([home])
  if (config.kind === 'ok' && config.value === undefined) {
    return refusal(
      `there is no way to the API server: KUBECONFIG is not set, this is no pod with a service account, and ${home} does not exist`,
      'Set KUBECONFIG to a kubeconfig file.',
    )
  }
  return await fromKubeconfig([home], options)
}

const isInPod = ({ env }: CredentialsOptions): boolean =>
  (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && (env['KUBERNETES_SERVICE_PORT'] ?? '') !== ''

async function fromServiceAccount(options: CredentialsOptions): Promise<CredentialsResult<Credentials>> {
  const { env, clock } = options
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = Number(env['KUBERNETES_SERVICE_PORT'])
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    return refusal('KUBERNETES_SERVICE_PORT is no port', 'Leave that variable as kubelet sets it.')
  }
  const directory = options.serviceAccountDirectory ?? defaultServiceAccountDirectory
  const access = createAccess({
    authority: secretFile(join(directory, 'ca.crt'), 'the certificate authority', clock),
    identity: identityOf({
      token: secretFile(join(directory, 'token'), 'the token', clock),
      certificate: undefined,
      key: undefined,
    }),
    serverName: undefined,
    isVerified: true,
  })
  const first = await access.access()
  if (first.kind === 'fault') {
    const remedy = 'Give the pod a service account whose token is mounted (automountServiceAccountToken).'
    return refusal(first.reason, remedy)
  }
  const namespace = await readNamespace(join(directory, 'namespace'))
  const server = { host: host.replace(/^\[|\]$/g, ''), port, basePath: '' }
  return {
    kind: 'ok',
    value: { server, origin: 'the service account of this pod', namespace, warnings: [], ...access },
  }
}

async function readNamespace(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    return text === '' ? undefined : text
  } catch {
    // Only a default: whoever needs a namespace asks for it by a setting.
    return undefined
  }
}

async function fromKubeconfig(
  paths: readonly string[],
  options: CredentialsOptions,
): Promise<CredentialsResult<Credentials>> {
  const config = await readKubeconfig(paths)
  if (config.kind === 'fault') return config
  if (config.value === undefined) {
    const what =
      paths.length === 1 ? `the kubeconfig ${paths[0]} does not exist` : `no kubeconfig of ${paths.join(', ')} exists`
    return refusal(what, 'Correct the path, or KUBECONFIG.')
  }
  const context = contextOf(config.value, options.context)
  if (context.kind === 'fault') return context
  return await credentialsOf(context.value, paths, options)
}

async function credentialsOf(
  context: KubeconfigContext,
  paths: readonly string[],
  options: CredentialsOptions,
): Promise<CredentialsResult<Credentials>> {
  const cluster = readCluster(context.cluster)
  if (cluster.kind === 'fault') return cluster
  const user = readUser(context.user)
  if (user.kind === 'fault') return user
  const { server, serverName, isVerified } = cluster.value
  const authority = sourceOf(cluster.value.authority, 'the certificate authority', options.clock)
  const identity = await identityFor(user.value, { settings: cluster.value, authority }, options)
  const access = createAccess({ authority, identity, serverName, isVerified })
  const origin = `${paths.join(', ')}, context "${context.name}"`
  const warnings = isVerified
    ? []
    : [
        `The API server's certificate is not verified (insecure-skip-tls-verify in ${paths.join(', ')}): whoever is on the way can read and change everything.`,
      ]
  // What is wrong with files and plugins is told at the start, not at the first request.
  const first = await access.access()
  if (first.kind === 'fault') return first
  return {
    kind: 'ok',
    value: { server, origin, context: context.name, namespace: context.namespace, warnings, ...access },
  }
}

interface PlacedCluster {
  readonly settings: ClusterSettings
  readonly authority: SecretSource | undefined
}

async function identityFor(
  user: UserSettings,
  cluster: PlacedCluster,
  { clock, wallNowMs, env }: CredentialsOptions,
): Promise<IdentitySource> {
  if (user.exec === undefined) {
    return identityOf({
      token: sourceOf(user.token, 'the token', clock),
      certificate: sourceOf(user.certificate, 'the client certificate', clock),
      key: sourceOf(user.key, 'the client key', clock),
    })
  }
  const { wantsCluster, ...exec } = user.exec
  const settings = { ...exec, cluster: wantsCluster ? await clusterInfo(cluster) : undefined }
  return execIdentity({ settings, clock, wallNowMs, env })
}

/** `spec.cluster` of an ExecCredential. */
async function clusterInfo({ settings, authority }: PlacedCluster): Promise<Readonly<Record<string, unknown>>> {
  const { server, serverName, isVerified } = settings
  const reading = await authority?.read()
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  return {
    server: `https://${host}:${server.port}${server.basePath}`,
    ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
    ...(isVerified ? {} : { 'insecure-skip-tls-verify': true }),
    ...(reading?.kind === 'ok'
      ? { 'certificate-authority-data': Buffer.from(reading.value.reveal()).toString('base64') }
      : {}),
  }
}

function sourceOf(material: Material | undefined, what: string, clock: Clock): SecretSource | undefined {
  if (material === undefined) return undefined
  return material.kind === 'inline' ? constantSecret(material.text) : secretFile(material.path, what, clock)
}
