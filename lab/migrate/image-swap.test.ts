// MetalLB's own manifest, and its chart with the options that it has, with nothing but the image changed.
//
// Claims:
//  1  The commands of docs/operate/migrate-from-metallb.md below "Only the image swapped" work as written on a running MetalLB.
//  2  Holdfast's programs start with the arguments, environment and volumes of MetalLB's pods, and answer the probes of MetalLB's manifest.
//  3  They say which of the options have no effect.
//  4  No Service changes its address, and the routers have the same routes afterwards.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { clusterSkip } from '../cluster/capability.ts'
import { labSkip } from '../harness/capability.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { helm } from '../deploy/helm.ts'
import { summaryOf } from './checks.ts'
import { blocksBelow } from './page.ts'
import { probe, startPod, type PodPlan } from './pod.ts'
import { metallbSkip } from './programs.ts'
import { nodes } from './site.ts'
import { useMigrateSite } from './use-site.ts'

const skip = metallbSkip() || labSkip() || clusterSkip('helm')

/** The options and variables that the program says have no effect. */
const ineffective = (program: LabProcess): readonly string[] =>
  program
    .jsonLines()
    .filter((line) => line.at('event').text() === 'option')
    .map((line) => line.at('message').text().split(' has no effect')[0] ?? '')
    .sort()

interface Variant {
  readonly values: readonly string[]
  readonly controller: readonly string[]
  readonly speaker: readonly string[]
}

/** The chart's own default. */
const webhook = ['--webhook-mode']
const bgpType = 'METALLB_BGP_TYPE'

describe('with only the image swapped', { skip, timeout: 180_000 }, () => {
  const site = useMigrateSite()

  const tables = async (): Promise<object> => ({
    tor: summaryOf(await site().tor.table()),
    core: summaryOf(await site().core.table()),
  })

  test('Holdfast starts from MetalLB’s manifest, and everything stays as it was', async () => {
    await site().shell.run(
      `kubectl -n metallb-system patch bgpadvertisement public --type=merge -p '{"spec":{"localPref":100}}'`,
    )
    await eventually('LOCAL_PREF is 100', tables, (found) => assert.doesNotMatch(JSON.stringify(found), /PREF 0/))
    const [wanted, addresses, record] = [await tables(), await site().addresses(), await site().watchServices()]
    const webhooks = blocksBelow('4.')[0]?.script.split('\n').slice(1).join('\n')
    await site().shell.run(webhooks ?? '')
    await site().shell.follow(blocksBelow('Only the image swapped'))
    await eventually(
      'all pods have the new image and are ready',
      () => ['deployment/controller', 'daemonset/speaker'].flatMap((name) => site().kubelet.podsOf(name)),
      (pods) => {
        assert.equal(pods.length, 4)
        for (const pod of pods) assert.match(JSON.stringify(pod.template), /registry\.example\/holdfast/)
      },
      { timeoutMs: 60_000 },
    )
    await site().kubelet.runs(['controller#0', ...nodes.map((node) => `speaker@${node}`)])
    await eventually('the routers have the same routes', tables, (found) => assert.deepEqual(found, wanted))
    assert.deepEqual(await site().addresses(), addresses)
    assert.deepEqual(record.violations(), [])
    for (const { routes } of [site().tor, site().core]) {
      const lost = routes.changes().filter(({ nextHops }) => nextHops.length === 0)
      assert.deepEqual(lost, [])
    }
    for (const pod of [
      ...site().kubelet.podsOf('deployment/controller'),
      ...site().kubelet.podsOf('daemonset/speaker'),
    ]) {
      await eventually(
        `${pod.name} answers MetalLB’s probes`,
        async () => [await probe(pod, 'livenessProbe'), await probe(pod, 'readinessProbe')],
        (found) => assert.deepEqual(found, ['200', '200']),
      )
    }
    assert.deepEqual(site().kubelet.crashes, [])
    for (const name of ['deployment/controller', 'daemonset/speaker']) {
      for (const { program } of site().kubelet.podsOf(name)) assert.deepEqual(ineffective(program), [])
    }
  })

  /** Values of the chart, and what each program says then has no effect. */
  const variants: Readonly<Record<string, Variant>> = {
    'as it is, native': { values: [], controller: webhook, speaker: [] },
    'without memberlist': { values: ['speaker.memberlist.enabled=false'], controller: webhook, speaker: [] },
    'with every option': {
      values: [
        ...['loadBalancerClass=example.com/bgp', 'speaker.ignoreExcludeLB=true', 'speaker.wanConfig=true'],
        ...['speaker.logLevel=debug', 'controller.logLevel=all', 'speaker.bgpDebounceTimeout=1000'],
        ...['speaker.gratuitousARPInterval=30', 'controller.webhookMode=disabled', 'tls.minVersion=VersionTLS12'],
        String.raw`tls.curvePreferences=29\,23`,
      ],
      controller: webhook,
      speaker: ['--bgp-debounce-timeout', '--gratuitous-arp-interval', '--ml-wan-config'],
    },
    FRR: { values: ['speaker.frr.enabled=true'], controller: [...webhook, bgpType], speaker: [bgpType] },
    'frr-k8s elsewhere': {
      values: ['frrk8s.external=true', 'frrk8s.namespace=frr-k8s', 'frrk8s.secretPassthrough=true'],
      controller: [...webhook, bgpType],
      speaker: ['--frrk8s-namespace', '--frrk8s-secret-passthrough', bgpType],
    },
  }

  test('MetalLB may be in another namespace: its ServiceAccounts there may read everything and write nothing elsewhere', async () => {
    await site().shell.run(`kubectl create namespace networking
      kubectl create clusterrole reader --verb=get,list,watch --resource='*.*'
      for name in holdfast-controller holdfast-speaker; do
        kubectl create clusterrolebinding "reader-$name" --clusterrole=reader --serviceaccount="networking:$name"
        kubectl -n networking create rolebinding "admin-$name" --clusterrole=cluster-admin --serviceaccount="networking:$name"
      done`)
  })

  for (const [variant, { values, ...warnings }] of Object.entries(variants)) {
    test(`MetalLB’s chart ${variant}: both programs start and answer its probes`, async () => {
      const set = ['frrk8s.enabled=false', ...values].flatMap((value) => ['--set', value])
      const text = await helm(['template', 'metallb', site().metallb.chart, '--namespace', 'networking', ...set])
      const objects = parseAllDocuments(text).map((document): Json => new Json(document.toJS() ?? {}))
      for (const program of ['controller', 'speaker'] as const) {
        const kind = program === 'controller' ? 'Deployment' : 'DaemonSet'
        const workload = objects.find(
          (one) => one.at('kind').textOr('') === kind && one.at('metadata').at('name').text() === `metallb-${program}`,
        )
        assert.ok(workload)
        assert.deepEqual(await starts(program, workload, variant), warnings[program])
      }
    })
  }

  /** Runs it until it answers its probes and looks into the namespace that it is in. What it says has no effect. */
  async function starts(
    program: 'controller' | 'speaker',
    workload: Json,
    variant: string,
  ): Promise<readonly string[]> {
    // All as the chart has it, but for the image and the ServiceAccount.
    const template = JSON.parse(JSON.stringify(workload.at('spec').at('template'))) as {
      spec: { serviceAccountName: string; containers: { image: string }[] }
    }
    template.spec.serviceAccountName = `holdfast-${program}`
    for (const container of template.spec.containers) container.image = 'registry.example/holdfast:0.1.0'
    const plan: PodPlan = {
      name: `${program}-${variant.replaceAll(/\W/g, '-')}`,
      namespace: 'networking',
      node: 'node-z',
      place: site().fabric.node('pod-3'),
      template: new Json(template),
    }
    const pod = startPod({ lab: site().fabric.lab, cluster: site().cluster, metallb: site().metallb }, plan, new Map())
    try {
      await eventually(
        `${plan.name} answers`,
        async () => [pod.state.split(',')[0], await probe(plan, 'livenessProbe'), await probe(plan, 'readinessProbe')],
        (found) => assert.deepEqual(found, ['running', '200', '200'], pod.tail(3)),
        { timeoutMs: 15_000 },
      )
      const [started] = pod.jsonLines()
      assert.equal(started?.at('namespace').text(), 'networking')
      return ineffective(pod)
    } finally {
      pod.signal('SIGKILL')
      await pod.exited
    }
  }
})
