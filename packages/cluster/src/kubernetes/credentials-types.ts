import type { SecretText } from '@holdfast/model'
import type { SecureContext } from 'node:tls'

/** Where an API server listens. */
export interface ServerAddress {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** Before every path of the API, without a slash at its end; mostly empty. */
  readonly basePath: string
}

/** How a connection is secured. The same object as before as long as nothing changed. */
export interface TlsSettings {
  readonly secureContext: SecureContext
  /** The name that the server's certificate must hold; undefined: that of the address. */
  readonly serverName: string | undefined
  /** False only where the user asked for it (insecure-skip-tls-verify). */
  readonly isVerified: boolean
}

/** What a request authenticates with. The same object as before as long as nothing changed. */
export interface Access {
  readonly tls: TlsSettings
  /** undefined: by client certificate, or not at all. */
  readonly token: SecretText | undefined
}

/** Why there are no credentials. No secret in either text. */
export interface CredentialsFault {
  readonly kind: 'fault'
  readonly reason: string
  readonly remedy: string
}

export type CredentialsResult<T> = { readonly kind: 'ok'; readonly value: T } | CredentialsFault

/** How to reach an API server and who we are there. */
export interface Credentials {
  readonly server: ServerAddress
  /** Where they come from, for people: `the service account`, `/home/a/.kube/config, context "lab"`. */
  readonly origin: string
  /** The context of a kubeconfig, where they come from one. */
  readonly context?: string
  /** Of the context or of the pod; undefined: none is named. */
  readonly namespace: string | undefined
  /** What a person should know, such as that the server is not verified. */
  readonly warnings: readonly string[]
  /** What to authenticate with now: files are read again when older than a minute. What was good stays where they cannot be. */
  readonly access: () => Promise<CredentialsResult<Access>>
  /** The server refused `access`, or could not be trusted with it: the next `access()` reads everything again. */
  readonly renew: (access: Access) => void
}

export const refusal = (reason: string, remedy: string): CredentialsFault => ({ kind: 'fault', reason, remedy })
