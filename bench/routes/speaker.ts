import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from './usage.ts'

/** A BGP speaker as the benchmark runs it: a process of its own that listens and waits for the collector. */
export interface Speaker {
  readonly name: string
  /** Its version, or undefined where it is not installed. */
  readonly version: () => Promise<string | undefined>
  /** Starts it with `count` routes and resolves when all are loaded. */
  readonly start: (job: Job) => Promise<SpeakerProcess>
}

export interface Job {
  readonly count: number
  /** Empty, for whatever the speaker needs; removed after the run. */
  readonly directory: string
  readonly port: number
  /** A second free port, where something is to be controlled over TCP. */
  readonly controlPort: number
  /** How long loading may take. */
  readonly loadTimeoutMs: number
}

export class SpeakerProcess {
  readonly #child: ChildProcess
  readonly #logFile: string
  readonly #exited: Promise<void>

  constructor(directory: string, command: readonly [string, ...string[]], env: NodeJS.ProcessEnv = process.env) {
    this.#logFile = join(directory, 'speaker.log')
    const log = openSync(this.#logFile, 'a')
    const [file, ...args] = command
    this.#child = spawn(file, args, { stdio: ['ignore', log, log], env, cwd: directory })
    closeSync(log)
    this.#exited = new Promise((resolve) => {
      this.#child.on('exit', () => resolve())
      this.#child.on('error', () => resolve())
    })
    running.add(this)
  }

  get pid(): number {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) {
      throw new Error(`the speaker is not running: ${this.log().slice(-2000)}`)
    }
    return this.#child.pid
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  /** Waits until `isReady` says so; fails when the process ends or the time is over. */
  async until(what: string, timeoutMs: number, isReady: () => boolean | Promise<boolean>): Promise<void> {
    const start = performance.now()
    while (!(await isReady())) {
      if (performance.now() - start > timeoutMs) throw new Error(`${what}: not within ${timeoutMs} ms`)
      if (this.pid > 0) await pause(50)
    }
  }

  /** Waits until what loading leaves behind (files to write, memory to collect) is done too. */
  async untilIdle(timeoutMs: number): Promise<void> {
    const windowSeconds = 0.5
    let before = cpuSeconds(this.pid)
    await this.until('the speaker has come to rest', timeoutMs, async () => {
      await pause(windowSeconds * 1000)
      const now = cpuSeconds(this.pid)
      const isIdle = now - before < 0.02 * windowSeconds
      before = now
      return isIdle
    })
  }

  async end(): Promise<void> {
    this.kill()
    await this.#exited
    running.delete(this)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

const running = new Set<SpeakerProcess>()
process.on('exit', () => {
  for (const one of running) one.kill()
})

export interface Finished {
  readonly code: number
  readonly output: string
}

/** Runs a command to its end, whatever that is; code 127 where there is no such program. */
export function finish(file: string, ...args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(file, args, { encoding: 'utf8', maxBuffer: 256 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127
      resolve({ code, output: stdout + stderr })
    })
  })
}
