import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '@holdfast/ip'
import { annotationOf } from './annotations.ts'
import { evaluate } from './evaluate.ts'
import { toPoolsMatching } from './pools.ts'
import { SecretText } from './secret-text.ts'
import { object } from './testing/manifests.ts'
import { namespace, pool, service } from './testing/objects.ts'
import type { RawObject, Service } from './types.ts'

function serviceOf(raw: RawObject): Service {
  const { model, faults } = evaluate([raw], undefined)
  assert.deepEqual(faults, [])
  return [...model.services.values()][0]!
}

test('a Service without spec is a ClusterIP Service of one family, in namespace default', () => {
  const found = serviceOf(object({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'bare' } }))
  assert.deepEqual(found, {
    kind: 'Service',
    meta: {
      ref: { kind: 'Service', namespace: 'default', name: 'bare' },
      labels: {},
      annotations: {},
      uid: '',
      isStale: false,
    },
    type: 'ClusterIP',
    loadBalancerClass: undefined,
    loadBalancerIP: undefined,
    externalTrafficPolicy: 'Cluster',
    clusterIPs: [],
    ipFamilies: [],
    ipFamilyPolicy: 'SingleStack',
    ports: [],
    selector: '',
    ingress: [],
    isHeldOver: false,
  })
})

test('a Service as an API server writes it is read, unknown fields and nulls included', () => {
  const found = serviceOf(
    service(
      'web',
      {
        type: 'LoadBalancer',
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1', '2001:db8::1'],
        ipFamilies: ['IPv4', 'IPv6'],
        ipFamilyPolicy: 'PreferDualStack',
        externalTrafficPolicy: 'Local',
        internalTrafficPolicy: 'Cluster',
        sessionAffinity: 'None',
        selector: { tier: 'front', app: 'web' },
        loadBalancerSourceRanges: null,
        ports: [
          { name: 'https', port: 443, protocol: 'TCP', targetPort: 'tls', nodePort: 30443 },
          { port: 53, protocol: 'UDP' },
        ],
      },
      { uid: 'u-1', managedFields: [{}] },
    ),
  )
  assert.deepEqual(found.clusterIPs.map(formatAddress), ['10.0.0.1', '2001:db8::1'])
  assert.deepEqual(found.ipFamilies, ['ipv4', 'ipv6'])
  assert.deepEqual([found.ipFamilyPolicy, found.externalTrafficPolicy], ['PreferDualStack', 'Local'])
  assert.equal(found.selector, 'app=web,tier=front')
  assert.deepEqual(found.ports, [
    { name: 'https', protocol: 'TCP', port: 443 },
    { name: '', protocol: 'UDP', port: 53 },
  ])
  assert.equal(found.meta.uid, 'u-1')
})

test('clusterIP alone counts, "None" and the empty text are no addresses', () => {
  const clusterIPs = (spec: Readonly<Record<string, unknown>>) =>
    serviceOf(service('web', spec)).clusterIPs.map(formatAddress)
  assert.deepEqual(clusterIPs({ clusterIP: '10.0.0.1' }), ['10.0.0.1'])
  assert.deepEqual(clusterIPs({ clusterIP: 'None', clusterIPs: ['None'] }), [])
  assert.deepEqual(clusterIPs({ clusterIP: '' }), [])
})

test('ingress keeps the addresses of the status and leaves out host names', () => {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { hostname: 'x' }] } }
  const raw = { ...(service('web').value as object), status }
  assert.deepEqual(serviceOf(object(raw)).ingress.map(formatAddress), ['192.0.2.1'])
})

test('an endpoint is healthy when it has an address and is ready, not known to be unready, or serving', () => {
  const endpoint = (conditions: unknown, addresses = ['10.1.0.1']) => ({ addresses, nodeName: 'a', conditions })
  const slice = object({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [
      endpoint(undefined),
      endpoint({ ready: null }),
      endpoint({ ready: true }),
      endpoint({ ready: false }),
      endpoint({ ready: false, serving: true, terminating: true }),
      endpoint({ ready: true }, []),
    ],
  })
  const found = evaluate([slice], undefined).model.endpointSlices.get('shop/web-1')!
  assert.equal(found.serviceName, 'web')
  assert.deepEqual(
    found.endpoints.map(({ isHealthy }) => isHealthy),
    [true, true, true, false, true, false],
  )
})

test('an EndpointSlice without endpoints is read', () => {
  const metadata = { name: 'x' }
  const slice = object({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, endpoints: null })
  assert.deepEqual(evaluate([slice], undefined).model.endpointSlices.get('default/x')?.endpoints, [])
})

test('a Node tells whether its network is unavailable, and its internal addresses', () => {
  const raw = object({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a' },
    status: {
      conditions: [{ type: 'NetworkUnavailable', status: 'True' }],
      addresses: [
        { type: 'Hostname', address: 'a' },
        { type: 'InternalIP', address: '10.0.0.1' },
      ],
    },
  })
  const found = evaluate([raw], undefined).model.nodes.get('a')!
  assert.equal(found.isNetworkUnavailable, true)
  assert.deepEqual(found.internalIPs.map(formatAddress), ['10.0.0.1'])
})

test('a Secret has a password, or a reason why it has none that can be used', () => {
  const basic = 'kubernetes.io/basic-auth'
  const passwordOf = (fields: object) => {
    const raw = object({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, type: basic, ...fields })
    const { password } = evaluate([raw], undefined).model.secrets.get('default/s')!
    return password instanceof SecretText ? password.reveal() : password
  }
  const inBase64 = (octets: readonly number[]) => ({ data: { password: Buffer.from(octets).toString('base64') } })
  assert.equal(passwordOf({ data: { password: 'aMO8bnRlcjI=' } }), 'hünter2')
  assert.equal(passwordOf({ stringData: { password: 'x' }, data: { password: 'eQ==' } }), 'x')
  assert.equal(passwordOf({ data: { password: 'eAo=' } }), 'x')
  assert.equal(passwordOf({ stringData: { password: 'é'.repeat(40) } }), 'é'.repeat(40))
  assert.deepEqual(passwordOf({ stringData: { password: `${'é'.repeat(40)}x` } }), {
    obstacle: 'its password has 81 octets, and 80 are allowed',
  })
  assert.deepEqual(passwordOf({ data: { passwort: 'eA==' } }), { obstacle: 'it has no value under the key password' })
  assert.deepEqual(passwordOf({ data: { password: 'eAo' } }), { obstacle: 'its password is not base64' })
  assert.deepEqual(passwordOf(inBase64([0xff, 0x41])), { obstacle: 'its password is not UTF-8 text' })
  assert.deepEqual(passwordOf({ stringData: { password: 'a\nb' } }), { obstacle: 'its password holds a line break' })
  assert.deepEqual(passwordOf({ type: 'Opaque', data: { password: 'eA==' } }), { obstacle: 'its type is "Opaque"' })
})

test('the new annotation prefix wins over the deprecated one', () => {
  const withAnnotations = (annotations: object) => serviceOf(service('web', {}, { annotations }))
  const old = { 'metallb.universe.tf/address-pool': 'old' }
  assert.deepEqual(annotationOf(withAnnotations(old), 'address-pool'), { value: 'old', isDeprecated: true })
  assert.deepEqual(annotationOf(withAnnotations({ ...old, 'metallb.io/address-pool': 'new' }), 'address-pool'), {
    value: 'new',
    isDeprecated: false,
  })
  assert.equal(annotationOf(withAnnotations(old), 'allow-shared-ip'), undefined)
})

test('pools match a Service by namespace and by labels, in the order of their priorities', () => {
  const allocation = (name: string, serviceAllocation: object | undefined, block: number) =>
    pool(name, { addresses: [`192.0.${block}.0/24`], serviceAllocation: serviceAllocation ?? null })
  const web = { matchLabels: { app: 'web' } }
  const shop = { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } }
  const { model, faults } = evaluate(
    [
      allocation('open', undefined, 0),
      allocation('everybody', {}, 1),
      allocation('second', { priority: 20, namespaces: ['shop'] }, 2),
      allocation('first', { priority: 10, namespaceSelectors: [{ matchLabels: { team: 'sales' } }] }, 3),
      allocation('last', { priority: 0, serviceSelectors: [web] }, 4),
      allocation('elsewhere', { namespaces: ['infra'] }, 5),
      allocation('both', { priority: 20, namespaces: ['shop'], serviceSelectors: [web] }, 6),
      allocation('neither', { namespaces: ['shop'], serviceSelectors: [{ matchLabels: { app: 'db' } }] }, 7),
      allocation('by-name-label', { priority: 30, namespaceSelectors: [shop] }, 8),
      namespace('shop', { team: 'sales' }),
      service('web', {}, { labels: { app: 'web' } }),
      service('ghost', {}, { namespace: 'unlisted' }),
    ],
    undefined,
  )
  assert.deepEqual(faults, [])
  const poolsOf = (key: string) => toPoolsMatching(model, model.services.get(key)!)
  assert.deepEqual(poolsOf('shop/web'), ['first', 'both', 'second', 'by-name-label', 'everybody', 'last'])
  assert.deepEqual(poolsOf('unlisted/ghost'), ['everybody'])
})
