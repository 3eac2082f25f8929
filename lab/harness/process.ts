import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Json } from './json.ts'

export interface ExitStatus {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * One program of the lab. `ip netns exec` replaces itself by the program, so the pid known here is the program's own:
 * signals reach it and nothing else.
 */
export class LabProcess {
  readonly name: string
  readonly exited: Promise<ExitStatus>
  readonly #child: ChildProcess
  readonly #files: { readonly stdout: string; readonly stderr: string }

  constructor(name: string, logFile: string, command: readonly [string, ...string[]]) {
    this.name = name
    this.#files = { stdout: `${logFile}.out`, stderr: `${logFile}.err` }
    const stdout = openSync(this.#files.stdout, 'a')
    const stderr = openSync(this.#files.stderr, 'a')
    const [file, ...args] = command
    this.#child = spawn(file, args, { stdio: ['ignore', stdout, stderr] })
    closeSync(stdout)
    closeSync(stderr)
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('exit', (code, signal) => resolve({ code, signal }))
      this.#child.on('error', reject)
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start`)
    return this.#child.pid
  }

  get state(): string {
    if (this.#child.exitCode !== null) return `exited with ${this.#child.exitCode}`
    if (this.#child.signalCode !== null) return `ended by ${this.#child.signalCode}`
    return `running, pid ${this.#child.pid ?? 0}`
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends SIGTERM and waits for the end, which must come by itself within the time. */
  async stop(withinMs = 10_000): Promise<ExitStatus> {
    this.signal('SIGTERM')
    const status = await Promise.race([this.exited, pause(withinMs, undefined, { ref: false })])
    if (status === undefined) throw new Error(`${this.name} runs on ${withinMs} ms after SIGTERM`)
    return status
  }

  /** SIGKILL, also to a stopped process; does not wait. */
  end(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
  }

  /** What the program has printed so far. */
  output(): string {
    return readFileSync(this.#files.stdout, 'utf8') + readFileSync(this.#files.stderr, 'utf8')
  }

  /** The complete lines of standard output that are JSON objects. */
  jsonLines(): readonly Json[] {
    const lines = readFileSync(this.#files.stdout, 'utf8').split('\n').slice(0, -1)
    return lines.filter((line) => line.startsWith('{')).map((line) => Json.parse(line))
  }

  tail(lines: number): string {
    return this.output().trimEnd().split('\n').slice(-lines).join('\n')
  }
}
