import { parseManifest } from '@holdfast/cluster/manifests'
import { formatAddress } from '@holdfast/ip'
import type { ServiceRequest } from '@holdfast/ipam'
import { evaluate } from '@holdfast/model'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequestResult } from './requests.ts'
import { toRequest } from './requests.ts'

function result(spec: string, metadata = ''): RequestResult {
  const text = `apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: default${metadata} }\nspec: { type: LoadBalancer, ports: [{ port: 80 }]${spec} }\n`
  const { objects } = parseManifest('test.yaml', text)
  const { model, faults } = evaluate(objects, undefined)
  assert.deepEqual(faults, [])
  const service = model.services.get('default/web')
  assert.ok(service)
  return toRequest('default/web', service, [], { loadBalancerClass: undefined, source: 'manifests' })
}

function request(spec: string, metadata = ''): ServiceRequest {
  const made = result(spec, metadata)
  assert.equal(made.kind, 'request')
  return made.request
}

test('a Service of another type or class is not ours', () => {
  assert.equal(result(', loadBalancerClass: example.com/other').kind, 'notOurs')
})

const families: readonly (readonly [string, string, ServiceRequest['families']])[] = [
  ['SingleStack has the family of its cluster IP', ', clusterIPs: ["fd00::1"]', { kind: 'single', family: 'ipv6' }],
  ['without cluster IPs ipFamilies say it', ', ipFamilies: [IPv6]', { kind: 'single', family: 'ipv6' }],
  ['with neither it is IPv4', '', { kind: 'single', family: 'ipv4' }],
  [
    'RequireDualStack with two cluster IPs',
    ', ipFamilyPolicy: RequireDualStack, clusterIPs: [10.0.0.1, "fd00::1"]',
    { kind: 'requireDual' },
  ],
  [
    'RequireDualStack with one cluster IP',
    ', ipFamilyPolicy: RequireDualStack, clusterIPs: [10.0.0.1]',
    { kind: 'notEnoughClusterIPs' },
  ],
  ['RequireDualStack without any', ', ipFamilyPolicy: RequireDualStack', { kind: 'requireDual' }],
  [
    'PreferDualStack prefers the first of ipFamilies',
    ', ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4], clusterIPs: ["fd00::1", 10.0.0.1]',
    { kind: 'preferDual', first: 'ipv6', available: ['ipv6', 'ipv4'] },
  ],
]
for (const [name, spec, expected] of families) {
  test(name, () => assert.deepEqual(request(spec).families, expected))
}

test('addresses are requested by annotation or by field, blanks around them trimmed', () => {
  const annotated = request('', ', annotations: { metallb.io/loadBalancerIPs: "192.0.2.1, 2001:db8::1" }')
  assert.deepEqual(annotated.requestedAddresses.map(formatAddress), ['192.0.2.1', '2001:db8::1'])
  assert.deepEqual(request(', loadBalancerIP: 192.0.2.7').requestedAddresses.map(formatAddress), ['192.0.2.7'])
})

const unreadable: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'both',
    ', loadBalancerIP: 192.0.2.1',
    ', annotations: { metallb.io/loadBalancerIPs: 192.0.2.1 }',
    /both spec\.loadBalancerIP .* only one may be/,
  ],
  [
    'no address',
    '',
    ', annotations: { metallb.io/loadBalancerIPs: web.example.com }',
    /"web\.example\.com" is not an IP address/,
  ],
  [
    'what a terminal would obey',
    '',
    String.raw`, annotations: { metallb.io/loadBalancerIPs: "\e[2J\n 12 of 12" }`,
    /"\\x1b\[2J\\x0a 12 of 12" is not/,
  ],
  [
    'a text without end',
    '',
    `, annotations: { metallb.io/loadBalancerIPs: ${'y'.repeat(60_000)} }`,
    /^the requested address "y{80}…" is not/,
  ],
  ['two of one family', '', ', annotations: { metallb.io/loadBalancerIPs: "192.0.2.1,192.0.2.2" }', /of one family/],
  ['three', '', ', annotations: { metallb.io/loadBalancerIPs: "192.0.2.1,192.0.2.2,2001:db8::1" }', /3 addresses/],
]
for (const [name, spec, metadata, message] of unreadable) {
  test(`a request of ${name} is a fault of the request, and the Service stays ours`, () => {
    const made = request(spec, metadata)
    assert.match(made.requestFault ?? '', message)
    assert.deepEqual(made.requestedAddresses, [])
  })
}

test('the old annotation prefix is read where the new one is absent, and noticed', () => {
  const made = result('', ', annotations: { metallb.universe.tf/address-pool: gold }')
  assert.equal(made.kind, 'request')
  assert.equal(made.request.requestedPool, 'gold')
  assert.equal(made.usesOldPrefix, true)
})

test('the backend of sharing is empty for policy Cluster and the selector for Local', () => {
  const share = ', annotations: { metallb.io/allow-shared-ip: key }'
  assert.deepEqual(request(', selector: { b: "2", a: "1" }', share).sharing, { key: 'key', backend: '' })
  assert.deepEqual(request(', selector: { b: "2", a: "1" }, externalTrafficPolicy: Local', share).sharing, {
    key: 'key',
    backend: 'a=1,b=2',
  })
  assert.equal(request('', ', annotations: { metallb.io/allow-shared-ip: "" }').sharing, undefined)
})
