import type { SecretText } from '@holdfast/model'
import type { CredentialsResult } from './credentials-types.ts'
import type { SecretSource } from './secret-file.ts'

/** Who we are to the API server. */
export interface Identity {
  readonly token: SecretText | undefined
  /** A client certificate and its key, PEM. */
  readonly certificate: SecretText | undefined
  readonly key: SecretText | undefined
}

export interface IdentitySource {
  readonly read: () => Promise<CredentialsResult<Identity>>
  readonly expire: () => void
}

export interface IdentityParts {
  readonly token: SecretSource | undefined
  readonly certificate: SecretSource | undefined
  readonly key: SecretSource | undefined
}

/** An identity of texts and files; without any, nobody (`system:anonymous`). */
export function identityOf(parts: IdentityParts): IdentitySource {
  const read = async (): Promise<CredentialsResult<Identity>> => {
    const [token, certificate, key] = await Promise.all([
      parts.token?.read(),
      parts.certificate?.read(),
      parts.key?.read(),
    ])
    for (const one of [token, certificate, key]) if (one?.kind === 'fault') return one
    return { kind: 'ok', value: { token: valueOf(token), certificate: valueOf(certificate), key: valueOf(key) } }
  }
  const expire = (): void => {
    for (const one of [parts.token, parts.certificate, parts.key]) one?.expire()
  }
  return { read, expire }
}

const valueOf = (result: CredentialsResult<SecretText> | undefined): SecretText | undefined =>
  result?.kind === 'ok' ? result.value : undefined
