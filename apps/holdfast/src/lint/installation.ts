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

/** A controller of Holdfast's, as its Deployment says. */
export type OwnController = Pick<Workload, 'text' | 'isStopped' | 'options'>

/** What of MetalLB runs, and what of Holdfast beside it. */
export interface Installation {
  readonly workloads: readonly Workload[]
  /** Holdfast's own, which give addresses as MetalLB's does. */
  readonly ownControllers: readonly OwnController[]
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
    ownControllers: workloads.flatMap(ownControllerOf),
    frrK8s: workloads.filter(isFrrK8s).map(({ text }) => text),
    bgpType: found.map(bgpTypeOf).find((type) => type !== undefined),
    loadBalancerClass: classes[0],
  }
}

const ownImage = /(?:^|\/)holdfast(?:[:@]|$)/

/** By its image's name, or where that is another by the labels of our manifests; one that has MetalLB's arguments is in MetalLB's place. */
function ownControllerOf({ value, text }: Found): readonly OwnController[] {
  const isLabelled = textAt(value, 'metadata', 'labels', 'app.kubernetes.io/name') === 'holdfast'
  return containersOf(value).flatMap((container) => {
    const words = wordsOf(container)
    const isOwn = words[0] === 'controller' && (isLabelled || ownImage.test(textAt(container, 'image')))
    return isOwn ? [{ text, isStopped: isScaledToNothing(value), options: optionsOf(words) }] : []
  })
}

const images = /metallb[/-](controller|speaker)(?:[:@]|$)/

function workloadOf({ value, text }: Found): readonly Workload[] {
  const isStopped = isScaledToNothing(value)
  return containersOf(value).flatMap((container) => {
    const image = textAt(container, 'image')
    const program = images.exec(image)?.[1]
    if (program !== 'controller' && program !== 'speaker') return []
    const [options, environment] = [optionsOf(wordsOf(container)), environmentOf(container)]
    return [{ program, text, image, isStopped, options, environment }]
  })
}

const isScaledToNothing = (workload: unknown): boolean => valueAt(workload, 'spec', 'replicas') === 0

const wordsOf = (container: unknown): readonly string[] =>
  listAt(container, 'args').filter((word) => typeof word === 'string')

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
