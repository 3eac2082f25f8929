import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Departure } from './block-phase.ts'
import { readingOf } from './known-blocks.ts'
import { inParallel } from './parallel.ts'
import type { Round } from './round.ts'
import { departureKey, fieldManager, isCut, noteFault, noteWritten, serviceSubject } from './round.ts'
import { isServed, specTextOf } from './service-object.ts'
import { farewellPatch } from './service-status.ts'
import { wholeSeconds } from './times.ts'

/** A Service that is not served any more, or not under this uid: to be asked for. */
interface Missing {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** What it is to leave. */
  readonly departures: readonly Departure[]
}

/**
 * Sees off holders whose Services are not served any more. Whether a Service is gone is asked of the server, for a list can be
 * late; one that is there still, with another type or class, is written without what is ours.
 */
export async function seeOffMissing(round: Round, departures: readonly Departure[]): Promise<void> {
  const { services, planned, memory, options } = round
  const missing = new Map<string, Missing>()
  for (const [uid, { metadata }] of memory.left) {
    missing.set(uid, { namespace: metadata.namespace ?? '', name: metadata.name, uid, departures: [] })
  }
  for (const departure of departures) {
    const { namespace, name, uid } = departure.holder
    const key = `${namespace}/${name}`
    const isHere = services.get(key)?.uid === uid && planned.wishOf(key) !== undefined
    if (isHere || memory.gone.has(uid)) continue
    missing.set(uid, { namespace, name, uid, departures: [...(missing.get(uid)?.departures ?? []), departure] })
  }
  const now = options.clock.now()
  const due = [...missing.values()].filter(
    ({ uid, namespace }) => !memory.retries.waits(serviceSubject(uid, namespace).key, now),
  )
  await inParallel(
    due,
    options.parallel,
    (one) => ask(round, one),
    () => isCut(round),
  )
}

async function ask(round: Round, missing: Missing): Promise<void> {
  const { options, memory, result } = round
  const { namespace, name, uid } = missing
  const answer = await options.api.get(resourceTypes.Service, { namespace, name })
  const reading = readingOf(answer)
  if (reading === undefined) {
    if (answer.kind === 'fault') noteFault(round, serviceSubject(uid, namespace), answer)
    return
  }
  if (reading.object?.metadata.uid !== uid) {
    // A uid is never used again: whatever was to be written to it will fail.
    memory.gone.add(uid)
    memory.left.delete(uid)
    if (missing.departures.length > 0) result.isProgress = true
    return
  }
  if (isServed(reading.object, options.rules.loadBalancerClass)) {
    // What is followed is late: it will tell.
    result.isWaiting = true
    return
  }
  await farewell(round, missing, reading.object)
}

async function farewell(
  round: Round,
  { namespace, name, uid, departures }: Missing,
  object: KubeObject,
): Promise<void> {
  const { options, memory, result } = round
  // Of another class the addresses in the status stay, as with MetalLB (COMPAT 2.2): they may be its own controller's by now. What we
  // gave is free all the same; this write has every write fail that took the Service for ours.
  const isLoadBalancer = specTextOf(object, 'type') === 'LoadBalancer'
  const terms = { now: wholeSeconds(options.nowMs()), isForced: departures.length > 0 }
  const patch = farewellPatch(object, isLoadBalancer, terms)
  const subject = serviceSubject(uid, namespace)
  if (patch === undefined) memory.left.delete(uid)
  if (patch === undefined || !options.mayWrite()) return
  const versions = departures.map(({ block, address }) => [address, memory.blocks.get(block).version] as const)
  const write = { fieldManager, subresource: 'status' } as const
  const answer = await options.api.merge(resourceTypes.Service, { namespace, name }, patch, write)
  if (answer.kind === 'fault') {
    const isContended = noteFault(round, subject, answer) === 'readAgain'
    if (isContended) memory.retries.failed(subject.key, options.clock.now())
    return
  }
  if (answer.value.metadata.resourceVersion === object.metadata.resourceVersion) return
  noteWritten(round, subject)
  memory.left.delete(uid)
  for (const [address, version] of versions) memory.seenOff.set(departureKey(address, uid), version)
  if (versions.length > 0) result.isProgress = true
}
