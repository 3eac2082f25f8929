import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { selfSignedCertificate } from './self-signed.ts'

test('OpenSSL reads the certificate as one that vouches for itself, for the name and the time asked for', () => {
  const made = selfSignedCertificate('holdfast.example', Date.UTC(2026, 10, 21), 365)
  const certificate = new X509Certificate(made.cert)
  assert.equal(certificate.subject, 'CN=holdfast.example')
  assert.equal(certificate.subjectAltName, 'DNS:holdfast.example')
  assert.equal(certificate.checkHost('holdfast.example'), 'holdfast.example')
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(made.key)))
  assert.equal(certificate.validFrom, 'Nov 20 00:00:00 2026 GMT')
  assert.equal(certificate.validTo, 'Nov 21 00:00:00 2027 GMT')
})

test('beyond 2049 the time has four digits of the year (RFC 5280 section 4.1.2.5)', () => {
  const { cert } = selfSignedCertificate('holdfast.example', Date.UTC(2049, 11, 1), 365)
  assert.equal(new X509Certificate(cert).validTo, 'Dec  1 00:00:00 2050 GMT')
})

test('no two have one serial number', () => {
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(selfSignedCertificate('a', 0, 1).cert).serialNumber,
  )
  assert.equal(new Set(serials).size, 50)
})
