// The chart and the plain manifests in a real API server:
//   - installed, upgraded with the same, and upgraded from the chart of the commit before: no error
//   - definitions of MetalLB's own that are there already are left alone; those of the release stay when it goes
//   - the manifests apply twice, the second time without a change
//   - the roles grant what deploy/rbac.json says, and the API server agrees: no Secret outside of the namespace
//   - the controller's pod is admitted where Pod Security is "restricted"
// Pods do not run: there is no kubelet.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { clusterSkip } from '../cluster/capability.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { serviceAccount } from '../cluster/cluster.ts'
import { useCluster } from '../cluster/use-cluster.ts'
import { Json } from '../harness/json.ts'
import { chart, containerOf, helm, nameOf, namespace, podOf, root, withValues } from './helm.ts'
import { ignoredValues, metallbsValues } from './metallbs-values.ts'

const metallbs = join(root, '../shared/metallb-crds')
const manifests = join(root, 'deploy/manifests')
const skip = clusterSkip('helm')

interface Grant {
  readonly program: 'controller' | 'speaker'
  readonly scope: 'cluster' | 'namespace'
  readonly group: string
  readonly resource: string
  readonly verbs: readonly string[]
  readonly names?: readonly string[]
}

const grants = JSON.parse(readFileSync(join(root, 'deploy/rbac.json'), 'utf8')) as readonly Grant[]

const install = (cluster: Cluster, from: string, ...more: readonly string[]): Promise<string> =>
  helm(
    ['upgrade', '--install', 'holdfast', from, '--namespace', namespace, '--create-namespace', ...more],
    cluster.kubeconfig(),
  )

const get = async (cluster: Cluster, ...what: readonly string[]): Promise<Json> =>
  Json.parse(await cluster.kubectl(['get', ...what, '-o', 'json']))

const definitionNames = async (cluster: Cluster): Promise<readonly string[]> =>
  (await get(cluster, 'crds'))
    .at('items')
    .list()
    .map((item) => item.at('metadata').at('name').text())
    .filter((name) => !name.endsWith('.coreos.com'))
    .sort()

const ourDefinitions = readdirSync(join(root, 'deploy/crds'))
  .map((file) => file.replace(/^([^_]+)_(.+)\.yaml$/, '$2.$1'))
  .sort()

describe('the chart in an empty cluster', { skip }, () => {
  const users = ['controller', 'speaker'].map((program) => serviceAccount(namespace, `holdfast-${program}`))
  const cluster = useCluster({ users })

  test('installs, and upgrades with itself without a change of any object', async () => {
    await install(cluster(), chart)
    assert.deepEqual(await definitionNames(cluster()), ourDefinitions)
    const generations = (): Promise<ReadonlyMap<string, number>> =>
      generationsOf(cluster(), '-n', namespace, 'crds,deployments,daemonsets,poddisruptionbudgets')
    const before = await generations()
    assert.equal(before.size, ourDefinitions.length + 3)
    await install(cluster(), chart)
    assert.deepEqual(await generations(), before)
  })

  test('what the API server stored of a definition is what deploy/crds has', async () => {
    for (const file of readdirSync(join(root, 'deploy/crds'))) {
      const { code, stdout } = await cluster().kubectlResult(['diff', '-f', join(root, 'deploy/crds', file)])
      const changed = stdout.split('\n').filter((line) => /^[+-] /.test(line))
      const expected = /generation|annotations:|helm\.sh|meta\.helm\.sh|labels:|managed-by/
      assert.deepEqual(
        changed.filter((line) => !expected.test(line)),
        [],
        `${file} ${code}`,
      )
    }
  })

  test('the roles grant what deploy/rbac.json lists, and nothing else', async () => {
    for (const program of ['controller', 'speaker'] as const) {
      for (const scope of ['cluster', 'namespace'] as const) {
        const kind = scope === 'cluster' ? ['clusterrole'] : ['-n', namespace, 'role']
        const role = await get(cluster(), ...kind, `holdfast-${program}`)
        const wanted = grants.filter((grant) => grant.program === program && grant.scope === scope)
        assert.deepEqual(
          role.at('rules').list().flatMap(permissionsOf).sort(),
          wanted.flatMap(permissionsOfGrant).sort(),
        )
      }
    }
  })

  test('the API server lets them do that, and no more', async () => {
    const may = async (program: string, ...question: readonly string[]): Promise<boolean> => {
      const user = serviceAccount(namespace, `holdfast-${program}`).name
      const { stdout } = await cluster().kubectlResult(['auth', 'can-i', ...question], { user })
      return stdout.startsWith('yes')
    }
    assert.equal(await may('speaker', 'list', 'secrets', '-n', namespace), true)
    assert.equal(await may('speaker', 'list', 'secrets', '-n', 'default'), false)
    assert.equal(await may('speaker', 'list', 'secrets', '--all-namespaces'), false)
    assert.equal(await may('controller', 'list', 'secrets', '-n', namespace), false)
    assert.equal(await may('controller', 'patch', 'services', '--subresource=status', '-n', 'default'), true)
    assert.equal(await may('controller', 'patch', 'services', '-n', 'default'), false)
    assert.equal(await may('speaker', 'patch', 'services', '--subresource=status', '-n', 'default'), false)
    assert.equal(await may('speaker', 'list', 'addressblocks.holdfast.dev', '-n', namespace), false)
    assert.equal(await may('controller', 'update', 'leases/holdfast-controller', '-n', namespace), true)
    assert.equal(await may('controller', 'update', 'leases/another', '-n', namespace), false)
  })

  test("the controller's pod is admitted where Pod Security is restricted; the speaker's needs privileged, for the node's network", async () => {
    const levels = ['restricted', 'baseline', 'privileged'] as const
    for (const level of levels) {
      const labels = { 'pod-security.kubernetes.io/enforce': level }
      const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `psa-${level}`, labels } }
      await cluster().kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(made) })
    }
    const isAdmitted = async (workload: string, level: string): Promise<boolean> => {
      const template = (await get(cluster(), '-n', namespace, workload)).at('spec').at('template')
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', namespace: `psa-${level}` } }
      const spec: unknown = JSON.parse(
        await cluster().kubectl(['get', '-n', namespace, workload, '-o', 'jsonpath={.spec.template.spec}']),
      )
      assert.ok(!template.isMissing)
      const { code, stderr } = await cluster().kubectlResult(['create', '--dry-run=server', '-f', '-'], {
        stdin: JSON.stringify({ ...pod, spec }),
      })
      if (code !== 0) assert.match(stderr, /violates PodSecurity/)
      return code === 0
    }
    assert.equal(await isAdmitted('deployment/holdfast-controller', 'restricted'), true)
    assert.equal(await isAdmitted('daemonset/holdfast-speaker', 'baseline'), false)
    assert.equal(await isAdmitted('daemonset/holdfast-speaker', 'privileged'), true)
  })

  test("installed with a values file of MetalLB's, the notes name what has no effect; with the defaults there is nothing to name", async () => {
    await makeMonitoringKinds(cluster())
    const notesOf = async (values: unknown): Promise<string> => {
      const text = await withValues(values, (file) => install(cluster(), chart, '--dry-run=server', '-f', file))
      return text.split('NOTES:')[1] ?? ''
    }
    const notes = await notesOf(metallbsValues)
    const named = /have no effect:\n((?: {2}.*\n)*)/.exec(notes)?.[1] ?? ''
    assert.deepEqual([...named.matchAll(/^ {2}(\S+)/gm)].map(([, key]) => key).sort(), [...ignoredValues].sort())
    assert.doesNotMatch(await notesOf({}), /no effect/)
  })

  test('every optional part is accepted too', async () => {
    await makeMonitoringKinds(cluster())
    const monitors = [
      'prometheus.serviceAccount=p',
      'prometheus.namespace=m',
      'prometheus.podMonitor.enabled=true',
      'prometheus.serviceMonitor.enabled=true',
      'prometheus.prometheusRule.enabled=true',
    ]
    const sets = ['networkpolicies.enabled=true', 'networkpolicies.defaultDeny=true', 'grafana.dashboard.enabled=true']
    const tls = [
      'tls.controllerMetricsTLSSecret=a',
      'tls.speakerMetricsTLSSecret=b',
      'prometheus.scrapeAnnotations=true',
    ]
    await install(cluster(), chart, ...[...monitors, ...sets, ...tls].flatMap((set) => ['--set', set]))
    const speaker = await get(cluster(), '-n', namespace, 'daemonset/holdfast-speaker')
    assert.ok(
      containerOf(speaker)
        .at('volumeMounts')
        .list()
        .some((mount) => mount.at('name').text() === 'metrics-certificate'),
    )
    const board = await get(cluster(), '-n', namespace, 'configmap/holdfast-dashboard')
    assert.equal(Json.parse(board.at('data').at('holdfast.json').text()).at('title').text(), 'Holdfast')
  })

  test('definitions and objects stay when the release goes, and a new release takes them up', async () => {
    const pool = {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      metadata: { name: 'kept', namespace },
      spec: { addresses: ['192.0.2.0/24'] },
    }
    await cluster().kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(pool) })
    await helm(['uninstall', 'holdfast', '-n', namespace], cluster().kubeconfig())
    assert.deepEqual(await definitionNames(cluster()), ourDefinitions)
    await install(cluster(), chart)
    assert.equal((await get(cluster(), '-n', namespace, 'ipaddresspool/kept')).at('metadata').at('name').text(), 'kept')
    await cluster().kubectl(['delete', '-n', namespace, 'ipaddresspool/kept'])
  })
})

/** The kinds of Prometheus Operator, without their schemas. */
async function makeMonitoringKinds(cluster: Cluster): Promise<void> {
  const group = 'monitoring.coreos.com'
  for (const kind of ['ServiceMonitor', 'PodMonitor', 'PrometheusRule']) {
    const plural = `${kind.toLowerCase()}s`
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind, plural },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    }
    await cluster.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(definition) })
    await cluster.kubectl(['wait', '--for=condition=Established', `crd/${definition.metadata.name}`])
  }
}

const permissionsOf = (rule: Json): readonly string[] =>
  permissions(
    texts(rule.at('apiGroups')),
    texts(rule.at('resources')),
    texts(rule.at('verbs')),
    texts(rule.at('resourceNames')),
  )

const permissionsOfGrant = ({ group, resource, verbs, names = [] }: Grant): readonly string[] =>
  permissions([group], [resource], verbs, names)

const permissions = (
  groups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
  names: readonly string[],
): readonly string[] =>
  groups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group} ${names.join()}`)),
  )

const texts = (list: Json): readonly string[] => list.list().map((element) => element.text())

const previous = previousChart(root)

describe('the chart of the commit before', { skip: skip || (typeof previous === 'string' ? previous : false) }, () => {
  const cluster = useCluster()

  test('is upgraded to this one without an error, and its definitions with it', async () => {
    assert.ok(typeof previous === 'object')
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-chart-'))
    try {
      const archive = execFileSync('git', ['archive', previous.commit, 'deploy'], { cwd: root, maxBuffer: 64 << 20 })
      execFileSync('tar', ['-x', '-C', folder], { input: archive })
      await install(cluster(), join(folder, 'deploy/helm/holdfast'))
      await install(cluster(), chart)
      for (const name of ourDefinitions) assert.ok((await definitionNames(cluster())).includes(name), name)
      const speaker = await get(cluster(), '-n', namespace, 'daemonset/holdfast-speaker')
      assert.ok(podOf(speaker).at('hostNetwork').isTrue())
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

test('in a shallow clone there is no commit before: the upgrade is left out with that reason', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-shallow-'))
  try {
    const git = (cwd: string, ...args: readonly string[]): string =>
      execFileSync('git', ['-c', 'user.name=lab', '-c', 'user.email=lab@example.com', ...args], {
        cwd,
        encoding: 'utf8',
      })
    const whole = join(folder, 'whole')
    mkdirSync(join(whole, 'deploy/helm/holdfast'), { recursive: true })
    git(whole, 'init', '--quiet')
    for (const version of ['0.1.0', '0.2.0']) {
      writeFileSync(join(whole, 'deploy/helm/holdfast/Chart.yaml'), `version: ${version}\n`)
      git(whole, 'add', '.')
      git(whole, 'commit', '--quiet', '--message', version)
    }
    assert.deepEqual(previousChart(whole), { commit: git(whole, 'rev-parse', 'HEAD~1').trim() })
    git(folder, 'clone', '--quiet', '--depth', '1', `file://${whole}`, 'shallow')
    assert.equal(previousChart(join(folder, 'shallow')), 'the clone is shallow: it has no commit before')
    writeFileSync(join(whole, 'deploy/helm/holdfast/Chart.yaml'), 'version: 0.3.0\n')
    assert.deepEqual(previousChart(whole), { commit: git(whole, 'rev-parse', 'HEAD').trim() })
    assert.equal(previousChart(folder), 'no commit before has another chart')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The newest commit whose chart differs from the working tree's; else why there is none. */
function previousChart(repository: string): { readonly commit: string } | string {
  const git = (...args: readonly string[]): string => {
    try {
      const stdio = ['ignore', 'pipe', 'ignore'] as const
      return execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio: [...stdio] }).trim()
    } catch {
      return ''
    }
  }
  const isChanged = git('status', '--porcelain', '--', 'deploy') !== ''
  const commits = git('log', '-2', '--format=%H', '--', 'deploy').split('\n')
  const commit = commits[isChanged ? 0 : 1] ?? ''
  if (commit === '' || git('cat-file', '-t', `${commit}:deploy/helm/holdfast/Chart.yaml`) !== 'blob') {
    const isShallow = git('rev-parse', '--is-shallow-repository') === 'true'
    return isShallow ? 'the clone is shallow: it has no commit before' : 'no commit before has another chart'
  }
  return { commit }
}

describe(
  "the chart where MetalLB's definitions are",
  { skip: skip || (!existsSync(metallbs) && "MetalLB's CRDs are not beside the repository") },
  () => {
    const cluster = useCluster()

    test('leaves them alone, says so, and brings its own', async () => {
      for (const file of readdirSync(metallbs).filter((name) => name.endsWith('.yaml'))) {
        await cluster().kubectl(['apply', '-f', join(metallbs, file)])
      }
      const before = await generationsOf(cluster(), 'crds')
      const notes = await install(cluster(), chart)
      assert.match(notes, /definitions were here already/)
      assert.match(notes, /bgppeers\.metallb\.io/)
      const after = await generationsOf(cluster(), 'crds')
      for (const [name, version] of before) assert.equal(after.get(name), version, name)
      assert.ok(after.has('CustomResourceDefinition/addressblocks.holdfast.dev'))
      // Also when it is upgraded.
      await install(cluster(), chart)
      for (const [name, version] of before)
        assert.equal((await generationsOf(cluster(), 'crds')).get(name), version, name)
    })
  },
)

/** How often the API server has seen the specification of each change, by kind and name. */
async function generationsOf(cluster: Cluster, ...what: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const items = (await get(cluster, ...what)).at('items').list()
  return new Map(items.map((item) => [nameOf(item), item.at('metadata').at('generation').number()]))
}

describe('the plain manifests', { skip }, () => {
  const cluster = useCluster()

  test('apply twice, the second time without a change; without them the configuration stays', async () => {
    const files = ['namespace-and-crds.yaml', 'holdfast.yaml'].map((file) => join(manifests, file))
    const apply = async (): Promise<ReadonlyMap<string, number>> => {
      for (const file of files) await cluster().kubectl(['apply', '-f', file])
      return generationsOf(cluster(), '-n', namespace, 'crds,deployments,daemonsets,poddisruptionbudgets')
    }
    const before = await apply()
    assert.equal(before.size, ourDefinitions.length + 3)
    assert.deepEqual(await apply(), before)
    await cluster().kubectl(['delete', '-f', join(manifests, 'holdfast.yaml')])
    assert.deepEqual(await definitionNames(cluster()), ourDefinitions)
    const labels = (await get(cluster(), 'namespace', namespace)).at('metadata').at('labels')
    assert.equal(labels.at('pod-security.kubernetes.io/enforce').text(), 'privileged')
  })
})
