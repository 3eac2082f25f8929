import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { HostileCommand } from './hostile-command.ts'
import type { Machine } from './segment.ts'

const program = fileURLToPath(import.meta.resolve('./hostile.ts'))

/** `hostile.ts` in a namespace. */
export class Attacker {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  #lastId = 0

  constructor(machine: Machine) {
    this.#child = spawn('ip', ['netns', 'exec', machine.namespace, process.execPath, program])
    this.#child.stderr.pipe(process.stderr)
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { done, error } = JSON.parse(line) as { readonly done?: number; readonly error?: string }
      const waiting = done === undefined ? undefined : this.#waiting.get(done)
      if (error === undefined) waiting?.resolve()
      else waiting?.reject(new Error(error))
    })
  }

  /** Resolves when the system has taken everything. */
  send(command: Omit<HostileCommand, 'id'>): Promise<void> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin.write(`${JSON.stringify({ ...command, id })}\n`)
    })
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}
