import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import type { Lab } from '../harness/lab.ts'
import type { LabProcess } from '../harness/process.ts'
import { birdProgram, priority, type PeerOptions } from './capability.ts'
import type { Machine } from './segment.ts'

/** A line of `show bfd sessions`: the interval that BIRD sends at and the time that it waits, in milliseconds. */
export interface BirdSession {
  readonly state: string
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** BIRD with its protocol bfd alone. */
export class BirdBfd {
  readonly process: LabProcess
  readonly #control: string
  readonly #file: string

  private constructor(process: LabProcess, control: string, file: string) {
    this.process = process
    this.#control = control
    this.#file = file
  }

  static async start(lab: Lab, machine: Machine, { name, lines, isAhead = true }: PeerOptions): Promise<BirdBfd> {
    const [file, control] = [join(lab.directory, `${name}.conf`), join(lab.directory, `${name}.ctl`)]
    writeFileSync(file, configuration(machine, lines))
    const process = lab.start(machine.namespace, name, [
      ...priority(isAhead),
      birdProgram,
      '-f',
      '-c',
      file,
      '-s',
      control,
    ])
    await eventually(
      `${name} has its control socket`,
      () => existsSync(control),
      (found) => {
        if (!found) throw new Error(process.output())
      },
    )
    return new BirdBfd(process, control, file)
  }

  async session(address: string): Promise<BirdSession> {
    const text = await run('birdc', '-s', this.#control, 'show', 'bfd', 'sessions')
    const line = text.split('\n').find((one) => one.split(/\s+/)[0] === address)
    if (line === undefined) throw new Error(`BIRD has no session with ${address}:\n${text}`)
    const fields = line.trim().split(/\s+/)
    const [state = '', interval, timeout] = [fields[2], fields.at(-2), fields.at(-1)]
    return { state, intervalMs: Number(interval) * 1000, timeoutMs: Number(timeout) * 1000 }
  }

  /** When sessions with this address went from Up to Down, by the wall clock in milliseconds. */
  downs(address: string): readonly number[] {
    return this.#changes(address, 'Down')
  }

  ups(address: string): readonly number[] {
    return this.#changes(address, 'Up')
  }

  #changes(address: string, to: 'Up' | 'Down'): readonly number[] {
    const pattern = /^(\d+\.\d+) <TRACE> \w+: Session to (\S+) changed state from (\w+) to (\w+)$/
    return this.process
      .output()
      .split('\n')
      .flatMap((line) => {
        const [, seconds, who, from, now] = pattern.exec(line) ?? []
        return who === address && now === to && (to === 'Up' || from === 'Up') ? [Number(seconds) * 1000] : []
      })
  }

  async command(...words: readonly string[]): Promise<void> {
    await run('birdc', '-s', this.#control, ...words)
  }

  async reconfigure(machine: Machine, lines: readonly string[]): Promise<void> {
    writeFileSync(this.#file, configuration(machine, lines))
    await this.command('configure')
  }
}

const configuration = ({ ipv4 }: Machine, lines: readonly string[]): string =>
  [
    `router id ${ipv4};`,
    'log stderr all;',
    'timeformat log "%s.%6f";',
    'protocol device { scan time 1; }',
    'protocol bfd bfd1 {',
    '  debug { states, events };',
    ...lines.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
