import { SecretText } from '@holdfast/model'
import { refusal, type CredentialsResult, type ServerAddress } from './credentials-types.ts'
import { textAt } from './json-fields.ts'
import type { Fields } from './plain-data.ts'
import { pathIn, type Placed } from './kubeconfig.ts'

/** A text of a kubeconfig: in it, or in a file that it names. */
export type Material =
  { readonly kind: 'inline'; readonly text: SecretText } | { readonly kind: 'file'; readonly path: string }

/** `clusters[].cluster`. */
export interface ClusterSettings {
  readonly server: ServerAddress
  readonly authority: Material | undefined
  readonly serverName: string | undefined
  readonly isVerified: boolean
}

/** Reads `clusters[].cluster` of a kubeconfig. */
export function readCluster(cluster: Placed): CredentialsResult<ClusterSettings> {
  const { fields } = cluster
  if (isSet(fields['proxy-url'])) {
    return refusal(
      'the cluster of the kubeconfig asks for a proxy (proxy-url), which Holdfast does not use',
      'Remove proxy-url and give a server that can be reached directly.',
    )
  }
  const server = parseServer(textAt(fields, 'server') ?? '')
  if (server.kind === 'fault') return server
  const authority = materialOf(cluster, 'certificate-authority')
  if (authority.kind === 'fault') return authority
  const isVerified = fields['insecure-skip-tls-verify'] !== true
  if (!isVerified && authority.value !== undefined) {
    return refusal(
      'the cluster of the kubeconfig has a certificate authority and insecure-skip-tls-verify',
      'Remove one of them: insecure-skip-tls-verify, most likely.',
    )
  }
  const serverName = nonEmpty(textAt(fields, 'tls-server-name'))
  return { kind: 'ok', value: { server: server.value, authority: authority.value, serverName, isVerified } }
}

/** The address of a server as a kubeconfig gives it: an https URL, or host and port. */
function parseServer(text: string): CredentialsResult<ServerAddress> {
  const remedy = 'Give an address such as https://192.0.2.1:6443.'
  if (text === '') return refusal('the cluster of the kubeconfig has no server', remedy)
  const url = URL.parse(text.includes('://') ? text : `https://${text}`)
  // What stands before an @ may be a password: the text is not repeated.
  if (url === null || url.hostname === '') return refusal('the server of the kubeconfig is no URL', remedy)
  if (url.protocol !== 'https:') {
    const reason = `the server of the kubeconfig is to be reached by ${url.protocol}//, which shows tokens to everybody on the way`
    return refusal(reason, 'Give an address that begins with https://.')
  }
  if (url.username !== '' || url.password !== '') {
    return refusal('the server of the kubeconfig holds a user or a password', 'Remove it: name a user in the context.')
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? 443 : Number(url.port)
  return { kind: 'ok', value: { host, port, basePath: url.pathname.replace(/\/+$/, '') } }
}

/** The text of `field`, or of its base64 in `field-data`, which counts where both are there. */
export function materialOf(entry: Placed, field: string): CredentialsResult<Material | undefined> {
  const data = nonEmpty(textAt(entry.fields, `${field}-data`))
  if (data !== undefined) {
    const text = Buffer.from(data, 'base64').toString('utf8').trim()
    if (text !== '') return { kind: 'ok', value: { kind: 'inline', text: new SecretText(text) } }
    return refusal(`${field}-data of the kubeconfig is no base64`, 'Copy it again, or name a file instead.')
  }
  const path = nonEmpty(textAt(entry.fields, field))
  return { kind: 'ok', value: path === undefined ? undefined : { kind: 'file', path: pathIn(entry, path) } }
}

export const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

export const isSet = (value: Fields[string]): boolean => value !== undefined && value !== null && value !== ''
