import { resourceTypes } from '@holdfast/cluster'
import type { AddressBlockSpec, HeldAddress } from '@holdfast/ipam'
import { addressBlockName } from '@holdfast/ipam'
import { parseAddress } from '@holdfast/ip'
import { blockObject } from './block-object.ts'
import type { BlockStep, Leaver } from './block-step.ts'
import { isHolder, stepOf } from './block-step.ts'
import type { KnownBlock } from './known-blocks.ts'
import { readingOf } from './known-blocks.ts'
import { arePoolsCurrent, isCurrent } from './currency.ts'
import { blocksWithVoidMarks, emptyBlock, reservedFor } from './marks.ts'
import { inParallel } from './parallel.ts'
import type { ReconcilerOptions, Round } from './round.ts'
import {
  blockSubject,
  departureKey,
  fieldManager,
  isCut,
  isHeldBack,
  isSettled,
  mayTry,
  noteFault,
  noteWritten,
} from './round.ts'
import type { ServiceView } from './service-object.ts'
import { ingressOf } from './service-object.ts'

/** A holder that has to be seen off before it leaves the block. */
export interface Departure extends Leaver {
  readonly block: string
}

/** The steps that blocks may take now, by name: those that differ from their target. */
export function blockSteps(round: Round): ReadonlyMap<string, BlockStep> {
  const { memory, planned } = round
  const steps = new Map<string, BlockStep>()
  const names = new Set([...planned.target.specs.keys()])
  for (const { name } of memory.blocks.all()) names.add(name)
  for (const name of names) {
    if (memory.faulty.has(name)) continue
    const step = stepFor(round, name)
    // A target that was worked out anew can say what the block says already.
    if (step.spec !== memory.blocks.get(name).spec || step.leavers.length > 0) steps.set(name, step)
  }
  return steps
}

/** Whoever was given an address by a status alone is a holder like others, who has to be seen off before it leaves. */
function stepFor(round: Round, name: string): BlockStep {
  const { memory, planned } = round
  const known = memory.blocks.get(name)
  const current = memory.aside.withSpent(name, known.spec)
  const target = planned.target.specs.get(name)
  if (current === target) return { spec: target, leavers: [] }
  const step = stepOf(current, target, (leaver) => mayLeave(round, known, leaver))
  return memory.aside.letGo(name, step) ? stepFor(round, name) : step
}

/** docs/adr/0009: the Service is gone, or was written without the address after this very version of the block was known. */
const mayLeave = ({ memory }: Round, { version }: KnownBlock, { address, holder: { uid } }: Leaver): boolean =>
  memory.gone.has(uid) || memory.seenOff.get(departureKey(address, uid)) === version

export const departuresOf = (steps: ReadonlyMap<string, BlockStep>): readonly Departure[] =>
  [...steps].flatMap(([block, { leavers }]) => leavers.map((leaver) => ({ ...leaver, block })))

/**
 * Writes every block that may take a step, and those that grant what a status is to name and were not written since the Service
 * was read: a grant counts only where it was written later.
 */
export async function writeBlocks(round: Round, steps: ReadonlyMap<string, BlockStep>): Promise<void> {
  const { memory, options } = round
  const writes: BlockWrite[] = []
  for (const [name, { spec }] of steps) {
    const block = memory.blocks.get(name)
    if (spec !== block.spec) writes.push({ block, spec })
  }
  const changed = new Set(writes.map(({ block }) => block.name))
  const alike = [...unconfirmedBlocks(round)].filter((name) => memory.blocks.get(name).spec !== undefined)
  for (const name of new Set([...alike, ...blocksWithVoidMarks(memory)])) {
    const block = memory.blocks.get(name)
    if (!changed.has(name)) writes.push({ block, spec: block.spec })
  }
  const now = options.clock.now()
  const hasFailed = ({ block }: BlockWrite): boolean => memory.retries.hasFailed(blockSubject(block.name).key)
  const allowed = writes.filter(({ block }) => !memory.retries.waits(blockSubject(block.name).key, now))
  const due = (await withoutLate(round, allowed)).toSorted((a, b) => Number(hasFailed(a)) - Number(hasFailed(b)))
  await inParallel(
    due,
    options.parallel,
    ({ block, spec }) => writeBlock(round, block, spec),
    () => isCut(round),
  )
}

interface BlockWrite {
  readonly block: KnownBlock
  readonly spec: AddressBlockSpec | undefined
}

/**
 * The writes without those that would put what is older in the place of what is newer. Terms tell who of several sharers has changed, the
 * pool of an address what becomes of it where that pool is refused. So where they differ, the Service or the pools are asked for; what
 * is followed may have to catch up first.
 */
async function withoutLate(round: Round, writes: readonly BlockWrite[]): Promise<readonly BlockWrite[]> {
  const changes = writes.map((write) => ({ write, ...changesOf(write) }))
  const current = new Set<string>()
  const arePoolsLate = changes.some(({ isRelabelled }) => isRelabelled) && !(await arePoolsCurrent(round))
  await inParallel(
    new Set(changes.flatMap(({ renewed }) => renewed)),
    round.options.parallel,
    async (key) => {
      if (await isCurrent(round, key)) current.add(key)
    },
    () => isCut(round),
  )
  const timely = changes.filter(
    ({ isRelabelled, renewed }) => !(arePoolsLate && isRelabelled) && renewed.every((key) => current.has(key)),
  )
  if (timely.length === writes.length) return writes
  // What was planned with them was planned with too little.
  round.memory.blocks.distrust()
  round.result.isWaiting = true
  return timely.map(({ write }) => write)
}

interface Changes {
  /** Keys of holders whose terms are others. */
  readonly renewed: readonly string[]
  /** Whether an address is of another pool although a holder stays. */
  readonly isRelabelled: boolean
}

/** What a write changes of holders that stay. */
function changesOf({ block, spec }: BlockWrite): Changes {
  const known = new Map(block.spec?.addresses.map((entry) => [entry.address, entry]))
  const changes = (spec?.addresses ?? []).flatMap((entry) => {
    const old = known.get(entry.address)
    return old === undefined || old === entry ? [] : [changesAt(old, entry)]
  })
  return {
    renewed: changes.flatMap(({ renewed }) => renewed),
    isRelabelled: changes.some(({ isRelabelled }) => isRelabelled),
  }
}

function changesAt(old: HeldAddress, entry: HeldAddress): Changes {
  const staying = entry.holders.flatMap((holder) => {
    const before = old.holders.find(({ uid }) => uid === holder.uid)
    return before === undefined ? [] : [{ before, holder }]
  })
  const renewed = staying.filter(({ before, holder }) => (before.terms ?? '') !== (holder.terms ?? ''))
  return {
    renewed: renewed.map(({ holder: { namespace, name } }) => `${namespace}/${name}`),
    isRelabelled: old.pool !== entry.pool && staying.length > 0,
  }
}

/**
 * Blocks that name a Service as the holder of an address which its status is to name and does not. Of a Service whose status cannot be
 * written now the block is not written either.
 */
function unconfirmedBlocks(round: Round): ReadonlySet<string> {
  const { services, pending, memory } = round
  const names = new Set<string>()
  for (const key of pending) {
    const view = services.get(key)
    if (view === undefined) continue
    for (const address of missingAddresses(round, view)) {
      const name = blockNameOf(address)
      if (name !== undefined && isHolder(memory.blocks.get(name).spec, address, view.uid)) names.add(name)
    }
  }
  return names
}

/** What a status is to name and does not, where it can be written now. */
function missingAddresses(round: Round, view: ServiceView): readonly string[] {
  const wish = round.planned.wishOf(view.key)
  if (wish === undefined || isSettled(round, view)) return []
  const known = ingressOf(view.object)
  const missing = wish.addresses.filter((one) => !known.includes(one))
  return missing.length === 0 || isHeldBack(round, view) || !mayTry(round, view) ? [] : missing
}

/** The block that an address lies in; undefined: the text is no address, and a status can name anything. */
export function blockNameOf(address: string): string | undefined {
  const parsed = parseAddress(address)
  return parsed.ok ? addressBlockName(parsed.value) : undefined
}

async function writeBlock(round: Round, block: KnownBlock, spec: AddressBlockSpec | undefined): Promise<void> {
  const { options, memory, confirmed } = round
  const answer = await sendBlock(options, block, { spec, reserved: reservedFor(round, block, spec) })
  const subject = blockSubject(block.name)
  if (answer.kind === 'ok') {
    noteWritten(round, subject)
    memory.blocks.written(block.name, answer.value === undefined ? undefined : options.keep.block(answer.value), spec)
    memory.aside.recorded(block.name)
    // A write that changed nothing made no other version: who knew the one before may still act on it.
    if (answer.value?.metadata.resourceVersion !== block.version) confirmed.add(block.name)
    options.log.log('debug', 'blockWritten', 'an address block was written', { block: block.name })
    return
  }
  memory.blocks.doubt(block.name)
  if (noteFault(round, subject, answer) !== 'readAgain' || !(await readBlock(round, block.name))) return
  // Nobody was first: whoever refuses it so does it for another reason, and may go on to.
  if (memory.blocks.get(block.name).version === block.version) memory.retries.failed(subject.key, options.clock.now())
}

/** Compare and swap: what is written depends on the version that it was made from. */
export function sendBlock(
  options: ReconcilerOptions,
  block: KnownBlock,
  { spec, reserved }: Pick<KnownBlock, 'spec' | 'reserved'>,
) {
  const { name, object, version } = block
  const type = resourceTypes.AddressBlock
  const key = { namespace: options.rules.namespace, name }
  const said = spec ?? (reserved.length === 0 ? undefined : emptyBlock(name))
  if (said === undefined) {
    const uid = object?.metadata.uid
    return options.api.remove(type, key, { resourceVersion: version, ...(uid === undefined ? {} : { uid }) })
  }
  const wanted = blockObject(key, object, { spec: said, reserved, isTouched: spec === block.spec })
  return object === undefined
    ? options.api.create(type, wanted, { fieldManager })
    : options.api.replace(type, wanted, { fieldManager })
}

/** Asks the server for a block; what it says counts, whatever is followed. False: there was no answer. */
export async function readBlock(
  { options, memory, result }: Pick<Round, 'options' | 'memory' | 'result'>,
  name: string,
): Promise<boolean> {
  const answer = await options.api.get(resourceTypes.AddressBlock, { namespace: options.rules.namespace, name })
  const reading = readingOf(answer)
  if (reading === undefined) {
    if (answer.kind === 'fault') result.cut = answer
    memory.blocks.doubt(name)
    return false
  }
  memory.blocks.fetched(name, reading.object === undefined ? undefined : options.keep.block(reading.object))
  return true
}
