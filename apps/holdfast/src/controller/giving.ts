import { blockNameOf } from './block-phase.ts'
import { holdersAt } from './block-step.ts'
import { inParallel } from './parallel.ts'
import type { Round } from './round.ts'
import { departureKey, isCut, isHeldBack, isSettled, mayTry } from './round.ts'
import type { ServiceView } from './service-object.ts'
import { ingressCountOf } from './service-object.ts'
import type { Write } from './service-phase.ts'
import { send, writeFor } from './service-phase.ts'
import type { Given } from './set-aside.ts'

/**
 * Gives Services that have none yet the addresses that are planned for them and were set aside: by the status alone, and their blocks
 * are told afterwards (docs/adr/0014).
 */
export async function giveSetAside(round: Round): Promise<void> {
  const { options, pending } = round
  if (!mayGive(round)) return
  const writes = [...pending].flatMap((key) => giftTo(round, key) ?? [])
  await inParallel(
    writes,
    options.parallel,
    // Each is asked for right before it is sent: what is heard of later must not be heard in time.
    (write) => sendInTime(round, write),
    () => isCut(round),
  )
}

/** What is heard of too late by now is written in the same round once its block says so. */
async function sendInTime(round: Round, write: Write): Promise<void> {
  if (mayGive(round)) return send(round, write)
  for (const address of write.wish.addresses) round.given.delete(departureKey(address, write.view.uid))
}

/** A watch that was opened before the last renewal ends before a later leader takes our marks for void. */
const mayGive = ({ options, memory }: Round): boolean => {
  const leadership = options.leadership()
  return leadership?.isHeardInTime === true && leadership.number === memory.aside.own()
}

function giftTo(round: Round, key: string): Write | undefined {
  const view = round.services.get(key)
  const wish = round.planned.wishOf(key)
  if (view === undefined || wish === undefined || !isNewTo(round, view)) return undefined
  const spent = wish.addresses.flatMap((address) => spentOn(round, view, address) ?? [])
  return spent.length === 0 || spent.length < wish.addresses.length ? undefined : giftOf(round, { view, wish }, spent)
}

function giftOf(
  round: Round,
  { view, wish }: Pick<Write, 'view' | 'wish'>,
  spent: readonly Given[],
): Write | undefined {
  const given = wish.addresses.map((address) => departureKey(address, view.uid))
  for (const one of given) round.given.add(one)
  const write = writeFor(round, view, wish, [])
  if (write === undefined || write === 'settled') {
    for (const one of given) round.given.delete(one)
    return undefined
  }
  for (const one of spent) round.memory.aside.spend(one)
  return write
}

/** A Service without any address, of which nothing is known but what was followed. */
const isNewTo = (round: Round, view: ServiceView): boolean =>
  ingressCountOf(view.object) === 0 &&
  round.memory.services.isFollowed(view) &&
  !isSettled(round, view) &&
  !isHeldBack(round, view) &&
  mayTry(round, view)

/** What becomes of an address that is set aside, where the plan has it for this Service alone; undefined: it cannot be given so. */
function spentOn(round: Round, { uid }: ServiceView, address: string): Given | undefined {
  const block = blockNameOf(address)
  if (block === undefined || !isSetAside(round, block, address)) return undefined
  const entry = round.planned.target.specs.get(block)?.addresses.find((one) => one.address === address)
  const isFor = entry?.holders.length === 1 && entry.holders[0]?.uid === uid
  return isFor && round.memory.aside.isFreeFor(address, uid) ? { block, entry } : undefined
}

/** Whether an address is ours to give, and nobody's yet. */
function isSetAside({ memory: { blocks, aside, faulty } }: Round, block: string, address: string): boolean {
  const { spec, reserved } = blocks.get(block)
  const isOurs = reserved.some((mark) => mark.address === address && aside.isOwn(mark))
  return isOurs && !faulty.has(block) && holdersAt(spec, address).length === 0
}
