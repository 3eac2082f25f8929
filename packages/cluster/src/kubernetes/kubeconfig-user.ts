import { SecretText } from '@holdfast/model'
import { refusal, type CredentialsFault, type CredentialsResult } from './credentials-types.ts'
import { execApiVersions, type ExecSettings } from './exec-credential.ts'
import { textAt } from './json-fields.ts'
import { isFields, type Fields } from './plain-data.ts'
import { isSet, materialOf, nonEmpty, type Material } from './kubeconfig-cluster.ts'
import { pathIn, type Placed } from './kubeconfig.ts'

/** `users[].user`. */
export interface UserSettings {
  readonly token: Material | undefined
  readonly certificate: Material | undefined
  readonly key: Material | undefined
  readonly exec: (Omit<ExecSettings, 'cluster'> & { readonly wantsCluster: boolean }) | undefined
}

/** Reads `users[].user` of a kubeconfig. */
export function readUser(user: Placed): CredentialsResult<UserSettings> {
  const refused = whatIsRefused(user.fields)
  if (refused !== undefined) return refused
  const certificate = materialOf(user, 'client-certificate')
  if (certificate.kind === 'fault') return certificate
  const key = materialOf(user, 'client-key')
  if (key.kind === 'fault') return key
  if ((certificate.value === undefined) !== (key.value === undefined)) {
    const missing = key.value === undefined ? 'client-key' : 'client-certificate'
    return refusal(`the user of the kubeconfig has no ${missing}`, 'A certificate and its key go together: give both.')
  }
  const exec = execOf(user)
  if (exec.kind === 'fault') return exec
  const materials = { token: tokenOf(user), certificate: certificate.value, key: key.value }
  // As kubectl: what is written down counts before what a plugin would issue.
  const isWritten = materials.token !== undefined || materials.certificate !== undefined
  return { kind: 'ok', value: { ...materials, exec: isWritten ? undefined : exec.value } }
}

function whatIsRefused(fields: Fields): CredentialsFault | undefined {
  if (isSet(fields['auth-provider'])) {
    return refusal(
      'the user of the kubeconfig has an auth-provider, which Kubernetes itself no longer knows (since 1.26)',
      "Use your provider's credential plugin instead (users[].user.exec).",
    )
  }
  if (isSet(fields['username']) || isSet(fields['password'])) {
    return refusal(
      'the user of the kubeconfig has a username and password, which no API server takes since Kubernetes 1.19',
      'Use a token or a client certificate.',
    )
  }
  if (isSet(fields['as']) || isSet(fields['as-uid']) || isSet(fields['as-groups'])) {
    const reason = 'the user of the kubeconfig acts as somebody else (as, as-groups), which Holdfast does not do'
    return refusal(reason, 'Use credentials of the account itself.')
  }
  return undefined
}

/** A file counts before a text, as in client-go: it is the one that is renewed. */
function tokenOf(user: Placed): Material | undefined {
  const path = nonEmpty(textAt(user.fields, 'tokenFile'))
  if (path !== undefined) return { kind: 'file', path: pathIn(user, path) }
  const text = nonEmpty(textAt(user.fields, 'token'))
  return text === undefined ? undefined : { kind: 'inline', text: new SecretText(text) }
}

function execOf(user: Placed): CredentialsResult<UserSettings['exec']> {
  const exec = user.fields['exec']
  if (!isFields(exec)) return { kind: 'ok', value: undefined }
  const command = textAt(exec, 'command') ?? ''
  if (command === '') return refusal('users[].user.exec of the kubeconfig has no command', 'Give the plugin to run.')
  const apiVersion = textAt(exec, 'apiVersion') ?? ''
  if (!execApiVersions.includes(apiVersion)) {
    const reason = `the credential plugin "${command}" is to speak "${apiVersion}", which Holdfast does not`
    return refusal(reason, `Set users[].user.exec.apiVersion to one of ${execApiVersions.join(', ')}.`)
  }
  if (exec['interactiveMode'] === 'Always') {
    const reason = `the credential plugin "${command}" wants to talk to a person (interactiveMode: Always)`
    return refusal(reason, 'Use credentials that need nobody: a token of a service account, or a client certificate.')
  }
  const value = {
    command: commandOf(user, command),
    args: textsOf(exec['args']),
    env: environmentOf(exec['env']),
    apiVersion,
    installHint: nonEmpty(textAt(exec, 'installHint')?.trim()),
    wantsCluster: exec['provideClusterInfo'] === true,
  }
  return { kind: 'ok', value }
}

/** A mere name is looked up in PATH; a path starts from the folder of the file. */
const commandOf = (user: Placed, command: string): string => (command.includes('/') ? pathIn(user, command) : command)

const textsOf = (list: unknown): readonly string[] =>
  Array.isArray(list) ? (list as readonly unknown[]).filter((one): one is string => typeof one === 'string') : []

function environmentOf(list: unknown): Readonly<Record<string, string>> {
  if (!Array.isArray(list)) return {}
  const entries = (list as readonly unknown[]).filter(isFields)
  return Object.fromEntries(entries.map((one) => [textAt(one, 'name') ?? '', textAt(one, 'value') ?? '']))
}
