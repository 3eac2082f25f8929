import type { NodePlan } from '@holdfast/announce'
import { emptyState } from '@holdfast/ipam'
import type { Plan } from '@holdfast/ipam'
import type { AnnouncedEvent, Event, Report, WithheldEvent } from '../events.ts'
import type { LineLevel, LogFields } from '../kubernetes/log.ts'
import { Told, tellPass } from '../standalone/tell.ts'
import { plainLine } from '../output/plain.ts'
import type { SpeakerPass } from './pipeline.ts'

/** Tells a person who reads logs: a stable name, a sentence, what it concerns. */
export type Tell = (level: LineLevel, event: string, message: string, fields?: LogFields) => void

/** A speaker gives nobody an address. */
const noAllocation: Plan = { state: emptyState, decisions: new Map(), changes: [], pools: new Map(), next: new Map() }

/** More lines than this about Services of one pass are summed up in one, and written at level debug only. */
export const mostLines = 100

/** Reports what changed from pass to pass: faults, fields without effect, what is announced and why not. */
export function createTelling(node: string, report: Report, tell: Tell): (pass: SpeakerPass) => void {
  const told = new Told()
  let last: { readonly evaluation: SpeakerPass['evaluation']; readonly plan: NodePlan } | undefined
  return ({ evaluation, plan }) => {
    if (last?.evaluation === evaluation && last.plan === plan) return
    last = { evaluation, plan }
    const pass = { evaluation, plan: noAllocation, nodePlans: new Map([[node, plan]]), oldPrefix: new Set<string>() }
    const events = tellPass(pass, [], told)
    const decisions = events.filter(isDecision)
    if (decisions.length <= mostLines) {
      for (const event of events) report(event)
      return
    }
    for (const event of events) if (!isDecision(event)) report(event)
    tellSummary(decisions, tell)
  }
}

const isDecision = (event: Event): event is AnnouncedEvent | WithheldEvent =>
  event.event === 'announced' || event.event === 'withheld'

/** The first pass of a large cluster has thousands of them. */
function tellSummary(decisions: readonly (AnnouncedEvent | WithheldEvent)[], tell: Tell): void {
  const announced = decisions.filter((event) => event.event === 'announced' && event.routes.length > 0).length
  const withdrawn = decisions.filter((event) => event.event === 'announced' && event.routes.length === 0).length
  const withheld: Record<string, number> = {}
  for (const event of decisions)
    if (event.event === 'withheld') withheld[event.reason] = (withheld[event.reason] ?? 0) + 1
  const reasons = Object.entries(withheld).map(([reason, count]) => `, ${count} withheld: ${reason}`)
  const message = `of Services, ${announced} announced, ${withdrawn} not any more${reasons.join('')}`
  tell('info', 'decisions', message, { announced, withdrawn, withheld })
  for (const event of decisions) {
    const { event: name, ...fields } = event
    tell('debug', name, plainLine(event), fields)
  }
}
