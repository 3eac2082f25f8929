import type { KubeObject, ResourceType, Selection } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { formatAddress, parseAddress } from '@holdfast/ip'
import { blockNameOf, sendBlock } from './block-phase.ts'
import { isHolder } from './block-step.ts'
import type { KnownBlock } from './known-blocks.ts'
import { bindingMarks } from './marks.ts'
import { inParallel } from './parallel.ts'
import type { Memory, ReconcilerOptions, Round } from './round.ts'
import { fieldManager, isCut, noteFault, noteWritten, serviceSubject } from './round.ts'
import {
  assignedCondition,
  conditionOf,
  ingressCountOf,
  ingressOf,
  isServed,
  poolAnnotation,
} from './service-object.ts'
import { farewellPatch, statusPatch } from './service-status.ts'
import { wholeSeconds } from './times.ts'

/**
 * For how long one has to lead before what earlier leaders set aside is free again, in lives of a watch: two, so that a clock that is
 * twice as fast as the server's measures one all the same.
 */
const lives = 2
/** It costs a list of all Services: not at once again where one of them cannot be written. */
const againMs = 30_000

/** How long to wait until what earlier leaderships set aside is to be reclaimed, in ms; undefined: there is nothing. */
export function reclaimInMs({
  memory,
  options,
}: {
  readonly memory: Memory
  readonly options: ReconcilerOptions
}): number | undefined {
  const { aside } = memory
  if (!bindingMarks(memory).some(aside.isPast)) return undefined
  const dueMs = Math.max(aside.sinceMs() + lives * options.longestWatchMs, aside.triedMs() + againMs)
  return Math.max(0, dueMs - options.clock.now())
}

/**
 * Has every write fail that an earlier leader may still send to give an address that it had set aside: it can know only Services that were
 * there when its last watch ended, and only as they were without an address (docs/adr/0014).
 */
export async function reclaim(round: Round): Promise<void> {
  const { memory, result } = round
  if (isCut(round) || reclaimInMs(round) !== 0) return
  memory.aside.tried(round.options.clock.now())
  const services = await listAll(round, resourceTypes.Service, { fieldSelector: 'spec.type=LoadBalancer' })
  if (services === undefined || !(await areBlocksKnown(round)) || !areEntered(round, services)) return
  const empty = services.filter((object) => ingressCountOf(object) === 0)
  // What came later than the first list, or was written since, no earlier leader can know.
  const rest = new Set(empty.filter(({ metadata }) => memory.aside.mayBeKnown(metadata.uid ?? '')))
  const note = (): void => memory.aside.setKnown([...rest].map(({ metadata }) => metadata.uid ?? ''))
  note()
  await inParallel(
    [...rest],
    round.options.parallel,
    async (object) => {
      if (await makeAnother(round, object)) rest.delete(object)
    },
    () => isCut(round),
  )
  note()
  if (rest.size > 0 || isCut(round)) return
  memory.aside.reclaimed()
  result.isProgress = true
}

/**
 * Whether the blocks are what is known of them, asked for after the Services: whatever those name had been set aside before. What is
 * followed can be so late that it has neither.
 */
async function areBlocksKnown(round: Round): Promise<boolean> {
  const { options, memory, result } = round
  const listed = await listAll(round, resourceTypes.AddressBlock, { namespace: options.rules.namespace })
  if (listed === undefined) return false
  const byName = new Map(listed.map((object) => [object.metadata.name, object]))
  const names = new Set([...byName.keys(), ...[...memory.blocks.all()].map(({ name }) => name)])
  const others = [...names].filter(
    (name) => memory.blocks.get(name).version !== (byName.get(name)?.metadata.resourceVersion ?? ''),
  )
  for (const name of others) memory.blocks.fetched(name, byName.get(name))
  if (others.length > 0) result.isProgress = true
  return others.length === 0
}

/** Whether whoever was given what is to be reclaimed is known by now: blocks name each Service whose status names an address of it. */
function areEntered(round: Round, services: readonly KubeObject[]): boolean {
  const { memory, options } = round
  const marked = new Set(bindingMarks(memory).map(({ address }) => address))
  const isEntered = (address: string, uid: string): boolean =>
    !marked.has(address) || isHolder(memory.blocks.get(blockNameOf(address) ?? '').spec, address, uid)
  return services
    .filter((object) => isServed(object, options.rules.loadBalancerClass))
    .every((object) => ingressOf(object).every((address) => isEntered(canonical(address), object.metadata.uid ?? '')))
}

function canonical(address: string): string {
  const parsed = parseAddress(address)
  return parsed.ok ? formatAddress(parsed.value) : address
}

/** undefined: there was no answer. */
async function listAll(
  { options, result }: Round,
  type: ResourceType,
  selection: Selection,
): Promise<readonly KubeObject[] | undefined> {
  const keep = type === resourceTypes.AddressBlock ? options.keep.block : options.keep.service
  const objects: KubeObject[] = []
  let rest: string | undefined
  do {
    const answer = await options.api.list(type, { ...selection, ...(rest === undefined ? {} : { continue: rest }) })
    if (answer.kind === 'fault') {
      result.cut ??= answer
      return undefined
    }
    objects.push(...answer.value.items.map(keep))
    rest = answer.value.continue
  } while (rest !== undefined)
  return objects
}

/** Whether the Service is another version by now than the one that was listed. */
async function makeAnother(round: Round, object: KubeObject): Promise<boolean> {
  const { options } = round
  const { name, namespace = '', uid = '', resourceVersion } = object.metadata
  const patch = patchFor(round, object)
  if (patch === undefined) return false
  const write = { fieldManager, subresource: 'status' } as const
  const answer = await options.api.merge(resourceTypes.Service, { namespace, name }, patch, write)
  const subject = serviceSubject(uid, namespace)
  if (answer.kind === 'ok') {
    noteWritten(round, subject)
    // Two writes within a second can be the same.
    return answer.value.metadata.resourceVersion !== resourceVersion
  }
  // Another version may be the one that was given an address: the next list tells.
  if (answer.code === 'notFound') return true
  noteFault(round, subject, answer)
  return false
}

function patchFor({ options }: Round, object: KubeObject) {
  const terms = { now: wholeSeconds(options.nowMs()), isForced: true }
  if (!isServed(object, options.rules.loadBalancerClass)) return farewellPatch(object, true, terms)
  const condition = conditionOf(object, assignedCondition) ?? {
    type: assignedCondition,
    status: 'False' as const,
    reason: 'Waiting',
    message: 'the Service has not been looked at yet',
  }
  const pool = object.metadata.annotations?.[poolAnnotation]
  return statusPatch(object, { ingress: [], pool, conditions: [condition] }, terms)
}

/** Takes what was set aside and not given from the blocks, so that whoever leads next need not wait for it. */
export async function giveBack(options: ReconcilerOptions, memory: Memory): Promise<void> {
  const { aside, blocks } = memory
  const marked = [...blocks.all()].filter(({ reserved }) => reserved.some(aside.isOwn))
  await inParallel(marked, options.parallel, (block) => unmark(options, memory, block))
}

/** Whom something was given by a status alone the block names from now on. */
async function unmark(options: ReconcilerOptions, { aside, blocks }: Memory, block: KnownBlock): Promise<void> {
  const spec = aside.withSpent(block.name, block.spec)
  const reserved = block.reserved.filter((mark) => !aside.isOwn(mark))
  const answer = await sendBlock(options, block, { spec, reserved })
  if (answer.kind === 'fault') {
    options.log.log('info', 'notGivenBack', answer.message, { block: block.name, code: answer.code })
    return
  }
  aside.recorded(block.name)
  blocks.written(block.name, answer.value === undefined ? undefined : options.keep.block(answer.value), spec)
}
