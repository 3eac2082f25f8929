// The second peers: one session of each kind, used as it should be. Prints a JSON line when all are up, one for whatever
// should not happen to them, and every half second how late the latest message was.
import { messageType } from './bytes.ts'
import { scenes, slotsOf, type Slot } from './scene.ts'
import { Door, ending, establish, probe } from './session.ts'

const tell = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

interface Watch {
  readonly slot: Slot
  readonly gapMs: () => number
  readonly messages: () => number
}

async function watch(slot: Slot): Promise<Watch> {
  const peer = await new Door(slot).open()
  await establish(peer, slot)
  const problem = await probe(peer)
  if (problem !== undefined) throw new Error(problem)
  const from = peer.received.length
  let worstMs = 0
  let isOver = false
  const look = (): undefined => {
    const end = ending(peer)
    if (end !== undefined && !isOver) {
      isOver = true
      tell({ disturbed: slot.scene.name, what: end })
    }
    return undefined
  }
  void peer.until(look, 2 ** 31 - 1)
  let counted = from
  let lastMs = peer.received.at(-1)?.atMs ?? performance.now()
  setInterval(() => {
    for (const { atMs, type } of peer.received.slice(counted)) {
      worstMs = Math.max(worstMs, atMs - lastMs)
      lastMs = atMs
      counted += 1
      if (type === messageType.update) tell({ disturbed: slot.scene.name, what: 'an UPDATE' })
    }
    worstMs = Math.max(worstMs, performance.now() - lastMs)
  }, 250)
  return { slot, gapMs: () => worstMs, messages: () => counted - from }
}

const slots = scenes.flatMap((scene) => slotsOf(scene).filter(({ kind }) => kind === 'bystander'))
const watches = await Promise.all(slots.map(watch))
tell({ up: watches.length })
/** How late the machine lets this process run, at worst. */
let lagMs = 0
const lagEveryMs = 20
let dueMs = performance.now() + lagEveryMs
setInterval(() => {
  lagMs = Math.max(lagMs, performance.now() - dueMs)
  dueMs = performance.now() + lagEveryMs
}, lagEveryMs)

setInterval(() => {
  tell({
    lagMs: Math.round(lagMs),
    worst: watches.map(({ slot, gapMs, messages }) => ({
      scene: slot.scene.name,
      gapMs: Math.round(gapMs()),
      messages: messages(),
    })),
  })
}, 500)
