import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { AddressHolder } from '@holdfast/ipam'
import { deprecatedAnnotationsIn } from '@holdfast/model'
import type { Assurance } from './assurance.ts'
import { createAssurance } from './assurance.ts'
import type { Departure } from './block-phase.ts'
import { blockNameOf } from './block-phase.ts'
import { holdersAt, isHolder } from './block-step.ts'
import { isUnknown } from './faults.ts'
import { inParallel } from './parallel.ts'
import type { Round } from './round.ts'
import {
  conflictKey,
  departureKey,
  fieldManager,
  isCut,
  isHeldBack,
  isSettled,
  mayTry,
  noteFault,
  noteWritten,
  subjectOf,
} from './round.ts'
import { eventsOf } from './service-events.ts'
import type { ServiceView } from './service-object.ts'
import { assignedCondition, conditionOf, ingressOf, poolAnnotation } from './service-object.ts'
import type { Patch, ServiceStatus } from './service-status.ts'
import { inOrderOf, statusPatch } from './service-status.ts'
import { wholeSeconds } from './times.ts'
import type { Wish } from './wanted-status.ts'
import { stepTowards } from './wanted-status.ts'

export interface Write {
  readonly view: ServiceView
  readonly wish: Wish
  readonly status: ServiceStatus
  readonly patch: Patch
  /** What the Service is to leave; its status does not name it, or will not. */
  readonly leaves: readonly Departure[]
}

/** Writes the status of every Service that does not say what it is to say, as far as that may be said now. */
export async function writeServices(round: Round, departures: readonly Departure[]): Promise<void> {
  const { pending, options } = round
  const leaves = byUid(departures)
  for (const { holder } of departures) pending.add(`${holder.namespace}/${holder.name}`)
  const writes = [...pending].flatMap((key) => dueWrite(round, key, leaves) ?? [])
  const due = inTurn(
    round,
    writes.filter(({ view }) => mayTry(round, view)),
  )
  const assure = createAssurance(round)
  await inParallel(
    due,
    options.parallel,
    (write) => sendAssured(round, write, assure),
    () => isCut(round),
  )
}

/**
 * The namespaces by turns, so that what fails in one does not stand in the way of another; what failed before comes behind all that did
 * not.
 */
function inTurn({ memory }: Round, writes: readonly Write[]): readonly Write[] {
  const seen = new Map<string, number>()
  const ranked = writes.map((write) => {
    const subject = subjectOf(write.view)
    const turn = seen.get(subject.place) ?? 0
    seen.set(subject.place, turn + 1)
    return { write, rank: memory.retries.hasFailed(subject.key) ? turn + writes.length : turn }
  })
  return ranked.sort((a, b) => a.rank - b.rank).map(({ write }) => write)
}

/** What there is to be written of a Service; one of which nothing is any more is not looked at again. */
function dueWrite(round: Round, key: string, leaves: ReadonlyMap<string, readonly Departure[]>): Write | undefined {
  const { services, pending, planned } = round
  const view = services.get(key)
  const wish = planned.wishOf(key)
  const own = leaves.get(view?.uid ?? '') ?? []
  if (view === undefined || wish === undefined || (own.length === 0 && isSettled(round, view))) {
    pending.delete(key)
    return undefined
  }
  if (mustWait(round, view, wish)) return undefined
  const write = writeFor(round, view, wish, own)
  if (write !== 'settled') return write
  settle(round, view)
  return undefined
}

/** The version that is known was refused, or its status was written in this round already. */
const mustWait = (round: Round, view: ServiceView, { addresses }: Wish): boolean =>
  isHeldBack(round, view) || addresses.some((address) => round.given.has(departureKey(address, view.uid)))

/** undefined: nothing can be written before something else has happened. */
export function writeFor(
  round: Round,
  view: ServiceView,
  wish: Wish,
  all: readonly Departure[],
): Write | 'settled' | undefined {
  const { object } = view
  const step = stepTowards(wish, ingressOf(object), (address) => isConfirmed(round, view, address))
  const terms = { now: wholeSeconds(round.options.nowMs()) }
  if (step === undefined) return farewellTo(view, { wish, status: asIs(object), leaves: all }, terms)
  if (!step.isComplete && mayStay(round, view, wish)) {
    const others = all.filter(({ address }) => !ingressOf(object).includes(address))
    return farewellTo(view, { wish, status: asIs(object), leaves: others }, terms)
  }
  const { status } = step
  const patch = statusPatch(object, status, terms)
  if (patch !== undefined) return { view, wish, status, patch, leaves: all }
  if (all.length > 0) return farewellTo(view, { wish, status, leaves: all }, terms)
  return step.isComplete ? 'settled' : undefined
}

/** Whether a status may name an address: its block was written in this round, with the Service as a holder; or it had been set aside. */
function isConfirmed({ confirmed, given, memory }: Round, { uid }: ServiceView, address: string): boolean {
  if (given.has(departureKey(address, uid))) return true
  const name = blockNameOf(address)
  return name !== undefined && confirmed.has(name) && isHolder(memory.blocks.get(name).spec, address, uid)
}

/** There is nothing to say, but where it leaves something others have to see that it was said after the block was known: docs/adr/0009. */
function farewellTo(
  view: ServiceView,
  write: Pick<Write, 'wish' | 'status' | 'leaves'>,
  terms: { readonly now: string },
): Write | undefined {
  if (write.leaves.length === 0) return undefined
  const patch = statusPatch(view.object, write.status, { ...terms, isForced: true })
  return patch === undefined ? undefined : { view, ...write, patch }
}

/**
 * Whether a Service that is to have another address may stay for now at what only it has: nobody waits for that, or nobody is about to leave
 * the other one, so that its block cannot be written, or read, just now.
 */
function mayStay({ memory, planned }: Round, { object, uid }: ServiceView, wish: Wish): boolean {
  const knownAt = (address: string) => holdersAt(memory.blocks.get(blockNameOf(address) ?? '').spec, address)
  const targetAt = (address: string) => holdersAt(planned.target.specs.get(blockNameOf(address) ?? ''), address)
  const isOther = (holder: AddressHolder): boolean => holder.uid !== uid
  const known = ingressOf(object)
  if (known.some((address) => knownAt(address).some(isOther))) return false
  if (!known.some((address) => targetAt(address).some(isOther))) return true
  const isBeingLeft = (address: string): boolean =>
    knownAt(address).some((holder) => !targetAt(address).some((other) => other.uid === holder.uid))
  return wish.addresses.some((address) => !known.includes(address) && !isBeingLeft(address))
}

/** What a Service says already. */
function asIs(object: KubeObject): ServiceStatus {
  const condition = conditionOf(object, assignedCondition)
  return {
    ingress: ingressOf(object),
    pool: object.metadata.annotations?.[poolAnnotation],
    conditions: [
      condition ?? {
        type: assignedCondition,
        status: 'False',
        reason: 'Moving',
        message: 'the Service is about to get another address',
      },
    ],
  }
}

function settle({ memory, options, planned, settled, pending }: Round, view: ServiceView): void {
  const { key, uid, object } = view
  const basis = planned.basisOf(key)
  if (basis !== undefined) settled.set(object, basis)
  pending.delete(key)
  memory.retries.succeeded(subjectOf(view).key)
  memory.retries.succeeded(conflictKey(uid))
  const unanswered = memory.unanswered.get(key)
  if (unanswered === undefined) return
  memory.unanswered.delete(key)
  const isIt = unanswered.uid === uid && unanswered.ingress.join() === ingressOf(object).join()
  if (isIt) options.tell(object, unanswered.notices)
}

async function sendAssured(round: Round, write: Write, assure: Assurance): Promise<void> {
  const leaving = ingressOf(write.view.object).filter((address) => !write.status.ingress.includes(address))
  if (leaving.length > 0 && !(await assure(write.view, leaving))) {
    round.result.isWaiting = true
    return
  }
  await send(round, write)
}

export async function send(round: Round, { view, wish, status, patch, leaves }: Write): Promise<void> {
  const { options, memory, result } = round
  const { key, uid, object, resourceVersion } = view
  const { name, namespace = '' } = object.metadata
  const versions = leaves.map(({ block, address }) => [address, memory.blocks.get(block).version] as const)
  const write = { fieldManager, subresource: 'status' } as const
  const answer = await options.api.merge(resourceTypes.Service, { namespace, name }, patch, write)
  const notices = eventsOf(writtenOf(round, view, wish, status))
  const subject = subjectOf(view)
  if (answer.kind === 'ok') {
    noteWritten(round, subject)
    result.hasWritten = true
    memory.retries.succeeded(conflictKey(uid))
    memory.unanswered.delete(key)
    round.dropping.delete(key)
    memory.services.written(view, options.keep.service(answer.value))
    options.tell(object, notices)
    logWrite(round, key, status)
    if (status.ingress.some((address) => !ingressOf(object).includes(address))) result.granted += 1
    if (answer.value.metadata.resourceVersion === resourceVersion) {
      // Two writes within a second can be the same: the next one will not be.
      result.isWaiting ||= leaves.length > 0
      return
    }
    for (const [address, version] of versions) memory.seenOff.set(departureKey(address, uid), version)
    if (versions.length > 0) result.isProgress = true
    return
  }
  const remedy = noteFault(round, subject, answer)
  if (isUnknown(remedy)) {
    const ingress = inOrderOf(ingressOf(object), status.ingress)
    memory.unanswered.set(key, { uid, ingress, notices })
  }
  if (remedy !== 'readAgain') return
  memory.services.rejected(view)
  memory.retries.failed(conflictKey(uid), options.clock.now())
}

const writtenOf = ({ planned }: Round, { key, object }: ServiceView, wish: Wish, status: ServiceStatus) => ({
  service: key,
  before: { ingress: ingressOf(object), condition: conditionOf(object, assignedCondition) },
  after: status,
  cleared: planned.cleared.get(key),
  refusal: isRefusal(status) ? planned.refusals.get(key) : undefined,
  isHeldOver: wish.isHeldOver,
  oldAnnotations: planned.usesOldPrefix(key) ? deprecatedAnnotationsIn(object.metadata.annotations ?? {}) : [],
})

const isRefusal = ({ conditions }: ServiceStatus): boolean =>
  !conditions.some(({ reason }) => reason === 'Assigned' || reason === 'Moving' || reason === 'Held')

function logWrite({ options }: Round, key: string, { ingress, conditions }: ServiceStatus): void {
  const { reason = '', message = '' } = conditions[0] ?? {}
  options.log.log('info', 'serviceStatus', message, { service: key, addresses: ingress, reason })
}

function byUid(departures: readonly Departure[]): ReadonlyMap<string, readonly Departure[]> {
  const groups = new Map<string, Departure[]>()
  for (const departure of departures) {
    groups.set(departure.holder.uid, [...(groups.get(departure.holder.uid) ?? []), departure])
  }
  return groups
}
