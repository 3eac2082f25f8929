import { readdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Source, StateDirectory } from '@holdfast/cluster'
import { createStateDirectory } from '@holdfast/cluster'
import { createManifestDirectory, ManifestDirectoryError } from '@holdfast/cluster/manifests'
import type { AllocationState } from '@holdfast/ipam'
import { decodeState, emptyState } from '@holdfast/ipam'
import type { Endpoint, Stoppable, Transport } from '@holdfast/net'
import { createTcpTransport } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { offerApi } from '../api/offer.ts'
import { exitCode } from '../exit-codes.ts'
import type { Output } from '../output/output.ts'
import { chooseOutput } from '../output/output.ts'
import { standardOutput } from '../output/standard-output.ts'
import { peersAnswer } from '../peers/answer.ts'
import type { PeersAnswer } from '../peers/view.ts'
import type { Router } from '../router/router.ts'
import { version } from '../version.ts'
import { startEmbeddedRouter } from './embedded-router.ts'
import { tryIt } from './hint.ts'
import { listenForSessions } from '../sessions/listen.ts'
import { isOnLink } from '../sessions/on-link.ts'
import type { Recordings } from '../sessions/recordings.ts'
import { createRecordings } from '../sessions/recordings.ts'
import type { Rehearsal } from '../sessions/rehearsal.ts'
import { rehearseWhenIdle } from '../sessions/rehearsal.ts'
import { StartUpError } from '../start-up-error.ts'
import { Standalone } from './standalone.ts'

export interface StandaloneCommand {
  readonly directory: string
  readonly nodes: readonly string[]
  readonly state: string | undefined
  /** `default`: port 179 of all addresses, where that is possible. */
  readonly listen: Endpoint | 'default' | 'none'
  readonly router: Endpoint | undefined
  /** Where questions are answered; undefined: at the default place, where that is possible. */
  readonly socket: string | undefined
  /** Directory of recordings; undefined: nothing is recorded. */
  readonly record: string | undefined
  readonly json: boolean
}

/** In a pipe what to try comes behind the first sessions and routes, where it is read. */
const hintDelayMs = 800

/** `holdfast standalone`: runs until a signal asks it to end; returns the exit code. */
export async function runStandalone(command: StandaloneCommand): Promise<number> {
  const clock = systemClock()
  const output = chooseOutput(standardOutput(), { json: command.json, clock, nowIso: () => new Date().toISOString() })
  const program = new Program(command, clock, output)
  try {
    await program.run()
    // Again, for what came up while a signal that came during the start was being followed.
    await program.close()
    output.report({ event: 'stopped', exitCode: exitCode.ok })
    output.close()
    return exitCode.ok
  } catch (error) {
    await program.close()
    if (!(error instanceof StartUpError || error instanceof ManifestDirectoryError)) {
      output.close()
      throw error
    }
    output.report({ event: 'stopped', exitCode: exitCode.startUp })
    output.close()
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
}

const nameDirectory = 'Name a directory with the manifests.'

const obstacles: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  ENOTDIR: 'it is no directory',
  EACCES: 'this user may not',
}

class Program {
  readonly #command: StandaloneCommand
  readonly #clock: Clock
  readonly #output: Output
  readonly #transport: Transport
  #state: StateDirectory | undefined
  #standalone: Standalone | undefined
  #router: Router | undefined
  #listener: Stoppable | undefined
  #hintAlarm: Alarm | undefined
  #rehearsal: Rehearsal | undefined
  #recordings: Recordings | undefined
  #api: { readonly close: () => Promise<void> } | undefined
  #isClosing = false

  constructor(command: StandaloneCommand, clock: Clock, output: Output) {
    this.#command = command
    this.#clock = clock
    this.#output = output
    this.#transport = createTcpTransport(clock)
  }

  /** Resolves after a signal, when everything is closed. Rejects where it cannot start. */
  async run(): Promise<void> {
    const { directory, nodes } = this.#command
    const report = this.#output.report
    report({ event: 'started', mode: 'standalone', version, pid: process.pid, directory, nodes })
    await this.#refuseMissingDirectory()
    const ended = this.#untilSignal()
    const restored = await this.#openState()
    if (this.#command.record !== undefined) {
      this.#recordings = createRecordings(this.#command.record, new Date().toISOString(), report)
    }
    const standalone = this.#createStandalone(restored)
    this.#standalone = standalone
    const peers = (): PeersAnswer =>
      peersAnswer(standalone.announcements, { nowMs: this.#clock.now(), nowIso: new Date().toISOString() })
    this.#api = await offerApi(this.#command.socket, { '/v1/peers': peers }, report)
    this.#listener = await listenForSessions(this.#command.listen, standalone.announcements, {
      transport: this.#transport,
      clock: this.#clock,
      report,
    })
    if (!this.#isClosing) await standalone.start()
    if (!this.#isClosing) {
      const surroundings = { transport: this.#transport, clock: this.#clock, report }
      this.#rehearsal = rehearseWhenIdle({ ...surroundings, sessions: () => standalone.announcements.sessions() })
    }
    await ended
  }

  /**
   * Closes whatever is open by now, sessions first; to be called again for what opens later. A node that leaves has its routers
   * prefer others before it withdraws. Never rejects.
   */
  async close(way: 'leave' | 'restart' = 'leave'): Promise<void> {
    this.#isClosing = true
    this.#hintAlarm?.cancel()
    const rehearsed = this.#rehearsal?.stop()
    const [listener, standalone, router, state] = [this.#listener, this.#standalone, this.#router, this.#state]
    this.#listener = this.#standalone = this.#router = this.#state = undefined
    listener?.stop()
    await standalone?.stop(way)
    await router?.stop()
    await state?.close()
    await rehearsed
    await this.#closeWatchers()
  }

  async #closeWatchers(): Promise<void> {
    await this.#api?.close()
    await this.#recordings?.close()
  }

  #untilSignal(): Promise<void> {
    return new Promise((resolve) => {
      onShutdown(
        async (signal) => {
          const isRestart = signal === 'SIGUSR2'
          const what = isRestart ? 'closing for a restart, routes stay where they can' : 'withdrawing every route'
          this.#output.report({ event: 'stopping', message: `${signal}: ${what}` })
          await this.close(isRestart ? 'restart' : 'leave')
          resolve()
        },
        ['SIGINT', 'SIGTERM', 'SIGUSR2'],
      )
    })
  }

  #createStandalone(restored: AllocationState): Standalone {
    const { directory, nodes, state } = this.#command
    const lastGoodDirectory = state === undefined ? undefined : join(state, 'last-good')
    const source: Source = createManifestDirectory({ directory, clock: this.#clock, lastGoodDirectory })
    return new Standalone({
      source,
      nodes,
      state: this.#state,
      restored,
      transport: this.#transport,
      clock: this.#clock,
      report: this.#output.report,
      record: this.#recordings?.record,
      isOnLink,
      beforeSessions: async (model, snapshot) => {
        if (this.#command.router === undefined || this.#isClosing) return
        this.#hintAlarm = this.#clock.after(hintDelayMs, () =>
          this.#output.hint(tryIt(model, snapshot, this.#command.nodes)),
        )
        this.#router = await startEmbeddedRouter(this.#command.router, model, {
          transport: this.#transport,
          clock: this.#clock,
          report: this.#output.report,
        })
      },
    })
  }

  /** Before anything is opened. With a state directory, what was kept there may do. */
  async #refuseMissingDirectory(): Promise<void> {
    const { directory, state } = this.#command
    if (state !== undefined) return
    const why = await readdir(directory).then(
      () => undefined,
      (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
    )
    if (why !== undefined) {
      throw new StartUpError(`cannot read the directory ${directory}: ${obstacles[why] ?? why}`, nameDirectory)
    }
  }

  async #openState(): Promise<AllocationState> {
    const { state: directory, directory: manifests } = this.#command
    if (directory === undefined) return emptyState
    refuseStateAmongManifests(directory, manifests)
    const opening = await createStateDirectory({ directory })
    if (opening.kind !== 'open') throw new StartUpError(opening.reason, opening.remedy)
    this.#state = opening.state
    const read = await opening.state.read('assignments')
    // To begin without them could move addresses: that is for a person to decide.
    if (read.kind === 'damaged') throw new StartUpError(read.reason, read.remedy)
    if (read.kind === 'absent') {
      this.#output.report({ event: 'state', outcome: 'empty', message: `no assignments in ${directory} yet` })
      return emptyState
    }
    const decoded = decodeState(read.value)
    const [fault] = decoded.faults
    if (fault !== undefined) {
      throw new StartUpError(
        `assignments.json in ${directory} cannot be used: ${fault.path} ${fault.message}`,
        'Restore the file from a backup, or remove it to begin without what it held.',
      )
    }
    const count = decoded.state.assignments.size
    this.#output.report({
      event: 'state',
      outcome: 'restored',
      message: `took up ${count} assignment${count === 1 ? '' : 's'} from ${directory}`,
    })
    return decoded.state
  }
}

/** The status files are YAML themselves: below the manifests they would be read as such. */
function refuseStateAmongManifests(state: string, manifests: string): void {
  const path = relative(resolve(manifests), resolve(state))
  const parts = path.split(sep)
  if (parts[0] === '..' || parts.some((part) => part.startsWith('.') && part !== '')) return
  throw new StartUpError(
    `the state directory ${state} lies in the manifest directory ${manifests}`,
    'Choose a directory outside of it.',
  )
}
