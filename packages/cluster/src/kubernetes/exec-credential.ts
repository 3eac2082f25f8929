import { execFile } from 'node:child_process'
import { SecretText } from '@holdfast/model'
import type { Clock } from '@holdfast/runtime'
import { errorCode } from '../io-error.ts'
import { textAt } from './json-fields.ts'
import { isFields } from './plain-data.ts'
import { refusal, type CredentialsFault, type CredentialsResult } from './credentials-types.ts'
import type { Identity, IdentitySource } from './identity.ts'

/** How a plugin is run: `users[].user.exec` of a kubeconfig. */
export interface ExecSettings {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly apiVersion: string
  readonly installHint: string | undefined
  /** `spec.cluster` of what the plugin is told (provideClusterInfo). */
  readonly cluster: Readonly<Record<string, unknown>> | undefined
}

export interface ExecOptions {
  readonly settings: ExecSettings
  readonly clock: Clock
  /** Unix time in ms: plugins tell the time of day at which their credentials expire. */
  readonly wallNowMs: () => number
  readonly env: Readonly<Record<string, string | undefined>>
}

export const execApiVersions: readonly string[] = [
  'client.authentication.k8s.io/v1',
  'client.authentication.k8s.io/v1beta1',
]

const runTimeoutMs = 60_000
const maxOutputBytes = 1024 * 1024
/** New credentials are asked for so long before the old ones expire. */
const marginMs = 10_000

interface Issued {
  readonly identity: Identity
  /** By the clock. */
  readonly expiresAtMs: number
}

/** The identity that a plugin issues (client.authentication.k8s.io), kept until it expires. One run at a time. */
export function execIdentity(options: ExecOptions): IdentitySource {
  const { clock } = options
  let issued: Issued | undefined
  let isExpired = false
  let running: Promise<CredentialsResult<Identity>> | undefined

  const run = async (): Promise<CredentialsResult<Identity>> => {
    const startMs = clock.now()
    const result = await runPlugin(options)
    running = undefined
    if (result.kind === 'ok') {
      issued = { ...result.value, identity: kept(issued?.identity, result.value.identity) }
      isExpired = false
      return { kind: 'ok', value: issued.identity }
    }
    const isGood = issued !== undefined && !isExpired && startMs < issued.expiresAtMs
    return isGood && issued !== undefined ? { kind: 'ok', value: issued.identity } : result
  }
  const read = async (): Promise<CredentialsResult<Identity>> => {
    const isFresh = issued !== undefined && !isExpired && clock.now() < issued.expiresAtMs - marginMs
    if (isFresh && issued !== undefined) return { kind: 'ok', value: issued.identity }
    running ??= run()
    return await running
  }
  return { read, expire: () => void (isExpired = true) }
}

/** Equal texts keep their identity, by which a change is seen. */
function kept(before: Identity | undefined, now: Identity): Identity {
  const same = (a: SecretText | undefined, b: SecretText | undefined) => (b?.equals(a) === true ? a : b)
  return {
    token: same(before?.token, now.token),
    certificate: same(before?.certificate, now.certificate),
    key: same(before?.key, now.key),
  }
}

async function runPlugin(options: ExecOptions): Promise<CredentialsResult<Issued>> {
  const { settings } = options
  const spec = { interactive: false, ...(settings.cluster === undefined ? {} : { cluster: settings.cluster }) }
  const info = JSON.stringify({ apiVersion: settings.apiVersion, kind: 'ExecCredential', spec })
  const env = { ...options.env, ...settings.env, KUBERNETES_EXEC_INFO: info }
  const output = await new Promise<string | CredentialsFault>((resolve) => {
    const limits = { timeout: runTimeoutMs, maxBuffer: maxOutputBytes, killSignal: 'SIGKILL' } as const
    const child = execFile(settings.command, settings.args, { env, encoding: 'utf8', ...limits }, (error, stdout) =>
      resolve(error === null ? stdout : runFault(error, settings)),
    )
    child.stdin?.end()
    child.stdin?.on('error', () => undefined)
  })
  return typeof output === 'string' ? issuedBy(output, options) : output
}

/** The error's own message holds the arguments and what the plugin printed, either of which may be secret. */
function runFault(error: Error & { readonly killed?: boolean }, settings: ExecSettings): CredentialsFault {
  const { command, installHint } = settings
  if (errorCode(error) === 'ENOENT') {
    return refusal(
      `the credential plugin "${command}" is not installed`,
      installHint ?? 'Install it, or correct users[].user.exec.command of the kubeconfig.',
    )
  }
  const exit =
    'code' in error && typeof error.code === 'number' ? `ended with status ${error.code}` : 'could not be run'
  const how = error.killed === true ? `did not end within ${runTimeoutMs / 1000} s` : exit
  return refusal(`the credential plugin "${command}" ${how}`, 'Run it by hand to see why; it may want you to log in.')
}

function issuedBy(output: string, options: ExecOptions): CredentialsResult<Issued> {
  const { command, apiVersion } = options.settings
  const remedy = 'Update the plugin, or run it by hand and look at what it prints.'
  const credential = parsed(output)
  if (!isFields(credential) || credential['kind'] !== 'ExecCredential' || !isFields(credential['status'])) {
    return refusal(`the credential plugin "${command}" printed no ExecCredential with a status`, remedy)
  }
  if (credential['apiVersion'] !== apiVersion) {
    const wanted = `the kubeconfig asks for ${apiVersion}`
    return refusal(`the credential plugin "${command}" answered in another version, and ${wanted}`, remedy)
  }
  const { status } = credential
  const identity = identityIn(status)
  if (identity === undefined) {
    return refusal(`the credential plugin "${command}" printed neither a token nor a certificate with its key`, remedy)
  }
  return { kind: 'ok', value: { identity, expiresAtMs: expiryOf(textAt(status, 'expirationTimestamp'), options) } }
}

function identityIn(status: Readonly<Record<string, unknown>>): Identity | undefined {
  const secretAt = (field: string): SecretText | undefined => {
    const text = textAt(status, field)
    return text === undefined || text === '' ? undefined : new SecretText(text)
  }
  const [token, certificate, key] = [secretAt('token'), secretAt('clientCertificateData'), secretAt('clientKeyData')]
  const isPaired = (certificate === undefined) === (key === undefined)
  return isPaired && (token !== undefined || certificate !== undefined) ? { token, certificate, key } : undefined
}

/** Without a time the credentials hold until the server refuses them. */
function expiryOf(timestamp: string | undefined, { clock, wallNowMs }: ExecOptions): number {
  const expiresMs = timestamp === undefined ? NaN : Date.parse(timestamp)
  return Number.isNaN(expiresMs) ? Infinity : clock.now() + expiresMs - wallNowMs()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
