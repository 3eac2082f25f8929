import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Json } from '../harness/json.ts'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import type { Machine } from './segment.ts'
import type { SpeakerSession } from './speaker-file.ts'

const program = fileURLToPath(import.meta.resolve('./speaker.ts'))

/** A change of state as the service told it. */
export interface Change {
  readonly from: string
  readonly to: string
  readonly isFailure: boolean
  readonly message: string
  readonly wallMs: number
}

export interface HoldfastOptions {
  readonly name: string
  readonly sessions: readonly SpeakerSession[]
  readonly args?: readonly string[]
}

/** The BFD service of Holdfast in a process of its own. */
export class HoldfastBfd {
  readonly process: LabProcess
  readonly #file: string

  private constructor(process: LabProcess, file: string) {
    this.process = process
    this.#file = file
  }

  /** `args` are further ones of `speaker.ts`. */
  static start(lab: Lab, machine: Machine, { name, sessions, args = [] }: HoldfastOptions): HoldfastBfd {
    const file = join(lab.directory, `${name}.json`)
    writeFileSync(file, JSON.stringify(sessions))
    return new HoldfastBfd(lab.start(machine.namespace, name, [process.execPath, program, file, ...args]), file)
  }

  /** Other settings, or other sessions. */
  change(sessions: readonly SpeakerSession[]): void {
    // It may be reading the file at this moment.
    writeFileSync(`${this.#file}.new`, JSON.stringify(sessions))
    renameSync(`${this.#file}.new`, this.#file)
    this.process.signal('SIGHUP')
  }

  /** The last snapshot of a session. */
  session(name: string): Json {
    // Of many thousand lines, only the one that counts is worth reading.
    const beginning = `{"event":"session","name":"${name}",`
    const lines = this.process.output().split('\n').slice(0, -1)
    const found = lines.findLast((line) => line.startsWith(beginning))
    if (found === undefined) throw new Error(`nothing is known of session ${name} yet`)
    return Json.parse(found)
  }

  state(name: string): string {
    return this.session(name).at('state').text()
  }

  dropped(name: string, cause: string): number {
    return this.session(name).at('counters').at('dropped').at(cause).numberOr(0)
  }

  changes(name: string): readonly Change[] {
    const beginning = `{"event":"changed","name":"${name}",`
    return this.process
      .output()
      .split('\n')
      .filter((line) => line.startsWith(beginning) && line.endsWith('}'))
      .map((line) => Json.parse(line))
      .map((line) => ({
        from: line.at('from').text(),
        to: line.at('to').text(),
        isFailure: line.at('isFailure').isTrue(),
        message: line.at('message').text(),
        wallMs: line.at('wallMs').number(),
      }))
  }
}
