import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { HttpApi, StateDirectory } from '@holdfast/cluster'
import { createStateDirectory } from '@holdfast/cluster'
import type { Endpoint, Stoppable } from '@holdfast/net'
import { createTcpTransport } from '@holdfast/net'
import type { Clock, ShutdownSignal } from '@holdfast/runtime'
import { onShutdown, systemClock } from '@holdfast/runtime'
import { offerApi } from '../api/offer.ts'
import { exitCode } from '../exit-codes.ts'
import type { SpeakerCommand } from '../kubernetes/command.ts'
import { connectToCluster } from '../kubernetes/connect.ts'
import { fillingPercent, growHeapSlowly } from '../kubernetes/heap-growth.ts'
import type { HttpServers } from '../kubernetes/http.ts'
import type { Log } from '../kubernetes/log.ts'
import { createLog } from '../kubernetes/log.ts'
import { serve } from '../kubernetes/serve.ts'
import { collectGarbage, processUsage, spareMemory } from '../kubernetes/spare-memory.ts'
import { parseEndpoint } from '../parse-endpoint.ts'
import { peersAnswer } from '../peers/answer.ts'
import type { PeersAnswer } from '../peers/view.ts'
import { listenForSessions } from '../sessions/listen.ts'
import type { Recordings } from '../sessions/recordings.ts'
import { createRecordings } from '../sessions/recordings.ts'
import { StartUpError } from '../start-up-error.ts'
import { version } from '../version.ts'
import { countConnections } from './conntrack.ts'
import { probeHttp } from './kube-proxy-gate.ts'
import { LastKnownFile } from './last-known.ts'
import { rememberOnLink } from './on-link.ts'
import type { ProgramOptions } from './program.ts'
import { SpeakerProgram } from './program.ts'
import { servedBySpeaker } from './served.ts'

/** To the API server, and to those who read metrics. */
const programName = 'holdfast-speaker'

/** `holdfast speaker`: runs until a signal asks it to end; returns the exit code. */
export async function runSpeaker(command: SpeakerCommand): Promise<number> {
  growHeapSlowly(fillingPercent)
  const now = (): string => new Date().toISOString()
  const log = createLog({ level: command.logLevel, write: (line) => process.stdout.write(line), now })
  const running = new SpeakerProcess(command, log, now)
  try {
    await running.run()
    // Again, for what came up while a signal that came during the start was being followed.
    await running.close('restart')
    log.event({ event: 'stopped', exitCode: exitCode.ok })
    return exitCode.ok
  } catch (error) {
    await running.close('restart')
    if (!(error instanceof StartUpError)) throw error
    log.log('error', 'startUp', `${error.message}. ${error.remedy}`)
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
}

/** What the operating system has for a speaker: files, sockets, signals. */
class SpeakerProcess {
  readonly #command: SpeakerCommand
  readonly #log: Log
  readonly #now: () => string
  readonly #clock: Clock = systemClock()
  #state: StateDirectory | undefined
  #api: HttpApi | undefined
  #program: SpeakerProgram | undefined
  #listener: Stoppable | undefined
  #recordings: Recordings | undefined
  #answers: { readonly close: () => Promise<void> } | undefined
  #http: HttpServers | undefined
  #isClosing = false

  constructor(command: SpeakerCommand, log: Log, now: () => string) {
    this.#command = command
    this.#log = log
    this.#now = now
  }

  /** Resolves after a signal, when everything is closed. Rejects with `StartUpError` where it cannot start. */
  async run(): Promise<void> {
    const { node, namespace, warnings, record } = this.#command
    const { log } = this.#log
    log('info', 'started', `holdfast speaker ${version} for ${node}`, { version, pid: process.pid, node, namespace })
    for (const warning of warnings) log('warn', 'option', warning)
    const ended = this.#untilSignal()
    if (record !== undefined) this.#recordings = createRecordings(record, this.#now(), this.#log.event)
    const listen = endpointOf(this.#command.listen)
    const api = await this.#connect()
    const transport = createTcpTransport(this.#clock)
    const program = new SpeakerProgram({
      command: this.#command,
      api,
      transport,
      clock: this.#clock,
      random: Math.random,
      now: this.#now,
      log: this.#log,
      host: { bootId: bootId(), uptimeMs: uptime() * 1000, probe: probeHttp, countConnections },
      lastKnown: await this.#openLastKnown(),
      record: this.#recordings?.record,
      isOnLink: rememberOnLink(this.#clock),
    })
    this.#program = program
    const { announcements } = program.speaker
    this.#answers = await offerApi(this.#command.socket, { '/v1/peers': () => this.#peers(program) }, this.#log.event)
    await this.#serve(program, api)
    this.#listener = await listenForSessions(listen, announcements, {
      transport,
      clock: this.#clock,
      report: this.#log.event,
    })
    if (!this.#isClosing) void program.start().then(() => growHeapSlowly())
    const stopSparing = spareMemory({ clock: this.#clock, usage: processUsage, collect: collectGarbage })
    await ended
    stopSparing()
  }

  /** Closes whatever is open by now, sessions first; to be called again for what opens later. Never rejects. */
  async close(how: 'restart' | ShutdownSignal): Promise<void> {
    this.#isClosing = true
    const [listener, program, answers, recordings] = [this.#listener, this.#program, this.#answers, this.#recordings]
    const [state, api] = [this.#state, this.#api]
    this.#listener = this.#program = this.#answers = this.#recordings = this.#state = this.#api = undefined
    listener?.stop()
    if (how === 'restart') await program?.close(how)
    else await program?.stop(how)
    await answers?.close()
    await this.#http?.close()
    await recordings?.close()
    await state?.close()
    api?.close()
  }

  #untilSignal(): Promise<void> {
    return new Promise((resolve) => {
      onShutdown(
        async (signal) => {
          await this.close(signal)
          resolve()
        },
        ['SIGINT', 'SIGTERM', 'SIGUSR2'],
      )
    })
  }

  async #connect(): Promise<HttpApi> {
    const { log } = this.#log
    const connected = await connectToCluster({
      ...this.#command,
      clock: this.#clock,
      program: programName,
      onWarning: (text) => log('warn', 'apiWarning', text),
    })
    for (const warning of connected.warnings) log('warn', 'credentials', warning)
    log('info', 'credentials', `the API server is reached by ${connected.origin}`)
    this.#api = connected.api
    return connected.api
  }

  /** Without a place for it the speaker does all the rest: a disk must never keep a node silent. */
  async #openLastKnown(): Promise<ProgramOptions['lastKnown']> {
    const { state: directory, node } = this.#command
    if (directory === undefined) return undefined
    const opening = await createStateDirectory({ directory })
    if (opening.kind !== 'open') {
      this.#log.log('warn', 'lastKnownState', `the last known state is not kept: ${opening.reason}. ${opening.remedy}`)
      return undefined
    }
    this.#state = opening.state
    const file = new LastKnownFile({ directory, node, bootId: bootId(), now: this.#now })
    const read = await file.read()
    // Then the routes need not wait for the lists, which come beside what is known.
    if (read.kind === 'found') growHeapSlowly()
    return { file, read }
  }

  /** A port that somebody else has must never keep a node silent: it is told, and the rest goes on. */
  async #serve(program: SpeakerProgram, api: HttpApi): Promise<void> {
    const options = { command: this.#command.http, api, clock: this.#clock, log: this.#log, program: programName }
    try {
      this.#http = await serve(
        options,
        servedBySpeaker(program, this.#command.node, () => this.#peers(program).peers),
      )
    } catch (error) {
      if (!(error instanceof StartUpError)) throw error
      this.#log.log('error', 'serving', `${error.message}; announcing goes on. ${error.remedy}`)
    }
  }

  #peers({ speaker: { announcements } }: SpeakerProgram): PeersAnswer {
    return peersAnswer(announcements, { nowMs: this.#clock.now(), nowIso: this.#now() })
  }
}

function endpointOf(listen: SpeakerCommand['listen']): Endpoint | 'default' | 'none' {
  if (listen.kind !== 'at') return listen.kind
  const endpoint = parseEndpoint(listen.text)
  if (endpoint.ok) return endpoint.value
  throw new StartUpError(`cannot listen on "${listen.text}": it ${endpoint.fault.message}`, 'Correct --listen.')
}

/** Linux makes one up at every boot; elsewhere none is known. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // The caller sees an empty one, which is never that of an earlier life.
    return ''
  }
}
