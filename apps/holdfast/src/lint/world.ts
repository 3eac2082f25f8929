import type { Evaluation, RawObject } from '@holdfast/model'
import { textAt } from '../kubernetes/fields-at.ts'
import type { Refusal } from '../kubernetes/in-force.ts'
import { createInForce, refusalsOf } from '../kubernetes/in-force.ts'
import type { Installation } from './installation.ts'
import { installationIn } from './installation.ts'

/** MetalLB's BGP back-ends (METALLB_BGP_TYPE). */
export type BgpType = 'native' | 'frr' | 'frr-k8s'

/** A kind of object that could not be looked at. */
export interface NotRead {
  /** `frrconfigurations.frrk8s.metallb.io` */
  readonly resource: string
  /** The API server does not know the kind, or does not show it to this user. */
  readonly reason: 'notThere' | 'forbidden'
}

/** What is looked at: a cluster, or files. */
export interface LintInput {
  readonly objects: readonly RawObject[]
  readonly notRead: readonly NotRead[]
  /** A cluster gives every Service its cluster IPs and has statuses; files have neither. */
  readonly isLive: boolean
  /** undefined: as MetalLB's speaker says. */
  readonly bgpType: BgpType | undefined
  /** undefined: as MetalLB's controller says. */
  readonly loadBalancerClass: string | undefined
}

/** An object with its name at hand. */
export interface Found {
  readonly value: unknown
  readonly namespace: string
  readonly name: string
  /** `Kind NAMESPACE/NAME` */
  readonly text: string
}

/** What the rules look at. */
export interface World extends LintInput {
  /** Objects of a kind. The group is empty for Kubernetes' core. */
  readonly of: (group: string, kind: string) => readonly Found[]
  readonly installation: Installation
  readonly evaluation: Evaluation
  /** What only the programs of the cluster refuse, which is not in force there. */
  readonly refused: readonly Refusal[]
}

/** Sorts objects by kind, reads MetalLB's workloads, and evaluates the configuration as Holdfast would, or does where it runs. */
export function worldOf(input: LintInput): World {
  const byKind = new Map<string, Found[]>()
  for (const { value } of input.objects) {
    const key = kindKey(groupOf(value), textAt(value, 'kind'))
    const found = byKind.get(key) ?? []
    found.push(foundOf(value))
    byKind.set(key, found)
  }
  const of: World['of'] = (group, kind) => byKind.get(kindKey(group, kind)) ?? []
  const installation = installationIn([...of('apps', 'Deployment'), ...of('apps', 'DaemonSet')])
  const states = of('metallb.io', 'ConfigurationState').map(({ value }) => value)
  const { evaluation, refused } = createInForce(input.objects, refusalsOf(states)).asControllerSays
  return {
    ...input,
    bgpType: input.bgpType ?? installation.bgpType,
    loadBalancerClass: input.loadBalancerClass ?? installation.loadBalancerClass,
    of,
    installation,
    evaluation,
    refused,
  }
}

/** `Kind NAMESPACE/NAME`, or `Kind NAME` for what is in no namespace. */
export const objectText = (kind: string, namespace: string, name: string): string =>
  `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`

const kindKey = (group: string, kind: string): string => `${group} ${kind}`

function groupOf(value: unknown): string {
  const apiVersion = textAt(value, 'apiVersion')
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}

function foundOf(value: unknown): Found {
  const [namespace, name] = [textAt(value, 'metadata', 'namespace'), textAt(value, 'metadata', 'name')]
  return { value, namespace, name, text: objectText(textAt(value, 'kind'), namespace, name) }
}
