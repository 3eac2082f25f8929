import { textAt } from '../kubernetes/fields-at.ts'
import { configurationFindings } from './configuration-rules.ts'
import type { Finding, Severity } from './finding.ts'
import { finding } from './finding.ts'
import { installationFindings } from './installation-rules.ts'
import { serviceFindings } from './service-rules.ts'
import type { BgpType, LintInput, NotRead, World } from './world.ts'
import { worldOf } from './world.ts'

export type Verdict = 'ready' | 'ready with differences' | 'not ready'

/** `holdfast lint -o json`; docs/reference/lint.md describes every field. */
export interface LintReport {
  readonly verdict: Verdict
  /** What MetalLB's speaker runs with; null where nothing says: what depends on it is told in any case. */
  readonly bgpType: BgpType | null
  /** null: Services that name none. */
  readonly loadBalancerClass: string | null
  /** What was looked at, by kind. */
  readonly counts: {
    readonly pools: number
    readonly peers: number
    readonly advertisements: number
    /** Of type LoadBalancer. */
    readonly services: number
  }
  /** Those that block first. */
  readonly findings: readonly Finding[]
  readonly notRead: readonly NotRead[]
}

/** What will be otherwise when MetalLB is replaced. `more` are findings about the input itself. */
export function lint(input: LintInput, more: readonly Finding[] = []): LintReport {
  const world = worldOf(input)
  const counts = countsOf(world)
  const findings = [
    ...more,
    ...unreadFindings(input.notRead),
    ...(more.length > 0 ? [] : nothingFindings(counts, world)),
    ...configurationFindings(world),
    ...serviceFindings(world),
    ...installationFindings(world),
  ].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
  return {
    verdict: verdictOf(findings),
    bgpType: world.bgpType ?? null,
    loadBalancerClass: world.loadBalancerClass ?? null,
    counts,
    findings,
    notRead: input.notRead,
  }
}

const order: readonly Severity[] = ['blocks', 'differs', 'note']

function verdictOf(findings: readonly Finding[]): Verdict {
  if (findings.some(({ severity }) => severity === 'blocks')) return 'not ready'
  return findings.some(({ severity }) => severity === 'differs') ? 'ready with differences' : 'ready'
}

/** Without these nothing can be promised; what else is not shown to a user is told, and leaves the verdict as it is. */
const essential: ReadonlySet<string> = new Set([
  'services',
  'ipaddresspools.metallb.io',
  'bgppeers.metallb.io',
  'bgpadvertisements.metallb.io',
])

function unreadFindings(notRead: readonly NotRead[]): readonly Finding[] {
  const missing = notRead.filter(({ resource, reason }) => reason === 'forbidden' && essential.has(resource))
  if (missing.length === 0) return []
  return [
    finding('not-read', [], { message: `could not be read: ${missing.map(({ resource }) => resource).join(', ')}` }),
  ]
}

/** Of nothing nothing can be promised: an empty file, or another namespace. */
function nothingFindings(counts: LintReport['counts'], { installation, notRead }: World): readonly Finding[] {
  const isHidden = notRead.some(({ resource, reason }) => reason === 'forbidden' && essential.has(resource))
  const isThere = Object.values(counts).some((count) => count > 0) || installation.workloads.length > 0
  return isThere || isHidden ? [] : [finding('nothing-found', [])]
}

function countsOf({ of }: World): LintReport['counts'] {
  return {
    pools: of('metallb.io', 'IPAddressPool').length,
    peers: of('metallb.io', 'BGPPeer').length,
    advertisements: of('metallb.io', 'BGPAdvertisement').length,
    services: of('', 'Service').filter(({ value }) => textAt(value, 'spec', 'type') === 'LoadBalancer').length,
  }
}
