import type { FollowedState, KubeApi, KubernetesSource } from '@holdfast/cluster'
import { createKubernetesSource, resourceTypes } from '@holdfast/cluster'
import type { Alarm, ShutdownSignal } from '@holdfast/runtime'
import type { SpeakerCommand } from '../kubernetes/command.ts'
import type { Log } from '../kubernetes/log.ts'
import { SourceFaults } from '../kubernetes/source-faults.ts'
import { within } from '../kubernetes/within.ts'
import type { AnnouncementsOptions } from '../sessions/announcements.ts'
import type { Connections, countConnections } from './conntrack.ts'
import type { Departure } from './departure.ts'
import { departureOf } from './departure.ts'
import { earlierVersionsIn } from './earlier-versions.ts'
import { followedBySpeaker, writtenBySpeaker } from './followed.ts'
import type { Probe } from './kube-proxy-gate.ts'
import { waitForKubeProxy } from './kube-proxy-gate.ts'
import type { LastKnownFile, LastKnownRead } from './last-known.ts'
import { servicesOfOthers } from './others.ts'
import { Reports } from './reports.ts'
import { isOurs } from '../allocation/requests.ts'
import { KeptMoment, objectsIn, toldIn } from './snapshot.ts'
import { Speaker } from './speaker.ts'
import { createPermissionTeller, permission } from './written.ts'

/** What the host is like. */
export interface Host {
  /** Another one after every boot; empty: not known. */
  readonly bootId: string
  readonly uptimeMs: number
  readonly probe: (url: string) => Promise<Probe>
  /** See conntrack.ts. */
  readonly countConnections: typeof countConnections
}

export interface ProgramOptions extends Pick<AnnouncementsOptions, 'transport' | 'clock' | 'record' | 'isOnLink'> {
  readonly command: Pick<
    SpeakerCommand,
    | 'node'
    | 'namespace'
    | 'pod'
    | 'loadBalancerClass'
    | 'ignoreExcludeLB'
    | 'drainOnCordon'
    | 'silenceSeconds'
    | 'doubtShare'
    | 'kubeProxyHealth'
    | 'serviceStatuses'
  >
  readonly api: KubeApi
  /** 0 to below 1. */
  readonly random: () => number
  /** The wall clock, RFC 3339. */
  readonly now: () => string
  readonly log: Log
  readonly host: Host
  /** Where the last known state is kept, and what was there; undefined: nowhere. */
  readonly lastKnown: { readonly file: LastKnownFile; readonly read: LastKnownRead } | undefined
}

/** The last known state is written soon after a change, for a power cut does not wait, and not more often than this. */
const saveEveryMs = 1000
const saveSoonMs = 100
/** How often it is noted that this life goes on. */
const livesEveryMs = 30_000
/** Routers keep the routes of a speaker that restarts for so long: whoever is back before announces what they have. */
const freshMs = 120_000
const longAgo = '1970-01-01T00:00:00Z'
/** A signal does not wait longer for the API server. */
const lastQuestionMs = 500
/** What is left of the time that the kubelet gives, for closing sessions and writing what is to be kept. */
const closingMs = 1000

/** `holdfast speaker` without what is the operating system's: what follows, decides, announces, tells and keeps. */
export class SpeakerProgram {
  readonly #options: ProgramOptions
  readonly #faults: SourceFaults
  readonly #source: KubernetesSource
  readonly #reports: Reports
  #nodeStateHeard: (version: string) => void = () => undefined
  readonly speaker: Speaker
  #saveAlarm: Alarm | undefined
  #livesAlarm: Alarm | undefined
  #savedMs = -saveEveryMs
  #saveFailure = ''
  #isStopped = false

  constructor(options: ProgramOptions) {
    const { command, api, clock, random, now, log, lastKnown, host } = options
    this.#options = {
      ...options,
      lastKnown: lastKnown && { file: lastKnown.file, read: withoutEntries(lastKnown.read) },
    }
    const tell = log.log
    const tellPermission = createPermissionTeller(tell)
    const found = lastKnown?.read.kind === 'found' ? lastKnown.read : undefined
    const meanwhile = found === undefined ? 'waiting for the API server' : 'going on by the last known state'
    this.#faults = new SourceFaults({ clock, tell, meanwhile })
    this.#source = createKubernetesSource({
      api,
      clock,
      random,
      followed: followedBySpeaker(command, (version) => this.#nodeStateHeard(version)),
      observe: (state) => this.#observe(state),
    })
    const written = createKubernetesSource({
      api,
      clock,
      random,
      followed: writtenBySpeaker(command),
      observe: (state) => this.#faults.observe(state),
    })
    this.speaker = new Speaker({
      ...this.#options,
      rules: command,
      source: this.#source,
      tell,
      report: log.event,
      restored: found && {
        snapshot: this.#source.remember(objectsIn(found.entries)),
        earlier: earlierVersionsIn(found.entries),
        writtenAt: found.writtenAt,
        isFresh: isFresh(found, host.bootId, now()),
      },
      askOthers: async (services) => {
        if (!(await this.#reports.publish())) return undefined
        return servicesOfOthers({
          ...{ api, clock, random, now },
          ...services,
          ...command,
          objects: this.speaker.objects,
          failed: (verb, type, result) =>
            tellPermission(permission(verb, type), result.kind === 'fault' ? result : undefined),
        })
      },
      countConnections: () => this.#countConnections(),
      changed: () => this.#changed(),
    })
    this.#reports = new Reports(this.speaker, {
      ...command,
      api,
      written,
      clock,
      random,
      now,
      tell,
      told: toldIn(found?.entries),
    })
    this.#nodeStateHeard = (version) => this.#reports.nodeStateHeard(version)
  }

  /** How many objects wait to be written to the API server, for metrics. */
  get backlog(): number {
    return this.#reports.backlog
  }

  /** How each followed kind stands, for health and metrics. */
  states(): readonly FollowedState[] {
    return this.#source.states()
  }

  /** Resolves when the API server has been heard; sessions are there before where an earlier life has kept what it knew. */
  async start(): Promise<void> {
    const { log, lastKnown, command } = this.#options
    if (lastKnown?.read.kind === 'damaged') {
      const message = `the last known state is of no use, going on without it: ${lastKnown.read.reason}`
      log.log('warn', 'lastKnownState', message)
    }
    void this.#openGate()
    this.#live()
    await this.speaker.start()
    if (this.#isStopped) return
    log.log('info', 'synced', `the API server was heard: announcing for ${command.node}`)
    await this.#reports.start()
  }

  /**
   * Ends as a signal asks, in the way that fits what is known of the node (see `departureOf`). Never rejects.
   */
  async stop(signal: ShutdownSignal): Promise<void> {
    const { clock } = this.#options
    const beganMs = clock.now()
    const isHostLeaving = this.speaker.isHostLeaving() || (await this.#asksNode(signal))
    const departure = departureOf({ signal, isHostLeaving, phase: this.speaker.draining.state.phase })
    this.#options.log.log('info', 'stopping', `${signal}: ${departure.why}`, { signal, way: departure.way })
    await this.close(departure.way, beganMs)
  }

  async close(way: Departure['way'], beganMs = this.#options.clock.now()): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#saveAlarm?.cancel()
    this.#livesAlarm?.cancel()
    const { graceMs } = this.#reports
    const mostMs =
      graceMs === undefined ? undefined : Math.max(0, graceMs - (this.#options.clock.now() - beganMs) - closingMs)
    await this.speaker.stop(way, mostMs)
    await this.#save()
    // Whoever has left comes back when the API server says so.
    await this.#options.lastKnown?.file.noteLife(way === 'leave' ? longAgo : this.#options.now())
    await this.#options.lastKnown?.file.close()
    if (way === 'leave') await within(this.#options.clock, lastQuestionMs, this.#reports.publish())
    await this.#reports.stop()
    this.#faults.stop()
  }

  #observe(state: FollowedState): void {
    this.#faults.observe(state)
    if (state.fault !== undefined && !state.isSynced) this.speaker.obeyLastKnown(state.fault.message)
  }

  /** The kubelet may have said that the host shuts down a moment before it sent the signal. */
  async #asksNode(signal: ShutdownSignal): Promise<boolean> {
    if (signal !== 'SIGTERM') return false
    const { api, clock, command } = this.#options
    const answer = await within(
      clock,
      lastQuestionMs,
      api.get(resourceTypes.Node, { namespace: '', name: command.node }),
    )
    if (answer === undefined) return false
    if (answer.kind === 'fault') return answer.code === 'notFound'
    return this.speaker.isHostLeaving(answer.value)
  }

  async #openGate(): Promise<void> {
    const { command, clock, host, lastKnown, log } = this.#options
    const opened = await waitForKubeProxy({
      health: command.kubeProxyHealth,
      isSameBoot: lastKnown?.read.kind === 'found' && host.bootId !== '' && lastKnown.read.bootId === host.bootId,
      hostUptimeMs: host.uptimeMs,
      clock,
      probe: host.probe,
      wait: (message) => {
        log.log('info', 'kubeProxyNotReady', `not announcing yet: ${message}`)
        this.speaker.setGate({ isOpen: false, message })
      },
    })
    if (this.#isStopped) return
    log.log(opened.isLate ? 'warn' : 'info', 'kubeProxyReady', opened.message)
    this.speaker.setGate({ isOpen: true })
  }

  #countConnections(): Promise<Connections> {
    const { model } = this.speaker.pass?.evaluation ?? {}
    const { loadBalancerClass, silenceSeconds } = this.#options.command
    const ours = [...(model?.services.values() ?? [])].filter((service) => isOurs(service, loadBalancerClass))
    const addresses = ours.flatMap(({ ingress }) => ingress)
    return this.#options.host.countConnections(addresses, silenceSeconds)
  }

  #changed(): void {
    if (this.#isStopped) return
    this.#reports.changed()
    if (this.#options.lastKnown === undefined) return
    const { clock } = this.#options
    const waitMs = Math.max(saveSoonMs, this.#savedMs + saveEveryMs - clock.now())
    this.#saveAlarm ??= clock.after(waitMs, () => {
      this.#saveAlarm = undefined
      this.#savedMs = clock.now()
      void this.#save()
    })
  }

  #live(): void {
    const { lastKnown, clock, now } = this.#options
    this.#livesAlarm =
      lastKnown &&
      clock.after(livesEveryMs, () => {
        void lastKnown.file.noteLife(now())
        this.#live()
      })
  }

  /** Only what the API server said and what was obeyed is kept, and only of a node that could serve. */
  async #save(): Promise<void> {
    const { lastKnown, log } = this.#options
    const { knowledge, gate, objects, pass } = this.speaker
    if (lastKnown === undefined || knowledge.kind !== 'api' || !gate.isOpen) return
    const result = await lastKnown.file.save(new KeptMoment(objects, this.#reports.told, pass?.earlier))
    const failure = result.kind === 'failed' ? result.reason : ''
    if (failure !== '' && failure !== this.#saveFailure) {
      log.log('warn', 'lastKnownState', `the last known state is not kept: ${failure}`)
    }
    this.#saveFailure = failure
    if (failure !== '') this.#changed()
  }
}

/** Whether an earlier life has ended so recently that what it knew may be announced before the API server is heard: docs/adr/0013. */
function isFresh(
  { livedAt, ...then }: Extract<LastKnownRead, { kind: 'found' }>,
  bootId: string,
  now: string,
): boolean {
  const ageMs = Date.parse(now) - Date.parse(livedAt)
  return bootId !== '' && then.bootId === bootId && ageMs >= 0 && ageMs <= freshMs
}

/** What an earlier life knew is not kept for longer than it is needed. */
const withoutEntries = (read: LastKnownRead): LastKnownRead =>
  read.kind === 'found' ? { ...read, entries: new Map() } : read
