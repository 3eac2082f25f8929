import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { run } from './command.ts'
import { LabProcess } from './process.ts'

/**
 * One set of network namespaces, processes and files. Everything in it carries the pid and start time of this run in
 * its name, so that runs side by side do not meet, and a later run can tell what a dead one left behind.
 */
export class Lab {
  readonly directory: string
  readonly #prefix: string
  readonly #namespaces: string[] = []
  readonly #processes: LabProcess[] = []
  readonly #onExit = (): void => this.close()
  #hasFailed = false

  private constructor(prefix: string, directory: string) {
    this.#prefix = prefix
    this.directory = directory
    process.on('exit', this.#onExit)
  }

  static create(): Lab {
    endOnSignals()
    sweep()
    labsMade += 1
    const prefix = `hf-${process.pid}-${startTimeOf(process.pid) ?? '0'}-${labsMade}`
    const directory = mkdtempSync(join(tmpdir(), `${prefix}-`))
    // FRR's daemons give up root and must still reach their own folder in here.
    chmodSync(directory, 0o711)
    return new Lab(prefix, directory)
  }

  /** Makes an empty namespace with its loopback up and IPv6 addresses usable at once. */
  async addNamespace(name: string): Promise<string> {
    const namespace = `${this.#prefix}-${name}`
    await run('ip', 'netns', 'add', namespace)
    this.#namespaces.push(namespace)
    await setSysctls(namespace, { 'net/ipv6/conf/all/accept_dad': 0, 'net/ipv6/conf/default/accept_dad': 0 })
    await run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
    return namespace
  }

  /** Starts a program in a namespace, or in the host's (undefined). Its output goes to files that are shown when a test fails. */
  start(namespace: string | undefined, name: string, command: readonly [string, ...string[]]): LabProcess {
    const whole = namespace === undefined ? command : (['ip', 'netns', 'exec', namespace, ...command] as const)
    const started = new LabProcess(name, join(this.directory, name), whole)
    this.#processes.push(started)
    return started
  }

  /** Prints the end of every process's output. To be called after a test that failed; the files are then kept. */
  reportFailure(): void {
    this.#hasFailed = true
    for (const one of this.#processes) process.stderr.write(`--- ${one.name} (${one.state})\n${one.tail(40)}\n`)
  }

  /** Ends everything that was started, removes every namespace and the files. Synchronous: it also runs at exit. */
  close(): void {
    process.off('exit', this.#onExit)
    for (const one of this.#processes.splice(0)) one.end()
    for (const namespace of this.#namespaces.splice(0)) spawnSync('ip', ['netns', 'delete', namespace])
    if (this.#hasFailed) {
      const kept = join(tmpdir(), `holdfast-lab-logs-${basename(this.directory)}`)
      renameSync(this.directory, kept)
      process.stderr.write(`logs kept in ${kept}\n`)
      this.#hasFailed = false
    } else rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Sets kernel settings of a namespace, by their path below /proc/sys. */
export async function setSysctls(namespace: string, settings: Readonly<Record<string, number>>): Promise<void> {
  const lines = Object.entries(settings).map(([path, value]) => `echo ${value} > /proc/sys/${path}`)
  await run('ip', 'netns', 'exec', namespace, 'sh', '-ec', lines.join('\n'))
}

let labsMade = 0
let endsOnSignals = false

/** A signal ends the process through `exit`, where every open lab is closed. */
function endOnSignals(): void {
  if (endsOnSignals) return
  endsOnSignals = true
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  process.once('SIGHUP', () => process.exit(129))
}

/** Removes the namespaces of runs that died without closing their labs (kill -9, power). */
function sweep(): void {
  const names = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.split('\n')
  for (const line of names) {
    const namespace = line.split(' ')[0] ?? ''
    if (!isLeftover(namespace)) continue
    const pids = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).stdout.split('\n')
    for (const pid of pids.filter((text) => text !== '')) process.kill(Number(pid), 'SIGKILL')
    spawnSync('ip', ['netns', 'delete', namespace])
  }
  for (const entry of readdirSync(tmpdir())) {
    if (isLeftover(entry)) rmSync(join(tmpdir(), entry), { recursive: true, force: true })
  }
}

function isLeftover(name: string): boolean {
  const [, pid, startTime] = /^hf-(\d+)-(\d+)-/.exec(name) ?? []
  return pid !== undefined && startTimeOf(Number(pid)) !== startTime
}

/** The process's start in clock ticks since boot, which tells a pid from the same pid used again. */
function startTimeOf(pid: number): string | undefined {
  try {
    // Field 22 of proc(5) stat; the command name before it may contain spaces, and ends at the last parenthesis.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}
