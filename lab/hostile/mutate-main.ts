// The attacker with mutations: takes the messages of all cases (and of fuzz/corpus, where it is there), changes them, and
// sends them on sessions of every kind. Prints one JSON line at the end, and one for each connection that ended oddly.
// Usage: mutate-main.ts PID SOCKET SEED COUNT
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { messageType } from './bytes.ts'
import { cases } from './cases/index.ts'
import { mutate, randomOf } from './mutate.ts'
import { openOf, scenes, slotsOf, type Slot } from './scene.ts'
import type { ScriptedPeer } from './scripted-peer.ts'
import { Door, ending, establish, leave, probe } from './session.ts'

const [, , seed = '1', count = '5000'] = process.argv.slice(2)
const random = randomOf(Number(seed))
const corpus = readCorpus(join(import.meta.dirname, '..', '..', 'fuzz', 'corpus'))
let left = Number(count)
let sent = 0
let sessions = 0
let resets = 0
const problems: string[] = []

/** The messages in the files of hexadecimal digits, with lines of words behind a `#`. */
function readCorpus(folder: string): readonly Buffer[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.hex'))
  return files.flatMap((name) => {
    const text = readFileSync(join(folder, name), 'latin1').replaceAll(/#.*/g, '')
    return messagesIn(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
  })
}

function messagesIn(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  let at = 0
  while (at + 19 <= bytes.length && bytes.subarray(at, at + 16).every((octet) => octet === 0xff)) {
    const length = bytes.readUInt16BE(at + 16)
    if (length < 19 || at + length > bytes.length) break
    found.push(bytes.subarray(at, at + length))
    at += length
  }
  return found
}

interface Seeds {
  readonly opens: readonly Buffer[]
  readonly others: readonly Buffer[]
}

/** What is changed on sessions of this kind: the messages of its cases, each by itself, and the corpus. */
function seedsOf(slot: Slot): Seeds {
  const messages = [
    Buffer.from(openOf(slot), 'hex'),
    ...cases.flatMap((one) => messagesIn(Buffer.from(one.input(slot), 'hex')).slice(0, 4)),
    ...corpus,
  ]
  return {
    opens: messages.filter((message) => message[18] === messageType.open),
    others: messages.filter((message) => message[18] !== messageType.open),
  }
}

const pick = (messages: readonly Buffer[]): Buffer => messages[random(messages.length)] ?? Buffer.alloc(0)

/** One session after the other, each until a mutation ends it or it has had its share. */
async function work(slot: Slot, { opens, others }: Seeds): Promise<void> {
  const door = new Door(slot)
  while (left > 0) {
    const peer = await door.open()
    sessions += 1
    if (random(5) === 0) await send(peer, mutate(pick(opens), random))
    else {
      await establish(peer, slot)
      for (let share = 0; share < 40 && ending(peer) === undefined && left > 0; share += 1) {
        await send(peer, mutate(pick(others), random))
      }
    }
    await finish(peer, slot)
  }
  const peer = await door.open()
  await establish(peer, slot)
  const problem = await probe(peer)
  if (problem !== undefined) problems.push(`${slot.name}: ${problem}`)
  await leave(peer)
  door.close()
}

/** A little time for an answer: what follows a fatal message is read by nobody. */
async function send(peer: ScriptedPeer, message: Buffer): Promise<void> {
  left -= 1
  sent += 1
  peer.write(message)
  await peer.until(() => ending(peer), 4)
}

/** A message that is cut off can keep the program waiting for its rest: then we leave. */
async function finish(peer: ScriptedPeer, slot: Slot): Promise<void> {
  if (ending(peer) === undefined) await leave(peer)
  else {
    resets += 1
    if ((await peer.until(() => peer.closed)) === undefined) problems.push(`${slot.name}: open after a NOTIFICATION`)
    await pause(0)
  }
  peer.destroy()
}

const works = scenes.flatMap((scene) => {
  const slots = slotsOf(scene).filter(({ kind }) => kind === 'general')
  const [first] = slots
  const seeds = first === undefined ? { opens: [], others: [] } : seedsOf(first)
  return slots.map((slot) =>
    work(slot, seeds).catch((error: unknown) => {
      problems.push(`${slot.name}: ${error instanceof Error ? error.message : String(error)}`)
    }),
  )
})
await Promise.all(works)
process.stdout.write(`${JSON.stringify({ sent, sessions, resets, corpus: corpus.length, problems, done: true })}\n`)
