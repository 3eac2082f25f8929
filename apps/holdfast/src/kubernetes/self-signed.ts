import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A private key and its certificate, both PEM, for a TLS server. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
}

/**
 * A certificate that vouches for itself (X.509 version 3, RFC 5280; ECDSA P-256 with SHA-256), valid from a day ago for `days`.
 * Who scrapes metrics by it cannot verify the server, as with MetalLB's; for that there is `--metrics-cert-dir`.
 */
export function selfSignedCertificate(commonName: string, nowMs: number, days: number): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const subject = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))))
  const dayMs = 86_400_000
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(positive(randomBytes(16))),
    ecdsaWithSha256,
    subject,
    sequence(time(nowMs - dayMs), time(nowMs + days * dayMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(subjectAltName(commonName), keyIdentifier(publicKey.export({ type: 'spki', format: 'der' })))),
  )
  const signature = sign('sha256', body, privateKey)
  const certificate = sequence(body, ecdsaWithSha256, bitString(signature))
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem(certificate),
  }
}

/** One element of DER (X.690): its tag, the length of its content, the content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content])
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts)
const integer = (bytes: Uint8Array): Buffer => der(0x02, bytes)
const bitString = (bytes: Uint8Array): Buffer => der(0x03, Buffer.from([0]), bytes)
const octetString = (bytes: Uint8Array): Buffer => der(0x04, bytes)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))

/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))

/** A first byte without its high bit, and not 0: a positive integer in its shortest form. */
const positive = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([((bytes[0] ?? 0) & 0x3f) | 0x40]), bytes.subarray(1)])

/** GeneralizedTime, which RFC 5280 wants from 2050 on, and UTCTime before. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '')
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}

/** 2.5.29.17 with one dNSName. */
const subjectAltName = (name: string): Buffer =>
  sequence(oid('551d11'), octetString(sequence(der(0x82, Buffer.from(name)))))

/** 2.5.29.14 */
const keyIdentifier = (publicKey: Uint8Array): Buffer =>
  sequence(oid('551d0e'), octetString(octetString(createHash('sha256').update(publicKey).digest().subarray(0, 20))))

const pem = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(bytes.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
