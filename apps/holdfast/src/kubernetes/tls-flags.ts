import { InvalidArgumentError } from 'commander'

/** Go's names of TLS versions (crypto/tls), which MetalLB's options take. */
export function tlsVersionArgument(text: string): 'TLSv1.2' | 'TLSv1.3' {
  if (text === '' || text === 'VersionTLS13') return 'TLSv1.3'
  if (text === 'VersionTLS12') return 'TLSv1.2'
  throw new InvalidArgumentError(`"${text}" is no TLS version that is served: write VersionTLS12 or VersionTLS13.`)
}

/** The cipher suites of TLS 1.2 that Go and OpenSSL both have: IANA's name, OpenSSL's name. */
const cipherSuites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
}

/** Go's names of curves, and the numbers that IANA gave them (TLS Supported Groups). */
const curves: Readonly<Record<string, string>> = {
  X25519: 'X25519',
  CurveP256: 'prime256v1',
  CurveP384: 'secp384r1',
  CurveP521: 'secp521r1',
  X25519MLKEM768: 'X25519MLKEM768',
  '23': 'prime256v1',
  '24': 'secp384r1',
  '25': 'secp521r1',
  '29': 'X25519',
  '4588': 'X25519MLKEM768',
}

export const cipherSuitesArgument = (text: string): string | undefined => translated(text, cipherSuites, 'cipher suite')
export const curvesArgument = (text: string): string | undefined => translated(text, curves, 'curve')

function translated(text: string, names: Readonly<Record<string, string>>, what: string): string | undefined {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  const known = parts.map((part) => {
    const name = Object.hasOwn(names, part.trim()) ? names[part.trim()] : undefined
    if (name !== undefined) return name
    throw new InvalidArgumentError(
      `"${part}" is no ${what} that is served: choose of ${Object.keys(names).join(', ')}.`,
    )
  })
  return known.length === 0 ? undefined : known.join(':')
}
