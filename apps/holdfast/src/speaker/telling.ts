import type { NodePlan } from '@holdfast/announce'
import { emptyState } from '@holdfast/ipam'
import type { Plan } from '@holdfast/ipam'
import type { Report } from '../events.ts'
import type { LineLevel, LogFields } from '../kubernetes/log.ts'
import { Told, tellPass } from '../standalone/tell.ts'
import type { SpeakerPass } from './pipeline.ts'

/** Tells a person who reads logs: a stable name, a sentence, what it concerns. */
export type Tell = (level: LineLevel, event: string, message: string, fields?: LogFields) => void

/** A speaker gives nobody an address. */
const noAllocation: Plan = { state: emptyState, decisions: new Map(), changes: [], pools: new Map() }

/** Reports what changed from pass to pass: faults, fields without effect, what is announced and why not. */
export function createTelling(node: string, report: Report): (pass: SpeakerPass) => void {
  const told = new Told()
  let last: { readonly evaluation: SpeakerPass['evaluation']; readonly plan: NodePlan } | undefined
  return ({ evaluation, plan }) => {
    if (last?.evaluation === evaluation && last.plan === plan) return
    last = { evaluation, plan }
    const pass = { evaluation, plan: noAllocation, nodePlans: new Map([[node, plan]]), oldPrefix: new Set<string>() }
    for (const event of tellPass(pass, [], told)) report(event)
  }
}
