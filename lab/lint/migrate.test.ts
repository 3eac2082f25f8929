// docs/operate/migrate-from-metallb.md as a person follows it, against a real API server: once from a MetalLB that Helm installed, once from
// one of plain manifests. What stands in for MetalLB has its own definitions, its names, and webhooks that nobody answers, as when its
// controller is stopped. Holdfast's controller runs for real.
//
// Claims:
//  1  lint finds what the page deals with, and lets it go on.
//  2  Every command works as written: to Holdfast, back to MetalLB, and to Holdfast for good.
//  3  No pool and no peer is lost, and no Service changes its address.
//  4  helm uninstall does delete MetalLB's definitions where step 3 is left out in part: the annotation alone is not enough.
//  5  With only the image swapped, MetalLB's service accounts may do what Holdfast does.
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensurePrograms } from '../cluster/binaries.ts'
import { clusterSkip } from '../cluster/capability.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { LabProcess } from '../harness/process.ts'
import { runScript } from '../harness/script.ts'
import { root } from '../deploy/helm.ts'
import { metallbCrds, writeChart, writeManifest } from './stand-in.ts'

const namespace = 'metallb-system'
const holdfast = join(root, 'node_modules', '.bin', 'holdfast')
const address = '192.0.2.7'

type Way = 'helm' | 'manifests'

/** One block of commands, with the number of its step and what the comment before says. */
interface Block {
  readonly script: string
  /** undefined: behind the numbered steps. */
  readonly step: number | undefined
  readonly marks: readonly string[]
  readonly notRun: boolean
}

const page = readFileSync(join(root, 'docs/operate/migrate-from-metallb.md'), 'utf8')

const blocks: readonly Block[] = page.split(/^(?=## )/m).flatMap((section) => {
  const number = /^## (\d+)\./.exec(section)?.[1]
  const isPreface = !section.startsWith('## ')
  const step = number === undefined ? (isPreface ? 0 : undefined) : Number(number)
  return [...section.matchAll(/(?:<!-- (.*) -->\n)?```sh\n([\s\S]*?)```/g)].map(([, note = '', script = '']) => {
    const notRun = note.startsWith('not run: ')
    return { script, step, notRun, marks: notRun || note === '' ? [] : note.split(' ') }
  })
})

const isFor = ({ marks }: Block, way: Way): boolean => {
  const other = way === 'helm' ? 'manifests' : 'helm'
  return !marks.includes(other)
}

/** Blocks set variables that later ones use. */
const preludeOf = (way: Way): string =>
  blocks
    .filter((block) => isFor(block, way))
    .flatMap(({ script }) => script.split('\n').filter((line) => /^[A-Z]+=/.test(line)))
    .join('\n')

test('three blocks of the page are not run, and it says why', () => {
  assert.equal(blocks.filter(({ notRun }) => notRun).length, 3)
  assert.ok(blocks.length > 25, `${blocks.length} blocks`)
})

const skip = existsSync(metallbCrds) ? clusterSkip('helm') : 'MetalLB’s own CRDs are not there'

/** A person's shell: a directory with the checkout's `deploy`, and MetalLB's chart and manifest in place of those of the network. */
class Shell {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-migrate-'))
  readonly chart: string
  readonly manifest: string
  readonly #env: Readonly<Record<string, string>>
  readonly #way: Way

  constructor(cluster: Cluster, way: Way, helm: string) {
    this.#way = way
    this.chart = writeChart(this.directory)
    this.manifest = writeManifest(this.directory)
    symlinkSync(join(root, 'deploy'), join(this.directory, 'deploy'))
    const KUBECONFIG = join(this.directory, 'kubeconfig')
    copyFileSync(cluster.kubeconfig(), KUBECONFIG)
    const PATH = [dirname(helm), dirname(cluster.kubectlPath), dirname(holdfast), process.env['PATH']].join(':')
    this.#env = { PATH, HOME: this.directory, KUBECONFIG }
  }

  /** Standard output; rejects with everything that was said where a command fails. */
  run(script: string): Promise<string> {
    const here = script
      .replaceAll('metallb/metallb --version 0.16.1', this.chart)
      .replaceAll(/https:\S+metallb-native\.yaml/g, this.manifest)
    return runScript(`${preludeOf(this.#way)}\n${here}`, { cwd: this.directory, env: this.#env })
  }

  async follow(chosen: readonly Block[]): Promise<void> {
    for (const block of chosen) if (!block.notRun && isFor(block, this.#way)) await this.run(block.script)
  }

  end(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const steps = (from: number, to: number): readonly Block[] =>
  blocks.filter(({ step }) => step !== undefined && step >= from && step <= to)

const objects = (): readonly object[] => [
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'public', namespace },
    spec: { addresses: ['192.0.2.0/24'] },
  },
  {
    apiVersion: 'metallb.io/v1beta2',
    kind: 'BGPPeer',
    metadata: { name: 'router-a', namespace },
    spec: { myASN: 64512, peerASN: 64500, peerAddress: '198.51.100.1', holdTime: '90s' },
  },
  {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'BGPAdvertisement',
    metadata: { name: 'public', namespace },
    spec: { ipAddressPools: ['public'] },
  },
  { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'default',
      annotations: { 'metallb.io/ip-allocated-from-pool': 'public' },
    },
    spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] },
  },
]

async function seed(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
  const list = { apiVersion: 'v1', kind: 'List', items: objects() }
  await cluster.kubectl(['create', '-f', '-'], { stdin: JSON.stringify(list) })
  const status = { status: { loadBalancer: { ingress: [{ ip: address }] } } }
  await cluster.client().merge('/api/v1/namespaces/default/services/web/status', status)
}

async function assertNothingLost(cluster: Cluster): Promise<void> {
  const kinds = 'ipaddresspools,bgppeers,bgpadvertisements'
  const names = await cluster.kubectl(['-n', namespace, 'get', kinds, '-o', 'name'])
  assert.equal(names.trim().split('\n').length, 3, names)
  const service = await cluster.client().get('/api/v1/namespaces/default/services/web')
  assert.equal(service.at('status').at('loadBalancer').at('ingress').list()[0]?.at('ip').text(), address)
}

/** Holdfast's controller, until it has taken the Service over. */
async function startController(cluster: Cluster): Promise<LabProcess> {
  const args = ['controller', '--kubeconfig', cluster.kubeconfig(), '--port=0', '--health-probe-port=0']
  const process = cluster.lab.start(undefined, 'controller', [holdfast, ...args])
  await eventually(
    'the controller has a block for the address',
    () => cluster.kubectl(['-n', namespace, 'get', 'addressblocks', '-o', 'json']),
    (text) => assert.match(text, new RegExp(`"${address.replaceAll('.', String.raw`\.`)}"`)),
    { timeoutMs: 60_000 },
  )
  return process
}

async function end(process: LabProcess): Promise<void> {
  process.signal('SIGTERM')
  await process.exited
}

for (const way of ['helm', 'manifests'] as const) {
  describe(`docs/operate/migrate-from-metallb.md from ${way}`, { skip }, () => {
    const cluster = useCluster()
    let shell: Shell

    before(async () => {
      const { helm } = await ensurePrograms(['helm'])
      shell = new Shell(cluster(), way, helm)
      await cluster().kubectl(['create', 'namespace', namespace])
      if (way === 'helm') await shell.run(`helm install metallb ${shell.chart} -n ${namespace}`)
      else await shell.run(`kubectl apply --server-side -f ${shell.manifest}`)
      await seed(cluster())
    })

    after(() => shell.end())

    test('lint names what the page deals with, and lets it go on', async () => {
      const report = Json.parse(await shell.run('holdfast lint -o json'))
      const codes = new Set(
        report
          .at('findings')
          .list()
          .map((one) => one.at('code').text()),
      )
      assert.equal(report.at('verdict').text(), 'ready with differences', [...codes].join(', '))
      assert.equal(report.at('bgpType').text(), 'native')
      for (const code of ['validating-webhook', 'conversion-webhook', 'metallb-workload', 'hold-time-enforced']) {
        assert.ok(codes.has(code), code)
      }
      assert.equal(codes.has('crds-of-release'), way === 'helm')
    })

    test('there and back again', async () => {
      await shell.follow(steps(0, 5).filter(({ marks }) => !marks.includes('controller')))
      const controller = await startController(cluster())
      await shell.follow(steps(5, 5).filter(({ marks }) => marks.includes('controller')))
      await shell.follow(steps(6, 7))
      await assertNothingLost(cluster())
      await end(controller)
      await shell.follow(blocks.filter(({ marks }) => marks.includes('back')))
      await assertNothingLost(cluster())
      const names = await shell.run('kubectl get validatingwebhookconfigurations -o name')
      assert.match(names, /metallb-webhook-configuration/)
      const conversion = await shell.run('kubectl get crd bgppeers.metallb.io -o jsonpath={.spec.conversion.strategy}')
      assert.equal(conversion, 'Webhook')
      assert.equal(
        await shell.run(`kubectl -n ${namespace} get "$SPEAKER" -o jsonpath={.spec.template.spec.affinity}`),
        '',
      )
    })

    test('and there for good', async () => {
      await shell.follow(steps(1, 5).filter(({ marks }) => !marks.includes('controller')))
      const controller = await startController(cluster())
      await shell.follow(steps(6, 8))
      await assertNothingLost(cluster())
      await end(controller)
      const left = await shell.run(`kubectl -n ${namespace} get deployments,daemonsets -o name`)
      assert.deepEqual(left.trim().split('\n').sort(), [
        'daemonset.apps/holdfast-speaker',
        'deployment.apps/holdfast-controller',
      ])
      // What the webhook would have been asked for.
      assert.match(await shell.run(`kubectl -n ${namespace} get bgppeers.v1beta1.metallb.io -o name`), /router-a/)
      const selector = await shell.run(
        `kubectl -n ${namespace} get daemonset holdfast-speaker -o jsonpath={.spec.template.spec.nodeSelector}`,
      )
      assert.doesNotMatch(selector, /holdfast/)
      const report = Json.parse(await shell.run('holdfast lint -o json'))
      assert.notEqual(report.at('verdict').text(), 'not ready')
    })
  })
}

describe('what the page warns of', { skip }, () => {
  const cluster = useCluster()

  test('with the annotation alone, helm uninstall deletes the definitions', async (t) => {
    const { helm } = await ensurePrograms(['helm'])
    const shell = new Shell(cluster(), 'helm', helm)
    t.after(() => shell.end())
    await cluster().kubectl(['create', 'namespace', namespace])
    await shell.run(`helm install metallb ${shell.chart} -n ${namespace}
      kubectl annotate --overwrite $(kubectl get crd -o name | grep 'metallb\\.io$') helm.sh/resource-policy=keep
      helm uninstall metallb -n ${namespace}`)
    await eventually(
      'the definitions are gone',
      () => shell.run('kubectl get crd -o name'),
      (names) => assert.doesNotMatch(names, /metallb\.io/),
    )
  })

  test('with only the image swapped, MetalLB’s service accounts may do what Holdfast does', async (t) => {
    const { helm } = await ensurePrograms(['helm'])
    const shell = new Shell(cluster(), 'manifests', helm)
    t.after(() => shell.end())
    await shell.run(`kubectl apply --server-side -f ${shell.manifest}
      kubectl wait --for=condition=Established --timeout=30s crd --all`)
    await shell.follow(blocks.filter(({ marks }) => marks.includes('swap')))
    const may = (account: string, what: string): Promise<string> =>
      shell.run(`kubectl auth can-i ${what} --as=system:serviceaccount:${namespace}:${account} || true`)
    assert.equal((await may('controller', 'patch services --subresource=status -n shop')).trim(), 'yes')
    assert.equal((await may('controller', `create addressblocks.holdfast.dev -n ${namespace}`)).trim(), 'yes')
    assert.equal((await may('speaker', `create nodestates.holdfast.dev -n ${namespace}`)).trim(), 'yes')
    assert.equal((await may('speaker', 'delete services -n shop')).trim(), 'no')
  })
})
