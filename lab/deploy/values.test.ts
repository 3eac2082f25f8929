// What the chart makes of values, by `helm template` alone:
//   - a values file written for MetalLB's chart is accepted, and MetalLB's image never runs as ours
//   - a misspelt value is refused
//   - the pods may do as little as they can do with
//   - a speaker that only dials needs neither root nor a capability
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { clusterSkip } from '../cluster/capability.ts'
import type { Json } from '../harness/json.ts'
import { argumentsOf, chart, containerOf, helmResult, nameOf, objectNamed, podOf, render, withValues } from './helm.ts'
import { metallbsValues } from './metallbs-values.ts'

const controllerName = 'Deployment/holdfast-controller'
const speakerName = 'DaemonSet/holdfast-speaker'

describe("the chart's values", { skip: clusterSkip('helm') }, () => {
  test("a values file of MetalLB's means the same where it means something", async () => {
    const objects = await render(metallbsValues)
    const [controller, speaker] = [objectNamed(objects, controllerName), objectNamed(objects, speakerName)]
    for (const workload of [controller, speaker]) {
      const words = argumentsOf(workload)
      assert.ok(words.includes('--lb-class=example.com/bgp') && words.includes('--port=9121'), words.join(' '))
      const annotations = workload.at('spec').at('template').at('metadata').at('annotations')
      assert.equal(annotations.at('prometheus.io/port').text(), '9121')
      assert.equal(annotations.at('prometheus.io/scheme').text(), 'https')
    }
    assert.ok(argumentsOf(controller).includes('--log-level=debug'))
    assert.ok(argumentsOf(speaker).includes('--ignore-exclude-lb'))
    assert.equal(containerOf(controller).at('resources').at('limits').at('memory').text(), '100Mi')
    assert.deepEqual(podOf(speaker).at('nodeSelector').keys(), ['kubernetes.io/os', 'zone'])
    assert.deepEqual(podOf(speaker).at('tolerations').list(), [])
    const policies = objects
      .filter((object) => object.at('kind').text() === 'NetworkPolicy')
      .map(nameOf)
      .sort()
    assert.deepEqual(policies, ['NetworkPolicy/holdfast-controller', 'NetworkPolicy/holdfast-default-deny'])
    const alerts = alertsOf(objectNamed(objects, 'PrometheusRule/holdfast'))
    assert.ok(alerts.has('MetalLBAddressPoolUsage60Percent') && alerts.has('Mine'))
    assert.match(alerts.get('MetalLBAddressPoolExhausted') ?? '', /pool!~"test-\.\*"/)
  })

  test("MetalLB's images never run", async () => {
    const objects = await render(metallbsValues)
    for (const name of [controllerName, speakerName]) {
      assert.match(containerOf(objectNamed(objects, name)).at('image').text(), /^localhost\/holdfast:/)
    }
  })

  test('the speakers are told to write no object for each node and Service only where the values say so', async () => {
    const [plain, off] = [await render({}), await render({ speaker: { serviceStatuses: 'none' } })]
    assert.ok(!argumentsOf(objectNamed(plain, speakerName)).some((word) => word.includes('service-statuses')))
    assert.ok(argumentsOf(objectNamed(off, speakerName)).includes('--service-statuses=none'))
  })

  test('a misspelt value is refused by its name', async () => {
    const misspelt = [
      { speaker: { tollerateMaster: true } },
      { controler: {} },
      { speaker: { state: { type: 'disk' } } },
      { speaker: { serviceStatuses: 'some' } },
    ]
    for (const values of misspelt) {
      const { code, stderr } = await withValues(values, (file) => helmResult(['template', chart, '-f', file]))
      assert.notEqual(code, 0)
      assert.match(stderr, /tollerateMaster|controler|speaker.state.type|\/speaker\/state\/type|serviceStatuses/)
    }
  })

  test('an own image, by digest, for both programs or for one', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const objects = await render({
      image: { repository: 'registry.example/holdfast', digest },
      speaker: { image: { repository: 'registry.example/holdfast-next', tag: 'rc1' } },
    })
    const imageOf = (name: string): string => containerOf(objectNamed(objects, name)).at('image').text()
    assert.equal(imageOf(controllerName), `registry.example/holdfast@${digest}`)
    assert.equal(imageOf(speakerName), 'registry.example/holdfast-next:rc1')
  })

  test('without RBAC, CRDs, probes, state and metrics there is nothing of them', async () => {
    const probes = { livenessProbe: { enabled: false }, readinessProbe: { enabled: false } }
    const objects = await render({
      rbac: { create: false },
      crds: { enabled: false },
      prometheus: { metricsPort: 0 },
      healthProbePort: 0,
      controller: { ...probes, podDisruptionBudget: { enabled: false } },
      speaker: { ...probes, startupProbe: { enabled: false }, state: { type: 'none' } },
    })
    assert.deepEqual(objects.map(nameOf).sort(), [
      speakerName,
      controllerName,
      'ServiceAccount/holdfast-controller',
      'ServiceAccount/holdfast-speaker',
    ])
    const speaker = objectNamed(objects, speakerName)
    assert.deepEqual(
      argumentsOf(speaker).filter((word) => word.startsWith('--state')),
      [],
    )
    assert.ok(containerOf(speaker).at('ports').isMissing)
  })

  test('the example for a speaker without root drops every capability and does not listen', async () => {
    const objects = await render(readFileSync(join(chart, 'values-nonroot.yaml'), 'utf8'))
    const speaker = objectNamed(objects, speakerName)
    assert.ok(argumentsOf(speaker).includes('--no-listen'))
    assert.ok(podOf(speaker).at('securityContext').at('runAsNonRoot').isTrue())
    assert.ok(containerOf(speaker).at('securityContext').at('capabilities').at('add').isMissing)
    assert.deepEqual(hostPathsOf(speaker), [])
  })

  test('a pod may do as little as it can do with', async () => {
    const objects = await render()
    const [controller, speaker] = [objectNamed(objects, controllerName), objectNamed(objects, speakerName)]
    for (const workload of [controller, speaker]) {
      const security = containerOf(workload).at('securityContext')
      assert.ok(security.at('readOnlyRootFilesystem').isTrue())
      assert.equal(security.at('allowPrivilegeEscalation').isTrue(), false)
      assert.equal(security.at('privileged').isTrue(), false)
      assert.deepEqual(texts(security.at('capabilities').at('drop')), ['ALL'])
      assert.equal(podOf(workload).at('securityContext').at('seccompProfile').at('type').text(), 'RuntimeDefault')
      for (const field of ['hostPID', 'hostIPC', 'shareProcessNamespace'])
        assert.ok(podOf(workload).at(field).isMissing)
      const probe = containerOf(workload).at('readinessProbe').at('httpGet')
      assert.deepEqual([probe.at('path').text(), probe.at('port').number()], ['/readyz', 17472])
    }
    assert.ok(containerOf(controller).at('securityContext').at('capabilities').at('add').isMissing)
    assert.equal(podOf(controller).at('securityContext').at('runAsUser').number(), 65534)
    assert.ok(podOf(controller).at('hostNetwork').isMissing)
    assert.deepEqual(hostPathsOf(controller), [])
    assert.deepEqual(texts(containerOf(speaker).at('securityContext').at('capabilities').at('add')), [
      'NET_BIND_SERVICE',
      'NET_RAW',
      'SYS_NICE',
    ])
    assert.deepEqual(hostPathsOf(speaker), ['/var/lib/holdfast'])
    assert.equal(containerOf(speaker).at('livenessProbe').at('httpGet').at('host').text(), '127.0.0.1')
    const accounts = objects.filter((object) => object.at('kind').text() === 'ServiceAccount')
    assert.deepEqual(
      accounts.map((account) => account.at('automountServiceAccountToken').isTrue()),
      [false, false],
    )
  })

  test('both programs are what keeps a node and a cluster working, and do not go all at once', async () => {
    const objects = await render()
    const [controller, speaker] = [objectNamed(objects, controllerName), objectNamed(objects, speakerName)]
    assert.equal(podOf(controller).at('priorityClassName').text(), 'system-cluster-critical')
    assert.equal(podOf(speaker).at('priorityClassName').text(), 'system-node-critical')
    assert.equal(controller.at('spec').at('replicas').number(), 2)
    const spread = podOf(controller).at('topologySpreadConstraints').list()[0]
    assert.equal(spread?.at('topologyKey').text(), 'kubernetes.io/hostname')
    const budget = objectNamed(objects, 'PodDisruptionBudget/holdfast-controller')
    assert.equal(budget.at('spec').at('maxUnavailable').number(), 1)
    const update = speaker.at('spec').at('updateStrategy').at('rollingUpdate')
    assert.equal(update.at('maxUnavailable').number(), 1)
  })

  test('the name "metallb" gives the labels and names that MetalLB has, for its alerts and boards', async () => {
    const objects = await render({ nameOverride: 'metallb', fullnameOverride: 'metallb' })
    const labels = objectNamed(objects, 'DaemonSet/metallb-speaker').at('spec').at('selector').at('matchLabels')
    assert.equal(labels.at('app.kubernetes.io/name').text(), 'metallb')
    assert.equal(labels.at('app.kubernetes.io/component').text(), 'speaker')
  })
})

const texts = (list: Json): readonly string[] => list.list().map((element) => element.text())

const hostPathsOf = (workload: Json): readonly string[] =>
  podOf(workload)
    .at('volumes')
    .list()
    .filter((volume) => !volume.at('hostPath').isMissing)
    .map((volume) => volume.at('hostPath').at('path').text())

const alertsOf = (rule: Json): ReadonlyMap<string, string> =>
  new Map(
    rule
      .at('spec')
      .at('groups')
      .list()
      .flatMap((group) => group.at('rules').list())
      .map((one) => [one.at('alert').text(), one.at('expr').text()]),
  )
