import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, formatPrefix, parseAddress, parsePrefix, prefixContains } from '@holdfast/ip'
import fc from 'fast-check'
import { anonymized } from './anonymize.ts'
import { createAddressNames } from './anonymize-addresses.ts'

const key = Buffer.from('0123456789abcdef')
const other = Buffer.from('fedcba9876543210')

const bundle = {
  objects: {
    Service: [
      {
        kind: 'Service',
        metadata: {
          name: 'payroll',
          namespace: 'hr',
          labels: { team: 'finance', 'app.kubernetes.io/name': 'payroll' },
          annotations: { 'metallb.io/address-pool': 'gold', 'metallb.io/allow-shared-ip': 'berlin' },
        },
        spec: { ports: [{ name: 'http', port: 80 }], selector: { team: 'finance' } },
        status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] }, conditions: [{ reason: 'NoEndpoints' }] },
      },
    ],
    IPAddressPool: [
      {
        kind: 'IPAddressPool',
        metadata: { name: 'gold', namespace: 'metallb-system' },
        spec: { addresses: ['203.0.113.0/24'] },
      },
    ],
    BGPAdvertisement: [
      {
        metadata: { name: 'ad-17' },
        spec: {
          ipAddressPools: ['gold'],
          nodeSelectors: [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['finance'] }] }],
        },
      },
    ],
    NodeState: [
      {
        metadata: { name: 'rack7.corp.example' },
        spec: {
          drain: { requestedBy: 'jane@corp.example', reason: 'disk of jane', requestedAt: '2026-01-01T00:00:00Z' },
        },
        status: { sessions: [{ peer: 'tor-7', address: '10.77.0.1', lastError: '10.77.0.1:179 refused' }] },
      },
    ],
  },
  explanations: [
    { service: 'hr/payroll', summary: 'hr/payroll is announced by rack7.corp.example to tor-7 (2001:db8:77::1)' },
  ],
  logs: [
    {
      pod: 'holdfast-speaker-x1',
      node: 'rack7.corp.example',
      lines: ['{"service":"hr/payroll","addresses":["203.0.113.7"]}'],
    },
  ],
}

test('no name and no address of the user is left, in fields, keys, messages or logs', () => {
  const text = JSON.stringify(anonymized(bundle, key))
  for (const secret of [
    'payroll',
    'hr/',
    '"hr"',
    'gold',
    'berlin',
    'finance',
    'team',
    'rack7',
    'corp',
    'jane',
    'tor-7',
    'ad-17',
  ]) {
    assert.ok(!text.includes(secret), `${secret} in ${text}`)
  }
  for (const address of ['203.0.113.', '10.77.', '2001:db8:77']) assert.ok(!text.includes(address), address)
})

test('what is not the user’s stays: ports, reasons, the keys that everybody has', () => {
  const text = JSON.stringify(anonymized(bundle, key))
  for (const word of [
    '"http"',
    'NoEndpoints',
    'metallb.io/address-pool',
    'app.kubernetes.io/name',
    'metallb-system',
    '2026-01-01T00:00:00Z',
    ':179 refused',
  ]) {
    assert.ok(text.includes(word), `${word} in ${text}`)
  }
})

test('one name has one replacement everywhere, so that what belongs together is still seen', () => {
  const text = JSON.stringify(anonymized(bundle, key))
  const [, pool = ''] = /"kind":"IPAddressPool","metadata":\{"name":"([^"]+)"/.exec(text) ?? []
  assert.equal(pool, 'ipaddresspool-1')
  assert.ok(text.includes(`"metallb.io/address-pool":"${pool}"`), text)
  assert.ok(text.includes(`"ipAddressPools":["${pool}"]`), text)
  const [, service = '', namespace = ''] =
    /"metadata":\{"name":"(service-1)","namespace":"(namespace-1)"/.exec(text) ?? []
  assert.ok(
    text.includes(`{"service":"${namespace}/${service}","summary":"${namespace}/${service} is announced by`),
    text,
  )
  assert.ok(text.includes(`\\"service\\":\\"${namespace}/${service}\\"`), text)
  const [, label = '', value = ''] = /"selector":\{"(label-1)":"(value-\d+)"\}/.exec(text) ?? []
  assert.ok(text.includes(`{"key":"${label}","operator":"In","values":["${value}"]}`), text)
})

test('ten thousand names and as many lines of logs take seconds, not minutes', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `service-of-team-${index}`)
  const lines = names.map((name) => `{"event":"serviceStatus","service":"shop/${name}","addresses":["203.0.113.9"]}`)
  const large = {
    objects: { Service: names.map((name) => ({ kind: 'Service', metadata: { name } })) },
    logs: [{ lines }],
  }
  const start = performance.now()
  anonymized(large, key)
  assert.ok(performance.now() - start < 20_000)
})

test('an address stays in its prefix, whatever the key', () => {
  // Not where one half of a prefix is of another kind, as loopback is.
  const value = fc.integer({ min: 2 ** 31, max: 2 ** 31 + 2 ** 29 - 1 })
  const length = fc.integer({ min: 3, max: 32 })
  fc.assert(
    fc.property(value, length, fc.uint8Array({ minLength: 1 }), (one, bits, secret) => {
      const rename = createAddressNames(secret)
      const size = 2 ** (32 - bits)
      const prefix = rename(`${formatAddress({ family: 'ipv4', value: one - (one % size) })}/${bits}`)
      const parsed = parsePrefix(prefix)
      assert.ok(parsed.ok, prefix)
      assert.equal(formatPrefix(parsed.value), prefix)
      const address = parseAddress(rename(formatAddress({ family: 'ipv4', value: one })))
      assert.ok(address.ok && prefixContains(parsed.value, address.value), prefix)
    }),
  )
})

test('another key gives other addresses; special ones stay what they are', () => {
  const [one, two] = [createAddressNames(key), createAddressNames(other)]
  assert.notEqual(one('198.51.100.7'), two('198.51.100.7'))
  assert.equal(one('198.51.100.7').split('.')[3], '7')
  for (const text of ['0.0.0.0', '127.0.0.1', '::', '::1']) assert.equal(one(text), text)
  assert.match(one('fe80::1'), /^fe[89ab]/)
  assert.match(one('169.254.1.2'), /^169\.254\./)
  assert.match(one('224.0.0.5'), /^2[23]\d\./)
  assert.equal(one('no address'), 'no address')
  assert.match(one('2001:db8::/32'), /\/32$/)
})
