import { listAt, textAt, valueAt } from '../kubernetes/fields-at.ts'
import type { BgpType, Found } from './world.ts'

/** A program of MetalLB, as its workload says. */
export interface Workload {
  readonly program: 'controller' | 'speaker'
  /** `DaemonSet metallb-system/speaker` */
  readonly text: string
  readonly image: string
  /** A Deployment that is scaled to nothing. */
  readonly isStopped: boolean
  /** Options by name, without dashes; `true` for one without a value. */
  readonly options: ReadonlyMap<string, string>
  readonly environment: ReadonlyMap<string, string>
}

/** What of MetalLB runs. */
export interface Installation {
  readonly workloads: readonly Workload[]
  /** Of frr-k8s. */
  readonly frrK8s: readonly string[]
  /** undefined: no workload says. */
  readonly bgpType: BgpType | undefined
  /** What MetalLB serves; undefined: Services that name no class, or nobody knows. */
  readonly loadBalancerClass: string | undefined
}

/** Finds MetalLB's programs among Deployments and DaemonSets, by their images, wherever those were copied to. */
export function installationIn(workloads: readonly Found[]): Installation {
  const found = workloads.flatMap(workloadOf)
  const classes = found.map(({ options }) => options.get('lb-class')).filter((one) => one !== undefined && one !== '')
  return {
    workloads: found,
    frrK8s: workloads.filter(isFrrK8s).map(({ text }) => text),
    bgpType: found.map(bgpTypeOf).find((type) => type !== undefined),
    loadBalancerClass: classes[0],
  }
}

const images = /metallb[/-](controller|speaker)(?:[:@]|$)/

function workloadOf({ value, text }: Found): readonly Workload[] {
  const isStopped = valueAt(value, 'spec', 'replicas') === 0
  return containersOf(value).flatMap((container) => {
    const image = textAt(container, 'image')
    const program = images.exec(image)?.[1]
    if (program !== 'controller' && program !== 'speaker') return []
    const words = listAt(container, 'args').filter((word) => typeof word === 'string')
    return [{ program, text, image, isStopped, options: optionsOf(words), environment: environmentOf(container) }]
  })
}

const containersOf = (workload: unknown): readonly unknown[] =>
  listAt(workload, 'spec', 'template', 'spec', 'containers')

const isFrrK8s = ({ value }: Found): boolean =>
  containersOf(value).some((container) => /(?:^|\/)frr-k8s(?:[:@]|$)/.test(textAt(container, 'image')))

/** Of the speaker, which alone speaks BGP. Without the variable MetalLB is native. */
function bgpTypeOf({ program, environment }: Workload): BgpType | undefined {
  if (program !== 'speaker') return undefined
  const type = environment.get('METALLB_BGP_TYPE') ?? 'native'
  return type === 'frr' || type === 'frr-k8s' ? type : 'native'
}

/** As Go's programs take them: one dash or two, a value behind `=` or, but for true and false, as the next word. */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const [index, word] of words.entries()) {
    const [, name, value] = /^--?([a-z][\w-]*)(?:=(.*))?$/.exec(word) ?? []
    if (name === undefined) continue
    const next = words[index + 1]
    options.set(name, value ?? (next === undefined || next.startsWith('-') ? 'true' : next))
  }
  return options
}

const environmentOf = (container: unknown): ReadonlyMap<string, string> =>
  new Map(listAt(container, 'env').map((one) => [textAt(one, 'name'), textAt(one, 'value')]))
