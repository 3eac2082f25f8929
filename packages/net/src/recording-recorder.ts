import type { PeerConfig, PeerInput, PeerOutput, Role, Route } from '@holdfast/bgp'
import type { RecordedInput, RecordedOutput, RecordEntry } from './recording.ts'
import { describeOutput } from './recording-text.ts'

/** Makes the entries of a recording from what a driver tells its session machine and is told by it. */
export class Recorder {
  /** undefined: the recipient has failed, which costs the recording and nothing else. */
  #record: ((entry: RecordEntry) => void) | undefined
  readonly #sets = new WeakMap<readonly Route[], number>()
  #lastSet = 0

  constructor(record: (entry: RecordEntry) => void) {
    this.#record = record
  }

  created(config: PeerConfig, isRestarting: boolean, atMs: number): void {
    this.#write({ atMs, kind: 'created', version: 1, config, isRestarting })
  }

  /** `bytes`: the message that the input comes from. */
  input(input: PeerInput, bytes: Uint8Array | undefined, atMs: number): void {
    this.#write({ atMs, ...this.#entryOf(input, bytes) })
  }

  sent(role: Role, bytes: Uint8Array, atMs: number): void {
    this.#write({ atMs, kind: 'sent', role, bytes })
  }

  did(output: Exclude<PeerOutput, { kind: 'send' }>, atMs: number): void {
    this.#write({ atMs, kind: 'did', text: describeOutput(output) })
  }

  crashed(error: unknown, atMs: number): void {
    this.#write({ atMs, kind: 'did', text: describeCrash(error) })
  }

  #entryOf(input: PeerInput, bytes: Uint8Array | undefined): RecordedInput {
    switch (input.kind) {
      case 'start':
      case 'bfdDown':
      case 'connected':
      case 'disconnected':
      case 'timer':
        return input
      case 'stop':
        return { kind: 'stop', reason: input.reason, communication: input.communication }
      case 'received':
      case 'faulted':
        // A copy: the recipient may keep it longer than the chunk that it came in lives.
        if (bytes !== undefined) return { kind: 'message', role: input.role, bytes: bytes.slice() }
        if (input.kind === 'faulted') return { kind: 'faulted', role: input.role, fault: input.fault }
        throw new Error('A message was received without bytes.')
      case 'desire':
        return this.#desireOf(input.routes)
    }
  }

  #desireOf(routes: readonly Route[]): RecordedInput {
    const known = this.#sets.get(routes)
    if (known !== undefined) return { kind: 'desire', id: known, routes: undefined }
    this.#lastSet += 1
    this.#sets.set(routes, this.#lastSet)
    return { kind: 'desire', id: this.#lastSet, routes }
  }

  #write(entry: { readonly atMs: number } & (RecordedInput | RecordedOutput)): void {
    try {
      this.#record?.(entry)
    } catch (error) {
      this.#record = undefined
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
}

const CRASHED = 'crashed: '

/** What stands in a recording where a bug of ours ended the machine; a new one is created next. */
export const describeCrash = (error: unknown): string =>
  CRASHED + (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ')

export const isCrash = (text: string): boolean => text.startsWith(CRASHED)
