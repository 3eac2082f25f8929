import { meaningless } from '../kubernetes/flags.ts'
import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { Finding } from './finding.ts'
import { finding, findingAbout } from './finding.ts'
import type { OwnController, Workload } from './installation.ts'
import type { Found, World } from './world.ts'

/** What of MetalLB, of FRR and of other BGP speakers is installed, and what becomes of it. */
export function installationFindings(world: World): readonly Finding[] {
  const { workloads, frrK8s } = world.installation
  return [
    ...workloads.map((workload) => workloadFinding(workload, world)),
    ...findingAbout('two-controllers', rivals(world)),
    ...workloads.flatMap(keptOptions),
    ...workloads.flatMap(idleOptions),
    ...findingAbout('frr-k8s', frrK8s),
    ...(world.bgpType === 'frr-k8s' ? [finding('metrics-renamed', [])] : []),
    ...frrConfigurations(world),
    ...findingAbout('raw-frr-configuration', named(world.of('', 'ConfigMap').filter(isExtras))),
    ...webhookFindings(world),
    ...definitionFindings(world),
    ...otherSpeakers(world),
  ]
}

const named = (objects: readonly Found[]): readonly string[] => objects.map(({ text }) => text)

function workloadFinding({ program, text, image, isStopped, environment }: Workload, { bgpType }: World): Finding {
  const type =
    program === 'speaker' ? `, BGP back-end ${environment.get('METALLB_BGP_TYPE') ?? bgpType ?? 'native'}` : ''
  return finding('metallb-workload', [text], {
    message: `MetalLB’s ${program} (${image}${type}${isStopped ? ', scaled to nothing' : ''})`,
  })
}

/** Controllers of both products that give addresses to the same Services; none where only one product has any. */
function rivals({ installation: { workloads, ownControllers } }: World): readonly string[] {
  const theirs = workloads.filter(({ program, isStopped }) => program === 'controller' && !isStopped)
  const ours = ownControllers.filter(({ isStopped }) => !isStopped)
  const isSame = (one: OwnController, other: OwnController): boolean => classOf(one) === classOf(other)
  return [
    ...theirs.filter((one) => ours.some((other) => isSame(one, other))),
    ...ours.filter((one) => theirs.some((other) => isSame(one, other))),
  ].map(({ text }) => text)
}

const classOf = ({ options }: OwnController): string => options.get('lb-class') ?? ''

function keptOptions({ text, program, options }: Workload): readonly Finding[] {
  const loadBalancerClass = options.get('lb-class') ?? ''
  const kept = [
    ...(loadBalancerClass === '' ? [] : [`--lb-class=${loadBalancerClass}`]),
    ...(program === 'speaker' && isOn(options.get('ignore-exclude-lb')) ? ['--ignore-exclude-lb'] : []),
  ]
  return kept.map((option) =>
    finding('flag-to-keep', [text], {
      message: `MetalLB’s ${program} was started with ${option}`,
      remedy: `Start holdfast ${program} with it${option.startsWith('--lb') ? ' (Helm: loadBalancerClass)' : ' (Helm: speaker.ignoreExcludeLB)'}.`,
    }),
  )
}

const isOn = (value: string | undefined): boolean => value !== undefined && value !== 'false'

function idleOptions({ text, options }: Workload): readonly Finding[] {
  const idle = [...options.keys()].flatMap((name) => {
    const why = meaningless[name]
    return why === undefined ? [] : [`--${name} (${why})`]
  })
  return idle.length === 0
    ? []
    : [finding('flag-without-effect', [text], { message: `without effect: ${idle.join(', ')}` })]
}

/** FRRConfigurations: those with raw text, those that users wrote, and those that MetalLB's speakers write, one for each node. */
function frrConfigurations({ of }: World): readonly Finding[] {
  const all = of('frrk8s.metallb.io', 'FRRConfiguration')
  const raw = all.filter(({ value }) => textAt(value, 'spec', 'raw', 'rawConfig') !== '')
  const generated = all.filter((one) => isGenerated(one) && !raw.includes(one))
  const others = all.filter((one) => !raw.includes(one) && !generated.includes(one))
  return [
    ...findingAbout('raw-frr-configuration', named(raw)),
    ...findingAbout('frr-configuration', named(others)),
    ...findingAbout('generated-frr-configuration', named(generated)),
  ]
}

/** `metallb-NODE`, for that node alone. */
function isGenerated({ name, value }: Found): boolean {
  const node = textAt(value, 'spec', 'nodeSelector', 'matchLabels', 'kubernetes.io/hostname')
  return node !== '' && name === `metallb-${node}`
}

const isExtras = ({ name, value }: Found): boolean => name === 'bgpextras' && textAt(value, 'data', 'extras') !== ''

/** Whether MetalLB's controller is known to be gone: Deployments were looked at, and none is its or that one is scaled to nothing. */
const isControllerGone = ({ installation, notRead, isLive }: World): boolean =>
  isLive &&
  !notRead.some(({ resource }) => resource.startsWith('deployments.')) &&
  !installation.workloads.some(({ program, isStopped }) => program === 'controller' && !isStopped)

function webhookFindings(world: World): readonly Finding[] {
  const failing = world
    .of('admissionregistration.k8s.io', 'ValidatingWebhookConfiguration')
    .filter(({ value }) => listAt(value, 'webhooks').some(isFailClosed))
  return findingAbout(isControllerGone(world) ? 'orphaned-webhook' : 'validating-webhook', named(failing))
}

/** Fail is the default of failurePolicy. */
const isFailClosed = (webhook: unknown): boolean =>
  textAt(webhook, 'failurePolicy') !== 'Ignore' &&
  listAt(webhook, 'rules').some((rule) => listAt(rule, 'apiGroups').includes('metallb.io'))

function definitionFindings(world: World): readonly Finding[] {
  const definitions = world
    .of('apiextensions.k8s.io', 'CustomResourceDefinition')
    .filter(({ value }) => textAt(value, 'spec', 'group') === 'metallb.io')
  const converted = definitions.filter(({ value }) => textAt(value, 'spec', 'conversion', 'strategy') === 'Webhook')
  const stored = definitions.filter(
    ({ name, value }) =>
      name === 'bgppeers.metallb.io' && listAt(value, 'status', 'storedVersions').includes('v1beta1'),
  )
  return [
    ...findingAbout(isControllerGone(world) ? 'orphaned-conversion' : 'conversion-webhook', named(converted)),
    ...findingAbout('stored-v1beta1', named(stored)),
    ...findingAbout('crds-of-release', named(definitions.filter(isOfOtherRelease))),
  ]
}

/** Ours keep their kinds: `helm.sh/resource-policy: keep` is in the chart. */
const isOfOtherRelease = ({ value }: Found): boolean =>
  annotation(value, 'meta.helm.sh/release-name') !== '' && annotation(value, 'helm.sh/resource-policy') !== 'keep'

const annotation = (value: unknown, name: string): string => textAt(value, 'metadata', 'annotations', name)

function otherSpeakers({ of }: World): readonly Finding[] {
  const configured = [
    ...of('crd.projectcalico.org', 'BGPPeer'),
    ...of('cilium.io', 'CiliumBGPClusterConfig'),
    ...of('cilium.io', 'CiliumBGPPeeringPolicy'),
  ]
  const running = of('apps', 'DaemonSet').filter(({ value }) =>
    listAt(value, 'spec', 'template', 'spec', 'containers').some(isBgpContainer),
  )
  return findingAbout('other-bgp-speaker', named([...configured, ...running]))
}

/** kube-router, and Calico's node unless it is told to do without BIRD. */
function isBgpContainer(container: unknown): boolean {
  const image = textAt(container, 'image')
  if (/(?:^|\/)kube-router(?:[:@]|$)/.test(image)) return true
  if (!/(?:^|\/)(?:calico[/-])?node(?:[:@]|$)/.test(image) || !image.includes('calico')) return false
  const backend = listAt(container, 'env').find((one) => valueAt(one, 'name') === 'CALICO_NETWORKING_BACKEND')
  return backend === undefined || !['vxlan', 'none'].includes(textAt(backend, 'value'))
}
