// The attacker: runs every case on every kind of session, several at a time, and prints one JSON line for each run.
// Usage: attack-main.ts PID SOCKET [ROW...]: process and socket of the program under test
import { expectationOf, type Case } from './case.ts'
import { cases, ids, specials } from './cases/index.ts'
import { PeersApi } from './peers-api.ts'
import { runCase } from './run-case.ts'
import { scenes, slotsOf, type PeerKind, type Scene, type Slot } from './scene.ts'
import { Door } from './session.ts'
import type { Program, Special } from './special.ts'

const [pid = '', socket = '', ...rows] = process.argv.slice(2)
const api = new PeersApi(socket)
const program: Program = { pid: Number(pid) }

const tell = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** A case or a special, ready to be run by whoever has a peer for it. */
interface Task {
  readonly id: string
  readonly title: string
  /** The greater, the earlier: nobody is to wait for the last one. */
  readonly seconds: number
  readonly run: (door: Door) => Promise<string | undefined>
}

const isWanted = ({ row, scenes: areFor }: Case | Special, scene: Scene): boolean =>
  (areFor?.(scene) ?? true) && (rows.length === 0 || rows.includes(row))

function tasksOf(scene: Scene, kind: PeerKind, isHeavy: boolean): Task[] {
  const own = isHeavy ? [] : cases.filter((one) => (one.peer ?? 'general') === kind && isWanted(one, scene))
  const others = specials.filter(
    (one) => (one.peer ?? 'general') === kind && one.isHeavy === isHeavy && isWanted(one, scene),
  )
  return [
    ...others.map((one): Task => ({
      id: nameOf(one),
      title: one.title,
      seconds: 6,
      run: (door) => one.run(door, program),
    })),
    ...own.map((one): Task => ({
      id: nameOf(one),
      title: one.title,
      seconds: expectationOf(one, scene).kind === 'stays' ? 3 : 1,
      run: (door) => runCase(one, door, api),
    })),
  ].toSorted((a, b) => b.seconds - a.seconds)
}

const nameOf = (one: Case | Special): string => ids.get(one) ?? one.row

/** Takes the tasks one by one. */
async function work(slot: Slot, queue: Task[]): Promise<void> {
  const door = new Door(slot)
  for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
    const { id, title } = task
    const startMs = performance.now()
    const problem = await task
      .run(door)
      .catch((error: unknown) => `could not be tried: ${error instanceof Error ? error.message : String(error)}`)
    const ms = Math.round(performance.now() - startMs)
    tell({ case: id, title, scene: slot.scene.name, peer: slot.name, ms, ...(problem !== undefined && { problem }) })
  }
  door.close()
}

async function attack(scene: Scene, kind: PeerKind): Promise<void> {
  const slots = slotsOf(scene).filter((slot) => slot.kind === kind)
  const queue = tasksOf(scene, kind, false)
  await Promise.all(slots.map((slot) => work(slot, queue)))
}

const kinds = ['general', 'plain', 'limited', 'refuser'] as const
await Promise.all(scenes.flatMap((scene) => kinds.map((kind) => attack(scene, kind))))
for (const scene of scenes) {
  const [slot] = slotsOf(scene)
  if (slot !== undefined) await work(slot, tasksOf(scene, 'general', true))
}
tell({ done: true })
