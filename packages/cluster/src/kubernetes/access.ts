import { X509Certificate } from 'node:crypto'
import type { SecretText } from '@holdfast/model'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { refusal, type Access, type CredentialsResult, type TlsSettings } from './credentials-types.ts'
import type { Identity, IdentitySource } from './identity.ts'
import type { SecretSource } from './secret-file.ts'

export interface AccessSources {
  /** The certificates that the server's must be signed by; undefined: those that Node trusts. */
  readonly authority: SecretSource | undefined
  readonly identity: IdentitySource
  readonly serverName: string | undefined
  readonly isVerified: boolean
}

/** What an `Access` was made of. */
interface Parts extends Identity {
  readonly authority: SecretText | undefined
}

/** `access` and `renew` of Credentials: makes a new TLS context only where certificates or the key changed. */
export function createAccess(sources: AccessSources): {
  readonly access: () => Promise<CredentialsResult<Access>>
  readonly renew: (access: Access) => void
} {
  let current: { readonly parts: Parts; readonly access: Access } | undefined

  const access = async (): Promise<CredentialsResult<Access>> => {
    const [authority, identity] = await Promise.all([sources.authority?.read(), sources.identity.read()])
    if (authority?.kind === 'fault') return authority
    if (identity.kind === 'fault') return identity
    return accessWith({ ...identity.value, authority: authority?.value })
  }

  const accessWith = (parts: Parts): CredentialsResult<Access> => {
    const tls = tlsOf(parts)
    // Caught in the middle of being replaced, such as a key whose certificate is still the old one: the last good ones stay.
    if (tls.kind === 'fault') return current === undefined ? tls : { kind: 'ok', value: current.access }
    const token = parts.token
    const isSame = current?.access.tls === tls.value && current.access.token === token
    if (current === undefined || !isSame) current = { parts, access: { tls: tls.value, token } }
    return { kind: 'ok', value: current.access }
  }

  const tlsOf = (parts: Parts): CredentialsResult<TlsSettings> =>
    current !== undefined && haveSameTls(current.parts, parts)
      ? { kind: 'ok', value: current.access.tls }
      : createTls(parts, sources)

  const renew = (refused: Access): void => {
    // Of many requests that were refused together, only the first asks for new credentials.
    if (current?.access !== refused) return
    sources.authority?.expire()
    sources.identity.expire()
  }
  return { access, renew }
}

const haveSameTls = (a: Parts, b: Parts): boolean =>
  a.authority === b.authority && a.certificate === b.certificate && a.key === b.key

function createTls(parts: Parts, { serverName, isVerified }: AccessSources): CredentialsResult<TlsSettings> {
  const options: SecureContextOptions = {
    ...(parts.authority === undefined ? {} : { ca: parts.authority.reveal() }),
    ...(parts.certificate === undefined ? {} : { cert: parts.certificate.reveal() }),
    ...(parts.key === undefined ? {} : { key: parts.key.reveal() }),
  }
  try {
    if (parts.authority !== undefined) assertCertificates(parts.authority.reveal())
    return { kind: 'ok', value: { secureContext: createSecureContext(options), serverName, isVerified } }
  } catch {
    // What OpenSSL says of a PEM text that it cannot read is of no help, and may quote it.
    return refusal(
      'the certificates or the key for the API server are not valid PEM, or the key is not that of the certificate',
      'Check certificate-authority, client-certificate and client-key of the kubeconfig (openssl x509 -in FILE -text).',
    )
  }
}

/** OpenSSL takes an authority that it cannot read for none at all, and trusts nobody. */
function assertCertificates(pem: string): void {
  const blocks = pem.split(/(?<=-----END CERTIFICATE-----)\s*/).filter((block) => block.includes('-----BEGIN'))
  if (blocks.length === 0) throw new Error('no certificate')
  for (const block of blocks) new X509Certificate(block)
}
