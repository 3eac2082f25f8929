import {
  createPeer,
  decodeMessage,
  encodeMessage,
  initialContext,
  step,
  type CodecContext,
  type Peer,
  type PeerInput,
  type PeerOutput,
  type Role,
  type Route,
} from '@holdfast/bgp'
import type { RecordedInput, RecordedOutput, RecordEntry } from './recording.ts'
import { describeCrash, isCrash } from './recording-recorder.ts'
import { describeOutput, describeSent } from './recording-text.ts'

/** What came of repeating a recording. */
export interface Replay {
  /** How many inputs the session machine was given. */
  readonly inputs: number
  readonly states: readonly ReplayedChange[]
  /** Where the outcome is another one: the first of them and up to 20 more, which may follow from it. */
  readonly differences: readonly ReplayDifference[]
  /** Bugs that ended a session machine while it was recorded, and whether it ended by itself again. */
  readonly crashes: readonly { readonly line: number; readonly text: string; readonly isRepeated: boolean }[]
}

/** A change of state as it came out now. */
export type ReplayedChange = Omit<Extract<PeerOutput, { kind: 'changed' }>, 'kind'> & { readonly atMs: number }

export interface ReplayDifference {
  /** Line of the recording, from 1: of the output that differs, or of the input behind which one is missing. */
  readonly line: number
  readonly atMs: number
  /** What the recording says; undefined: nothing more. */
  readonly expected: string | undefined
  /** What came out now; undefined: nothing more. */
  readonly actual: string | undefined
}

const MOST_DIFFERENCES = 21

/** Longer texts are cut to what is around the first place that differs. */
const MOST_TEXT = 400

type Input = { readonly atMs: number } & RecordedInput
type Output = { readonly atMs: number } & RecordedOutput

/** Tells a new session machine everything that the recorded one was told, and compares what it does. */
export function replay(entries: readonly RecordEntry[]): Replay {
  const machine = new Machine()
  const states: ReplayedChange[] = []
  const differences: ReplayDifference[] = []
  const crashes: Replay['crashes'][number][] = []
  let inputs = 0
  for (let index = 0; index < entries.length;) {
    const entry = entries[index]
    const outputs = outputsBehind(entries, index)
    if (entry !== undefined && isInput(entry)) {
      inputs += 1
      const result = machine.run(entry)
      states.push(...result.states)
      const round = { line: index + 1, atMs: entry.atMs, expected: outputs, actual: result.texts }
      const crash = crashOf(round)
      if (crash !== undefined) crashes.push(crash)
      differences.push(...differencesOf(round).slice(0, MOST_DIFFERENCES - differences.length))
    }
    index += outputs.length + 1
  }
  return { inputs, states, differences, crashes }
}

function outputsBehind(entries: readonly RecordEntry[], index: number): readonly Output[] {
  const outputs: Output[] = []
  for (let next = entries[index + 1 + outputs.length]; next !== undefined && !isInput(next);) {
    outputs.push(next)
    next = entries[index + 1 + outputs.length]
  }
  return outputs
}

const isInput = (entry: RecordEntry): entry is Input => entry.kind !== 'sent' && entry.kind !== 'did'

/** The session machine, and how the bytes of its connections are read and written. */
class Machine {
  #peer: Peer | undefined
  #contexts: Record<Role, CodecContext> = { active: initialContext, passive: initialContext }
  readonly #sets = new Map<number, readonly Route[]>()

  run(entry: Input): { readonly texts: readonly string[]; readonly states: readonly ReplayedChange[] } {
    const texts: string[] = []
    const states: ReplayedChange[] = []
    try {
      for (const output of this.#step(entry)) {
        texts.push(this.#textOf(output))
        if (output.kind === 'codec') this.#contexts[output.role] = output.context
        if (output.kind !== 'changed') continue
        const { role, from, to, reason } = output
        states.push({ atMs: entry.atMs, role, from, to, reason })
      }
    } catch (error) {
      texts.push(describeCrash(error))
    }
    return { texts, states }
  }

  #step(entry: Input): readonly PeerOutput[] {
    if (entry.kind === 'created') {
      this.#peer = createPeer(entry.config, entry.atMs, { isRestarting: entry.isRestarting })
      return []
    }
    if (this.#peer === undefined) throw new Error('a recording begins with an entry of kind created')
    const { peer, outputs } = step(this.#peer, this.#inputOf(entry), entry.atMs)
    this.#peer = peer
    return outputs
  }

  #textOf(output: PeerOutput): string {
    if (output.kind !== 'send') return describeOutput(output)
    return describeSent(output.role, encodeMessage(output.message, this.#contexts[output.role]))
  }

  #inputOf(entry: Exclude<Input, { kind: 'created' }>): PeerInput {
    switch (entry.kind) {
      case 'message':
        return this.#messageOf(entry.role, entry.bytes)
      case 'connected':
        this.#contexts[entry.role] = initialContext
        return entry
      case 'stop': {
        const { kind, reason, communication } = entry
        return { kind, reason, ...(communication !== undefined && { communication }) }
      }
      case 'desire':
        return { kind: 'desire', routes: this.#routesOf(entry.id, entry.routes) }
      case 'start':
      case 'bfdDown':
      case 'disconnected':
      case 'faulted':
      case 'timer':
        return entry
    }
  }

  #messageOf(role: Role, bytes: Uint8Array): PeerInput {
    const decoded = decodeMessage(bytes, this.#contexts[role])
    return decoded.ok
      ? { kind: 'received', role, message: decoded.message }
      : { kind: 'faulted', role, fault: decoded.fault }
  }

  #routesOf(id: number, routes: readonly Route[] | undefined): readonly Route[] {
    if (routes !== undefined) this.#sets.set(id, routes)
    const set = this.#sets.get(id)
    if (set === undefined) throw new Error(`no entry before has the routes of set ${id}`)
    return set
  }
}

/** An input, and what came of it then and now. */
interface Round {
  readonly line: number
  readonly atMs: number
  readonly expected: readonly Output[]
  readonly actual: readonly string[]
}

const textOf = (output: Output): string =>
  output.kind === 'did' ? output.text : describeSent(output.role, output.bytes)

function crashOf({ line, expected, actual }: Round): Replay['crashes'][number] | undefined {
  const at = expected.findIndex((output) => isCrash(textOf(output)))
  const output = expected[at]
  if (output === undefined) return undefined
  const text = textOf(output)
  return { line: line + 1 + at, text, isRepeated: actual.includes(text) }
}

/**
 * Where a bug ended the recorded machine, or whoever observed it, nothing is compared from there on: what else the machine
 * would have done was not performed.
 */
function differencesOf({ line, atMs, expected, actual }: Round): readonly ReplayDifference[] {
  const differences: ReplayDifference[] = []
  for (let index = 0; index < Math.max(expected.length, actual.length); index += 1) {
    const output = expected[index]
    const text = output && textOf(output)
    if (text !== undefined && isCrash(text)) break
    if (text === actual[index]) continue
    const [before, now] = cut(text, actual[index])
    differences.push({
      line: output === undefined ? line + expected.length : line + 1 + index,
      atMs: output?.atMs ?? atMs,
      expected: before,
      actual: now,
    })
  }
  return differences
}

/** Both texts, shortened to the surroundings of the first place that differs. */
function cut(a: string | undefined, b: string | undefined): readonly [string | undefined, string | undefined] {
  let same = 0
  while (a !== undefined && b !== undefined && same < a.length && a[same] === b[same]) same += 1
  const start = Math.max(0, same - MOST_TEXT / 2)
  const shorten = (text: string | undefined): string | undefined =>
    text === undefined || text.length <= MOST_TEXT
      ? text
      : `${start > 0 ? '…' : ''}${text.slice(start, start + MOST_TEXT)}${start + MOST_TEXT < text.length ? '…' : ''}`
  return [shorten(a), shorten(b)]
}
