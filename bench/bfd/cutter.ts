import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'

/**
 * Cuts and mends a port of the switch. The program that does it runs already, before everything else, and takes a line: from
 * then to the cut there is less than a millisecond.
 */
export class Cutter {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #port: string

  constructor(namespace: string, port: string) {
    this.#port = port
    this.#child = spawn('chrt', ['--fifo', '50', 'ip', '-n', namespace, '-force', '-batch', '-'])
    this.#child.stderr.pipe(process.stderr)
  }

  /** The wall clock's time of the cut. */
  cut(): number {
    const wallMs = Date.now()
    this.#child.stdin.write(`link set ${this.#port} down\n`)
    return wallMs
  }

  mend(): void {
    this.#child.stdin.write(`link set ${this.#port} up\n`)
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}
