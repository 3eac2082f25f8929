// A pod of one container as a process in a network namespace: the arguments, environment, volumes and credentials that its
// manifest gives it, and its probes.
import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'
import { serviceAccount } from '../cluster/cluster.ts'
import { boundToUs } from '../cluster/control-plane.ts'
import { run } from '../harness/command.ts'
import type { Json } from '../harness/json.ts'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import { root } from '../deploy/helm.ts'
import type { MetallbPrograms } from './programs.ts'

/** Where a pod runs: the namespace of a node for those of its network, else one of its own. */
export interface PodPlace {
  readonly namespace: string
  readonly ipv4: string
}

export interface PodPlan {
  readonly name: string
  /** The pod's namespace in the cluster. */
  readonly namespace: string
  readonly node: string
  readonly place: PodPlace
  /** The workload's `spec.template`. */
  readonly template: Json
}

export interface PodWorld {
  readonly lab: Lab
  readonly cluster: Cluster
  readonly metallb: MetallbPrograms
}

/** Data of the Secrets that a pod mounts, by their mount path. */
export type Volumes = ReadonlyMap<string, Readonly<Record<string, Buffer>>>

/** The container that is looked at: the first. */
export function containerIn(template: Json): Json {
  const [container] = template.at('spec').at('containers').list()
  if (container === undefined) throw new Error('a pod without a container')
  return container
}

/** The names of the Secrets that the pod cannot start without, by where it has them. */
export function secretsOf(template: Json): ReadonlyMap<string, string> {
  const secrets = new Map(
    template
      .at('spec')
      .at('volumes')
      .list()
      .map((volume) => [volume.at('name').text(), volume.at('secret').at('secretName').textOr('')] as const),
  )
  return new Map(
    containerIn(template)
      .at('volumeMounts')
      .list()
      .map((mount) => [mount.at('mountPath').text(), secrets.get(mount.at('name').text()) ?? ''] as const)
      .filter(([, secret]) => secret !== ''),
  )
}

const commandOf = (image: string, metallb: MetallbPrograms): string => {
  if (image.includes('metallb/controller:')) return metallb.controller
  if (image.includes('metallb/speaker:')) return metallb.speaker
  if (image.includes('/holdfast:')) return join(root, 'node_modules', '.bin', 'holdfast')
  throw new Error(`nothing stands for the image ${image}`)
}

/** Directories of the pod's own, mounted over /run, /etc and /var/lib in a mount namespace of its own. */
const script =
  'mount --bind "$1/run" /run && mount --bind "$1/etc" /etc && mount --bind "$2" /var/lib && shift 2 && exec "$@"'

export function startPod({ lab, cluster, metallb }: PodWorld, plan: PodPlan, volumes: Volumes): LabProcess {
  const container = containerIn(plan.template)
  const own = join(lab.directory, 'pods', plan.name)
  const state = join(lab.directory, 'host', plan.place.namespace)
  for (const folder of ['run/holdfast', 'run/secrets/kubernetes.io', 'etc']) {
    mkdirSync(join(own, folder), { recursive: true })
  }
  mkdirSync(join(state, 'holdfast'), { recursive: true })
  const account = serviceAccount(plan.namespace, plan.template.at('spec').at('serviceAccountName').text())
  cpSync(cluster.serviceAccountDirectory(account.name), join(own, 'run/secrets/kubernetes.io/serviceaccount'), {
    recursive: true,
  })
  writeVolumes(own, volumes)
  const environment = environmentOf(cluster, plan)
  const words = container
    .at('args')
    .list()
    .map((word) => word.text().replaceAll(/\$\((\w+)\)/g, (_, name: string) => environment.get(name) ?? ''))
  const program = commandOf(container.at('image').text(), metallb)
  // The one volume that is below /tmp, where the programs are: MetalLB's rotator takes an option, its web server the system's place.
  const certificates = program === metallb.controller ? [`--cert-dir=${join(own, certificateFolder)}`] : []
  return lab.start(
    plan.place.namespace,
    plan.name,
    boundToUs([
      ...['env', '-i', `TMPDIR=${join(own, 'tmp')}`, ...[...environment].map(([name, value]) => `${name}=${value}`)],
      ...['sh', '-c', script, 'pod', own, state, program, ...words, ...certificates],
    ]),
  )
}

const certificateFolder = 'tmp/k8s-webhook-server/serving-certs'

/** Also while the pod runs: what a Secret says now. */
export function refreshVolumes({ lab }: PodWorld, name: string, volumes: Volumes): void {
  writeVolumes(join(lab.directory, 'pods', name), volumes)
}

function writeVolumes(own: string, volumes: Volumes): void {
  for (const [path, data] of volumes) {
    const folder = join(own, path)
    mkdirSync(folder, { recursive: true })
    for (const [name, bytes] of Object.entries(data)) {
      // At once, as a kubelet does it: MetalLB's controller reads its certificate as soon as the file is there.
      const temporary = join(folder, `.${name}`)
      writeFileSync(temporary, bytes)
      renameSync(temporary, join(folder, name))
    }
  }
}

function environmentOf(cluster: Cluster, plan: PodPlan): ReadonlyMap<string, string> {
  const server = new URL(cluster.placeUrls[0] ?? cluster.url)
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': plan.name,
    'metadata.namespace': plan.namespace,
    'spec.nodeName': plan.node,
    'status.hostIP': plan.place.ipv4,
    'status.podIP': plan.place.ipv4,
  }
  const said = containerIn(plan.template)
    .at('env')
    .list()
    .map((one): readonly [string, string] => [
      one.at('name').text(),
      one.at('value').textOr(undefined) ?? fields[one.at('valueFrom').at('fieldRef').at('fieldPath').textOr('')] ?? '',
    ])
  return new Map([
    ['PATH', `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`],
    ['HOME', '/'],
    ['KUBERNETES_SERVICE_HOST', server.hostname],
    ['KUBERNETES_SERVICE_PORT', server.port],
    ...said,
  ])
}

/** What the kubelet's HTTP probe would see; `none`: the manifest has no such probe. */
export async function probe(plan: PodPlan, which: 'livenessProbe' | 'readinessProbe'): Promise<string> {
  const request = containerIn(plan.template).at(which).at('httpGet')
  if (request.isMissing) return 'none'
  const host = request.at('host').textOr(plan.place.ipv4)
  return curl(plan.place, `http://${host}:${request.at('port').number()}${request.at('path').text()}`)
}

/** The status code, or why there is none. */
async function curl({ namespace }: PodPlace, url: string): Promise<string> {
  const args = ['-sS', '--max-time', '2', '-o', '/dev/null', '-w', '%{http_code}', url]
  return run('ip', 'netns', 'exec', namespace, 'curl', ...args).catch(
    (error: unknown) => String(error).split('\n')[1] ?? '',
  )
}

/** The lines of a pod's metrics that begin with `metallb_`, as whoever may read them has them. */
export async function metallbMetrics(plan: PodPlan, cluster: Cluster, port: number): Promise<readonly string[]> {
  const header = `authorization: Bearer ${cluster.token()}`
  const url = `https://127.0.0.1:${port}/metrics`
  const text = await run('ip', 'netns', 'exec', plan.place.namespace, 'curl', '-sSk', '-H', header, url)
  return text.split('\n').filter((line) => line.startsWith('metallb_'))
}
