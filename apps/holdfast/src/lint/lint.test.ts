import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { parseManifest } from '@holdfast/cluster/manifests'
import type { FindingCode } from './finding.ts'
import { findingKinds } from './finding.ts'
import type { LintReport } from './lint.ts'
import { lint } from './lint.ts'
import { reportLines } from './text.ts'
import type { LintInput } from './world.ts'

const pool = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: public, namespace: metallb-system }
spec: { addresses: [192.0.2.0/24] }
`
const bothFamilies = pool.replace('192.0.2.0/24', "192.0.2.0/24, '2001:db8::/120'")
const advertisement = `
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: public, namespace: metallb-system }
spec: { ipAddressPools: [public] }
`
const peer = (spec = ''): string => `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: tor, namespace: metallb-system }
spec: { myASN: 64512, peerASN: 64500, peerAddress: 10.0.0.1, holdTime: 90s, enableGracefulRestart: true${spec} }
`
const withoutTimes = peer().replace(', holdTime: 90s', '')
const service = (name: string, spec = '', ingress = '{ ip: 192.0.2.1 }', metadata = ''): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop${metadata} }
spec: { type: LoadBalancer, clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{ port: 80 }]${spec} }
status: { loadBalancer: { ingress: [${ingress}] } }
`
const workload = (program: 'controller' | 'speaker', args = '[]', env = '[]'): string => `
apiVersion: apps/v1
kind: ${program === 'speaker' ? 'DaemonSet' : 'Deployment'}
metadata: { name: ${program}, namespace: metallb-system }
spec:
  template:
    spec:
      containers: [{ name: ${program}, image: 'quay.io/metallb/${program}:v0.16.1', args: ${args}, env: ${env} }]
`
const ownController = (args = '', replicas = 2): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: holdfast-controller, namespace: metallb-system }
spec:
  replicas: ${replicas}
  template:
    spec: { containers: [{ name: controller, image: 'registry.example/holdfast:0.1.0', args: [controller${args}] }] }
`
const speakerOf = (type: string): string => workload('speaker', '[]', `[{ name: METALLB_BGP_TYPE, value: ${type} }]`)
const daemonSet = (image: string, env = '[]'): string => `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: other, namespace: kube-system }
spec: { template: { spec: { containers: [{ name: other, image: '${image}', env: ${env} }] } } }
`
const object = (apiVersion: string, kind: string, name: string, rest = ''): string => `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: ${name}, namespace: metallb-system }
${rest}
`
const frrConfiguration = (name: string, spec: string): string =>
  object('frrk8s.metallb.io/v1beta1', 'FRRConfiguration', name, `spec: ${spec}`)
const webhook = (policy: string): string => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: metallb-webhook-configuration }
webhooks: [{ name: bgppeers, ${policy}rules: [{ apiGroups: [metallb.io], resources: [bgppeers] }] }]
`
const definition = (annotations: string, conversion: string, stored = 'v1beta2'): string => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: bgppeers.metallb.io, annotations: { ${annotations} } }
spec: { group: metallb.io, conversion: { strategy: ${conversion} } }
status: { storedVersions: [${stored}] }
`

const node = `
apiVersion: v1
kind: Node
metadata: { name: node-a, labels: { rack: r1 } }
`

const sound: readonly string[] = [pool, advertisement, peer(), service('web')]

function report(manifests: readonly string[], rest: Partial<LintInput> = {}): LintReport {
  const { objects, faults } = parseManifest('cluster.yaml', manifests.join('\n---\n'))
  assert.deepEqual(faults, [])
  return lint({ objects, notRead: [], isLive: true, bgpType: 'frr', loadBalancerClass: undefined, ...rest })
}

const codesOf = ({ findings }: LintReport): readonly FindingCode[] => findings.map(({ code }) => code)

test('a cluster that means the same to both is ready', () => {
  const { verdict, findings } = report(sound)
  assert.deepEqual(findings, [])
  assert.equal(verdict, 'ready')
})

interface Case {
  readonly code: FindingCode
  readonly why: string
  readonly manifests: readonly string[]
  /** What makes the finding go away. */
  readonly without: readonly string[]
  readonly about: readonly string[]
  readonly says?: RegExp
  readonly rest?: Partial<LintInput>
}

const theService = ['Service shop/web']
const thePeer = ['BGPPeer metallb-system/tor']

const cases: readonly Case[] = [
  {
    code: 'invalid-object',
    why: 'a pool whose range cannot be read',
    manifests: [object('metallb.io/v1beta1', 'IPAddressPool', 'odd', 'spec: { addresses: [192.0.2.300/32] }')],
    without: [object('metallb.io/v1beta1', 'IPAddressPool', 'odd', 'spec: { addresses: [198.51.100.3/32] }')],
    about: ['IPAddressPool metallb-system/odd'],
    says: /addresses\[0\].*cluster\.yaml:/,
  },
  {
    code: 'l2-only-pool',
    why: 'a pool that no BGPAdvertisement announces',
    manifests: [pool, object('metallb.io/v1beta1', 'L2Advertisement', 'lan', 'spec: { ipAddressPools: [public] }')],
    without: [
      pool,
      advertisement,
      object('metallb.io/v1beta1', 'L2Advertisement', 'lan', 'spec: { ipAddressPools: [public] }'),
    ],
    about: ['IPAddressPool metallb-system/public'],
  },
  {
    code: 'l2-advertisement',
    why: 'layer 2',
    manifests: [object('metallb.io/v1beta1', 'L2Advertisement', 'lan')],
    without: [],
    about: ['L2Advertisement metallb-system/lan'],
  },
  {
    code: 'l2-status',
    why: 'statuses of layer 2',
    manifests: [object('metallb.io/v1beta1', 'ServiceL2Status', 'l2-x')],
    without: [],
    about: ['ServiceL2Status metallb-system/l2-x'],
  },
  {
    code: 'raw-frr-configuration',
    why: 'the ConfigMap of FRR mode',
    manifests: [object('v1', 'ConfigMap', 'bgpextras', 'data: { extras: "router bgp 1" }')],
    without: [object('v1', 'ConfigMap', 'kube-root-ca.crt', 'data: { extras: "router bgp 1" }')],
    about: ['ConfigMap metallb-system/bgpextras'],
  },
  {
    code: 'raw-frr-configuration',
    why: 'raw text in an FRRConfiguration',
    manifests: [frrConfiguration('mine', '{ raw: { rawConfig: "router bgp 1" } }')],
    without: [frrConfiguration('mine', '{ bgp: {} }')],
    about: ['FRRConfiguration metallb-system/mine'],
  },
  {
    code: 'frr-configuration',
    why: 'an FRRConfiguration of a user',
    manifests: [frrConfiguration('receive', '{ bgp: { routers: [] } }')],
    without: [frrConfiguration('metallb-n1', '{ nodeSelector: { matchLabels: { kubernetes.io/hostname: n1 } } }')],
    about: ['FRRConfiguration metallb-system/receive'],
  },
  {
    code: 'generated-frr-configuration',
    why: 'what a speaker wrote for its node',
    manifests: [frrConfiguration('metallb-n1', '{ nodeSelector: { matchLabels: { kubernetes.io/hostname: n1 } } }')],
    without: [frrConfiguration('metallb-n1', '{ nodeSelector: { matchLabels: { rack: r1 } } }')],
    about: ['FRRConfiguration metallb-system/metallb-n1'],
  },
  {
    code: 'frr-k8s',
    why: 'the DaemonSet that holds the sessions',
    manifests: [daemonSet('quay.io/metallb/frr-k8s:v0.0.23')],
    without: [daemonSet('quay.io/frrouting/frr:10.5.3')],
    about: ['DaemonSet kube-system/other'],
  },
  {
    code: 'metrics-renamed',
    why: 'frr-k8s mode has other names',
    manifests: [],
    without: [],
    about: [],
    rest: { bgpType: 'frr-k8s' },
  },
  {
    code: 'source-address-takes-effect',
    why: 'frr-k8s is not told of it',
    manifests: [peer(', sourceAddress: 10.0.0.9')],
    without: [peer()],
    about: thePeer,
    rest: { bgpType: 'frr-k8s' },
  },
  {
    code: 'local-asn-takes-effect',
    why: 'frr-k8s is not told of it',
    manifests: [peer(', localASN: 64999')],
    without: [peer()],
    about: thePeer,
    rest: { bgpType: 'frr-k8s' },
  },
  { code: 'hold-time-default', why: 'no timers', manifests: [withoutTimes], without: [peer()], about: thePeer },
  {
    code: 'hold-time-enforced',
    why: 'native has no hold timer',
    manifests: [peer()],
    without: [],
    about: thePeer,
    rest: { bgpType: 'native' },
  },
  {
    code: 'hold-time-zero',
    why: 'v1beta1 means the default by it',
    manifests: [peer().replace('v1beta2', 'v1beta1').replace('90s', '0s').replace(', enableGracefulRestart: true', '')],
    without: [peer().replace('90s', '0s')],
    about: thePeer,
  },
  {
    code: 'local-pref-default',
    why: 'native sends 0 on iBGP',
    manifests: [pool, advertisement, peer().replace('64500', '64512')],
    without: [pool, advertisement, peer()],
    about: ['BGPAdvertisement metallb-system/public'],
    rest: { bgpType: 'native' },
  },
  {
    code: 'graceful-restart',
    why: 'it is offered anyway',
    manifests: [peer().replace('true', 'false')],
    without: [peer()],
    about: thePeer,
  },
  {
    code: 'disable-mp',
    why: 'without effect in both',
    manifests: [peer(', disableMP: true')],
    without: [peer()],
    about: thePeer,
  },
  {
    code: 'address-changes',
    why: 'an address in no pool',
    manifests: [pool, service('web', '', '{ ip: 198.51.100.9 }')],
    without: [pool, service('web')],
    about: theService,
    says: /198\.51\.100\.9 and would move to 192\.0\.2\.0/,
  },
  {
    code: 'address-changes',
    why: 'two Services with one address and no sharing key',
    manifests: [pool, service('api'), service('web')],
    without: [
      pool,
      service('api', '', undefined, ', annotations: { metallb.io/allow-shared-ip: k }').replace('port: 80', 'port: 81'),
      service('web', '', undefined, ', annotations: { metallb.io/allow-shared-ip: k }'),
    ],
    about: theService,
    says: /192\.0\.2\.1 and would move to/,
  },
  {
    code: 'address-added',
    why: 'a second family that its pool has',
    manifests: [
      bothFamilies,
      service('web', ', ipFamilyPolicy: PreferDualStack').replace('[10.96.0.1]', "[10.96.0.1, 'fd00::1']"),
    ],
    without: [bothFamilies, service('web')],
    about: theService,
    says: /2001:db8::/,
  },
  {
    code: 'prefer-dual-stack',
    why: 'one cluster IP on a pool of both families never comes to rest in MetalLB',
    manifests: [
      bothFamilies,
      service(
        'web',
        ', ipFamilyPolicy: PreferDualStack',
        undefined,
        ', annotations: { metallb.io/ip-allocated-from-pool: public }',
      ),
    ],
    without: [
      pool,
      service(
        'web',
        ', ipFamilyPolicy: PreferDualStack',
        undefined,
        ', annotations: { metallb.io/ip-allocated-from-pool: public }',
      ),
    ],
    about: theService,
  },
  {
    code: 'waiting-service',
    why: 'no pool has anything for it',
    manifests: [service('web', '', '')],
    without: [pool, service('web')],
    about: theService,
  },
  {
    code: 'address-assigned',
    why: 'MetalLB has not come to it yet',
    manifests: [pool, service('web', '', '')],
    without: [pool, service('web')],
    about: theService,
    says: /192\.0\.2\.0/,
  },
  {
    code: 'other-class',
    why: 'somebody else serves it',
    manifests: [pool, service('web', ', loadBalancerClass: example.com/lb', '')],
    without: [pool, service('web')],
    about: theService,
  },
  {
    code: 'deprecated-annotation',
    why: 'the old prefix',
    manifests: [pool, service('web', '', undefined, ', annotations: { metallb.universe.tf/address-pool: public }')],
    without: [pool, service('web', '', undefined, ', annotations: { metallb.io/address-pool: public }')],
    about: theService,
  },
  {
    code: 'metallb-workload',
    why: 'the speaker with its back-end',
    manifests: [speakerOf('frr-k8s')],
    without: [speakerOf('frr-k8s').replace('quay.io/metallb/speaker', 'registry.example/holdfast')],
    about: ['DaemonSet metallb-system/speaker'],
    says: /v0\.16\.1, BGP back-end frr-k8s/,
  },
  {
    code: 'flag-to-keep',
    why: 'MetalLB serves a class',
    manifests: [workload('controller', "['--lb-class=example.com/lb']")],
    without: [workload('controller', "['--lb-class=']")],
    about: ['Deployment metallb-system/controller'],
    says: /--lb-class=example\.com\/lb/,
  },
  {
    code: 'flag-to-keep',
    why: 'excluded nodes announce',
    manifests: [workload('speaker', "['-ignore-exclude-lb', '--log-level=info']")],
    without: [workload('speaker', "['--ignore-exclude-lb=false']")],
    about: ['DaemonSet metallb-system/speaker'],
    says: /--ignore-exclude-lb/,
  },
  {
    code: 'flag-without-effect',
    why: 'the webhook’s options',
    manifests: [workload('controller', "['--webhook-mode=enabled']")],
    without: [workload('controller', "['--log-level=info']")],
    about: ['Deployment metallb-system/controller'],
    says: /--webhook-mode \(there is no webhook/,
  },
  {
    code: 'validating-webhook',
    why: 'it fails closed',
    manifests: [workload('controller'), webhook('')],
    without: [workload('controller'), webhook('failurePolicy: Ignore, ')],
    about: ['ValidatingWebhookConfiguration metallb-webhook-configuration'],
  },
  {
    code: 'orphaned-webhook',
    why: 'nobody answers it any more',
    manifests: [webhook('failurePolicy: Fail, ')],
    without: [workload('controller'), webhook('failurePolicy: Fail, ')],
    about: ['ValidatingWebhookConfiguration metallb-webhook-configuration'],
  },
  {
    code: 'orphaned-webhook',
    why: 'its controller is scaled to nothing',
    manifests: [workload('controller').replace('spec:', 'spec:\n  replicas: 0'), webhook('')],
    without: [workload('controller').replace('spec:', 'spec:\n  replicas: 1'), webhook('')],
    about: ['ValidatingWebhookConfiguration metallb-webhook-configuration'],
  },
  {
    code: 'conversion-webhook',
    why: 'v1beta1 is converted by the controller',
    manifests: [workload('controller'), definition('', 'Webhook')],
    without: [workload('controller'), definition('', 'None')],
    about: ['CustomResourceDefinition bgppeers.metallb.io'],
  },
  {
    code: 'orphaned-conversion',
    why: 'nobody converts any more',
    manifests: [definition('', 'Webhook')],
    without: [definition('', 'None')],
    about: ['CustomResourceDefinition bgppeers.metallb.io'],
  },
  {
    code: 'stored-v1beta1',
    why: 'old objects may lie in etcd',
    manifests: [definition('', 'None', 'v1beta1, v1beta2')],
    without: [definition('', 'None')],
    about: ['CustomResourceDefinition bgppeers.metallb.io'],
  },
  {
    code: 'crds-of-release',
    why: 'helm uninstall would delete them',
    manifests: [definition('meta.helm.sh/release-name: metallb', 'None')],
    without: [definition('meta.helm.sh/release-name: metallb, helm.sh/resource-policy: keep', 'None')],
    about: ['CustomResourceDefinition bgppeers.metallb.io'],
  },
  {
    code: 'other-bgp-speaker',
    why: 'Calico with BIRD',
    manifests: [daemonSet('docker.io/calico/node:v3.30.0')],
    without: [daemonSet('docker.io/calico/node:v3.30.0', '[{ name: CALICO_NETWORKING_BACKEND, value: vxlan }]')],
    about: ['DaemonSet kube-system/other'],
  },
  {
    code: 'other-bgp-speaker',
    why: 'kube-router',
    manifests: [daemonSet('cloudnativelabs/kube-router:v2')],
    without: [daemonSet('registry.example/router:v2')],
    about: ['DaemonSet kube-system/other'],
  },
  {
    code: 'other-bgp-speaker',
    why: 'peers of Cilium',
    manifests: [object('cilium.io/v2', 'CiliumBGPClusterConfig', 'c')],
    without: [object('example.com/v2', 'CiliumBGPClusterConfig', 'c')],
    about: ['CiliumBGPClusterConfig metallb-system/c'],
  },
  {
    code: 'without-effect',
    why: 'a pool and a peer that are not there',
    manifests: [pool, advertisement.replace('[public]', '[public, none], peers: [gone]')],
    without: [pool, advertisement.replace('[public]', '[public], peers: [tor]'), peer()],
    about: ['BGPAdvertisement metallb-system/public'],
    says: /^there is no IPAddressPool none; there is no BGPPeer gone$/,
  },
  {
    code: 'without-effect',
    why: 'a peer of nodes that are not there',
    manifests: [node, peer(', nodeSelectors: [{ matchLabels: { rack: r9 } }]')],
    without: [node, peer(', nodeSelectors: [{ matchLabels: { rack: r1 } }]')],
    about: thePeer,
    says: /select none of 1 nodes/,
  },
  {
    code: 'two-controllers',
    why: 'MetalLB’s was not stopped',
    manifests: [...sound, workload('controller'), ownController()],
    without: [...sound, workload('controller').replace('spec:', 'spec:\n  replicas: 0'), ownController()],
    about: ['Deployment metallb-system/controller', 'Deployment metallb-system/holdfast-controller'],
    says: /both give addresses/,
  },
  {
    code: 'two-controllers',
    why: 'its image has another name',
    manifests: [
      workload('controller'),
      ownController()
        .replace('registry.example/holdfast:', 'registry.example/mirror:')
        .replace(
          'namespace: metallb-system',
          'namespace: metallb-system, labels: { app.kubernetes.io/name: holdfast }',
        ),
    ],
    without: [workload('controller'), ownController('', 0)],
    about: ['Deployment metallb-system/controller', 'Deployment metallb-system/holdfast-controller'],
  },
  {
    code: 'two-controllers',
    why: 'both serve one class',
    manifests: [workload('controller', '[--lb-class=lan]'), ownController(', --lb-class=lan')],
    // Each has Services of its own.
    without: [workload('controller', '[--lb-class=lan]'), ownController()],
    about: ['Deployment metallb-system/controller', 'Deployment metallb-system/holdfast-controller'],
  },
  { code: 'nothing-found', why: 'an empty file', manifests: [], without: [pool], about: [] },
  {
    code: 'not-read',
    why: 'the peers are not shown',
    manifests: [],
    without: [],
    about: [],
    rest: { notRead: [{ resource: 'bgppeers.metallb.io', reason: 'forbidden' }] },
  },
]

for (const { code, why, manifests, without, about, says, rest } of cases) {
  test(`${code}: ${why}`, () => {
    const found = report(manifests, rest)
    const one = found.findings.find((finding) => finding.code === code)
    assert.ok(one, `found ${codesOf(found).join(', ')}`)
    assert.deepEqual(one.objects, about)
    if (says !== undefined) assert.match(one.message, says)
    const isElsewise = rest === undefined || manifests.length > 0
    const cured = report(without, isElsewise ? rest : {})
    assert.ok(!codesOf(cured).includes(code), `still found ${code}`)
  })
}

test('every code but that of files is in a case, and all are in the page with their severities', () => {
  const tried = new Set<string>(cases.map(({ code }) => code))
  const untried = Object.keys(findingKinds).filter((code) => !tried.has(code))
  assert.deepEqual(untried, ['unreadable-file'])
  const page = readFileSync(join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'reference', 'lint.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \| (blocks|differs|note) \|/gm)].map(([, code, severity]) => [
    code,
    severity,
  ])
  assert.deepEqual(
    rows,
    Object.entries(findingKinds).map(([code, { severity }]) => [code, severity]),
  )
})

test('what blocks decides the verdict, then what differs', () => {
  assert.equal(report([peer().replace('true', 'false')]).verdict, 'ready with differences')
  assert.equal(report([peer().replace('true', 'false'), service('web', '', '{ ip: 192.0.2.1 }')]).verdict, 'not ready')
  assert.equal(report([service('web', '', '')]).verdict, 'ready')
})

test('where nothing tells the back-end, what any of them does otherwise is told', () => {
  const both = codesOf(report([withoutTimes], { bgpType: undefined }))
  assert.ok(both.includes('hold-time-default') && both.includes('hold-time-enforced'))
  const native = codesOf(report([withoutTimes, speakerOf('native')], { bgpType: undefined }))
  assert.ok(!native.includes('hold-time-default') && native.includes('hold-time-enforced'))
})

test('the class that MetalLB serves is the one asked about', () => {
  const classed = service('web', ', loadBalancerClass: example.com/lb')
  const controller = workload('controller', "['--lb-class', 'example.com/lb']")
  const { loadBalancerClass, findings } = report([pool, controller, classed])
  assert.equal(loadBalancerClass, 'example.com/lb')
  assert.ok(!findings.some(({ code }) => code === 'other-class'))
})

test('a password that lies in a Secret is no fault, since Secrets are not read', () => {
  assert.deepEqual(report([pool, advertisement, peer(', passwordSecret: { name: tor }')]).findings, [])
})

test('kinds that are not shown are named, and leave the verdict as it is where it does not depend on them', () => {
  const notRead = [
    { resource: 'daemonsets.apps', reason: 'forbidden' },
    { resource: 'frrconfigurations.frrk8s.metallb.io', reason: 'notThere' },
  ] as const
  const found = report(sound, { notRead })
  assert.equal(found.verdict, 'ready')
  const text = stripVTControlCharacters(reportLines(found, 100).join('\n'))
  assert.match(text, /not shown to you: daemonsets\.apps/)
  assert.match(text, /not known to this cluster: frrconfigurations/)
})

test('only Services of type LoadBalancer are counted', () => {
  const inside = service('dns').replace('LoadBalancer', 'ClusterIP')
  assert.equal(report([...sound, inside]).counts.services, 1)
})

test('of manifests nobody knows the nodes, nor the pools of other files', () => {
  const found = report([peer(', nodeSelectors: [{ matchLabels: { rack: r9 } }]')], { isLive: false })
  assert.ok(!codesOf(found).includes('without-effect'))
})

test('the text begins with the verdict, and names what blocks before what differs', () => {
  const text = stripVTControlCharacters(
    reportLines(report([pool, withoutTimes, service('web', '', '{ ip: 198.51.100.9 }')]), 100).join('\n'),
  )
  assert.match(text, /^not ready: /)
  assert.ok(text.indexOf('address-changes') < text.indexOf('hold-time-default'))
  assert.match(text, /→ Set holdTime: 180s/)
})

test('where the programs of the cluster refuse one of two objects that contradict each other, that one is named', () => {
  const wide = pool.replace('name: public', 'name: a-newcomer').replace('192.0.2.0/24', '192.0.2.128/25')
  const line = 'IPAddressPool metallb-system/a-newcomer: spec.addresses[0]: It overlaps. Take it out.'
  const state = object(
    'metallb.io/v1beta1',
    'ConfigurationState',
    'controller',
    `\nstatus: { result: Invalid, errorSummary: '${line}' }`,
  )
  const { objects } = parseManifest('test.yaml', [pool, wide, advertisement, state].join('---'))
  const { findings } = lint({ objects, notRead: [], isLive: true, bgpType: undefined, loadBalancerClass: undefined })
  const refused = findings.filter(({ code }) => code === 'invalid-object')
  assert.deepEqual(
    refused.map((one) => [one.objects, one.message]),
    [[['IPAddressPool metallb-system/a-newcomer'], 'spec.addresses[0]: It overlaps. Take it out.']],
  )
})
