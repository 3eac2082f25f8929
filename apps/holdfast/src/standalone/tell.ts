import type { Decision, NodePlan } from '@holdfast/announce'
import type { FileFault } from '@holdfast/cluster'
import { formatAddress, formatPrefix } from '@holdfast/ip'
import type { Change, Plan } from '@holdfast/ipam'
import type { EntryDifference, Fault, NotInForce, ObjectRef } from '@holdfast/model'
import { annotationPrefix, deprecatedAnnotationsIn, mapDifference } from '@holdfast/model'
import type { Event, FaultEvent, ServiceEvent } from '../events.ts'
import type { Pass } from './pipeline.ts'

/** What a pass has to tell, given the one before it: changes only. */
export function tellPass(pass: Pass, fileFaults: readonly FileFault[], told: Told): readonly Event[] {
  return [
    ...tellFaults([...fileFaults.map(fileFaultEvent), ...pass.evaluation.faults.map(faultEvent)], told),
    ...tellNotInForce(pass.evaluation.notInForce, told),
    ...tellOldPrefix(pass, told),
    ...tellSeveralHosts(pass, told),
    ...pass.plan.changes.flatMap((change) => serviceEvent(change, pass.plan)),
    ...tellSatisfied(pass.plan, told),
    ...[...pass.nodePlans].flatMap(([node, plan]) => tellNode(node, plan, told)),
  ]
}

/** What was told already. */
export class Told {
  faults: ReadonlyMap<string, FaultEvent> = new Map()
  notInForce: ReadonlyMap<string, NotInForce> = new Map()
  /** Services that were told of a refusal which still stands. */
  readonly refused = new Set<string>()
  oldPrefix: ReadonlySet<string> = new Set()
  severalHosts = ''
  readonly decisions = new Map<string, ReadonlyMap<string, Decision>>()
}

function tellFaults(faults: readonly FaultEvent[], told: Told): readonly Event[] {
  const now = new Map(faults.map((fault) => [faultKey(fault), fault]))
  const events: Event[] = []
  for (const [key, { code, file, object, path }] of told.faults) {
    if (now.has(key)) continue
    events.push({
      event: 'faultCleared',
      code,
      file,
      ...(object === undefined ? {} : { object }),
      ...(path === undefined ? {} : { path }),
    })
  }
  for (const [key, fault] of now) if (!told.faults.has(key)) events.push(fault)
  told.faults = now
  return events
}

// The line is left out: a fault that only moved is not a new one. The value is not: another wrong value is.
const faultKey = ({ code, file, object, path, value, message }: FaultEvent): string =>
  JSON.stringify([code, file, object, path, value, message])

const fileFaultEvent = ({ code, file, line, column, message, remedy }: FileFault): FaultEvent => ({
  event: 'fault',
  code,
  file,
  ...(line === undefined ? {} : { line }),
  ...(column === undefined ? {} : { column }),
  message,
  remedy,
})

const faultEvent = ({ code, file, line, object, path, value, message, remedy }: Fault): FaultEvent => ({
  event: 'fault',
  code,
  file,
  ...(line === undefined ? {} : { line }),
  object: objectText(object),
  path,
  ...(value === undefined ? {} : { value }),
  message,
  remedy,
})

/** `Kind namespace/name`, or `Kind name` for what has no namespace. */
const objectText = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`

function tellNotInForce(fields: readonly NotInForce[], told: Told): readonly Event[] {
  const now = new Map(fields.map((field) => [`${objectText(field.object)} ${field.path} ${field.value}`, field]))
  const before = told.notInForce
  told.notInForce = now
  const gone = [...before].filter(([key]) => !now.has(key))
  const fresh = [...now].filter(([key]) => !before.has(key))
  return [
    ...gone.map(([, { object, path }]): Event => ({ event: 'notInForceCleared', object: objectText(object), path })),
    ...fresh.map(([, { object, path, value, reason }]): Event => ({
      event: 'notInForce',
      object: objectText(object),
      path,
      value,
      reason,
    })),
  ]
}

/**
 * Every process allocates for itself. Where other Nodes are in the same manifests, another process may speak for them and,
 * with another history, give one address to two Services: only explicit requests are the same for both.
 */
function tellSeveralHosts({ nodePlans, evaluation }: Pass, told: Told): readonly Event[] {
  const others = [...evaluation.model.nodes.keys()].filter((node) => !nodePlans.has(node))
  const now = nodePlans.size > 0 && others.length > 0 ? others.join(', ') : ''
  if (now === told.severalHosts) return []
  told.severalHosts = now
  if (now === '') return []
  const message = `the manifests have Nodes that this process does not speak for (${now}): where another process does, give every Service its address explicitly, because each allocates for itself (docs/reference/cli.md)`
  return [{ event: 'notice', code: 'severalHosts', message }]
}

/** A refusal ends without a change where the Service stops asking: that is told too, or it would seem to stand for ever. */
function tellSatisfied(plan: Plan, told: Told): readonly ServiceEvent[] {
  const changed = new Set(plan.changes.flatMap(({ kind, service }) => (kind === 'refused' ? [] : [service])))
  const events: ServiceEvent[] = []
  for (const service of told.refused) {
    if (isRefused(plan, service)) continue
    told.refused.delete(service)
    if (!plan.decisions.has(service) || changed.has(service)) continue
    const message = 'the last refusal does not stand any more'
    events.push({
      event: 'service',
      service,
      type: 'Normal',
      reason: 'RefusalEnded',
      message,
      addresses: addressesOf(service, plan),
    })
  }
  for (const { kind, service } of plan.changes) if (kind === 'refused') told.refused.add(service)
  return events
}

function tellOldPrefix(pass: Pass, told: Told): readonly Event[] {
  const fresh = [...pass.oldPrefix].filter((service) => !told.oldPrefix.has(service))
  told.oldPrefix = pass.oldPrefix
  return fresh.map((service) => ({
    event: 'service',
    service,
    type: 'Warning',
    reason: 'deprecatedAnnotation',
    message: oldPrefixText(pass.evaluation.model.services.get(service)?.meta.annotations ?? {}),
    addresses: addressesOf(service, pass.plan),
  }))
}

function oldPrefixText(annotations: Readonly<Record<string, string>>): string {
  const names = deprecatedAnnotationsIn(annotations)
  return `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} an old prefix, which still works: write ${annotationPrefix} instead`
}

/** Whether something that the Service asks for is refused, also where it holds another address. */
function isRefused({ decisions }: Plan, service: string): boolean {
  const decision = decisions.get(service)
  return decision?.kind === 'refused' || (decision?.kind === 'assigned' && decision.notice !== undefined)
}

function serviceEvent(change: Change, plan: Plan): readonly ServiceEvent[] {
  const event = kubernetesEvent(change)
  if (event === undefined) return []
  const code = codeOf(change)
  const { type, reason, message } = event
  const addresses = addressesOf(change.service, plan)
  return [{ event: 'service', service: change.service, type, reason, ...(code && { code }), message, addresses }]
}

function codeOf(change: Change): ServiceEvent['code'] {
  if (change.kind === 'cleared') return change.reason
  return change.kind === 'refused' ? change.refusal.reason : undefined
}

function kubernetesEvent(change: Change): Pick<ServiceEvent, 'type' | 'reason' | 'message'> | undefined {
  switch (change.kind) {
    case 'released':
      return {
        type: 'Normal',
        reason: 'Released',
        message: `gave back ${change.addresses.map(({ address }) => formatAddress(address)).join(' and ')}`,
      }
    case 'relabelled':
      return undefined
    case 'cleared':
    case 'assigned':
    case 'added':
    case 'refused':
      return change.event
  }
}

function addressesOf(service: string, plan: Plan): readonly string[] {
  const decision = plan.decisions.get(service)
  return decision?.kind === 'assigned' ? decision.addresses.map(({ address }) => formatAddress(address)) : []
}

function tellNode(node: string, plan: NodePlan, told: Told): readonly Event[] {
  const before = told.decisions.get(node) ?? new Map<string, Decision>()
  told.decisions.set(node, plan.decisions)
  const [gone, decided] = partition(mapDifference(before, plan.decisions))
  return [
    ...decided.flatMap(({ key, before: known, after }) => newsOf(node, key, known, after)),
    ...gone.map((service): Event => ({ event: 'announced', node, service, routes: [] })),
  ]
}

/** Services that are gone and were announced, and those of which something else is decided. */
function partition(
  differences: readonly EntryDifference<Decision>[],
): [gone: readonly string[], decided: readonly (EntryDifference<Decision> & { readonly after: Decision })[]] {
  return [
    differences
      .filter(({ before, after }) => after === undefined && before?.kind === 'announced')
      .map(({ key }) => key),
    differences.flatMap(({ key, before, after }) => (after === undefined ? [] : [{ key, before, after }])),
  ]
}

function newsOf(node: string, service: string, known: Decision | undefined, now: Decision): readonly Event[] {
  const before = known === undefined ? [] : decisionEvents(node, service, known)
  const then = new Set(before.map((event) => JSON.stringify(event)))
  return decisionEvents(node, service, now).filter((event) => !then.has(JSON.stringify(event)))
}

function decisionEvents(node: string, service: string, decision: Decision): readonly Event[] {
  const withheld = decision.withheld.map(({ address, reason, message }): Event => ({
    event: 'withheld',
    node,
    service,
    address: formatAddress(address),
    reason,
    message,
  }))
  if (decision.kind === 'withheld')
    return [{ event: 'withheld', node, service, reason: decision.reason, message: decision.message }]
  const routes = decision.routes.map(({ prefix, peers }) => ({ prefix: formatPrefix(prefix), peers }))
  return [{ event: 'announced', node, service, routes }, ...withheld]
}
