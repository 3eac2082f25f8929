import type { Reason, Route, StateName, StopReason } from '@holdfast/bgp'
import type { Address } from '@holdfast/ip'
import { formatAddress } from '@holdfast/ip'
import type {
  BfdEvent,
  BfdService,
  BfdSession,
  Endpoint,
  PeerDriver,
  PeerEvent,
  PeerSnapshot,
  ProtectedPeer,
  RecordEntry,
  Transport,
} from '@holdfast/net'
import { createPeerDriver, discoverNeighbor, progressOf } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import { BfdChanges } from './bfd-changes.ts'
import { Rekeying } from './rekeying.ts'
import type { SessionSettings } from './session-settings.ts'
import { describeError, sessionEvent, sessionTerms, silent, unsentSentences } from './session-words.ts'
import type { WantedSession } from './wanted-sessions.ts'

/** What sessions are run with. */
export interface SessionSurroundings {
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
  /** The BFD thread, which is started by the first session that asks for it. */
  readonly bfd: () => BfdService
  /** Where a session's recording goes; undefined: nothing is recorded. */
  readonly record: ((session: string) => (entry: RecordEntry) => void) | undefined
}

/** A connection from outside: both addresses, and the device where an address is link-local. */
export interface ConnectionEnds {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly device?: string | undefined
}

/** What a session is like now, for status and `holdfast peers`. */
export interface SessionNow {
  readonly wanted: WantedSession
  readonly settings: SessionSettings
  /** undefined: an unnumbered session whose peer is not found yet. */
  readonly snapshot: PeerSnapshot | undefined
  readonly bfd: ReturnType<BfdSession['snapshot']> | undefined
  /** How many routes the session is to offer, whether it could send them yet or not. */
  readonly offeredRoutes: number
  /** Why the peer of an unnumbered session cannot be looked for. */
  readonly obstacle: string | undefined
}

/** RFC 4271 waits four minutes for an OPEN; a person who looks at the screen should know before that. */
const silenceMs = 10_000

/** One session: its BGP driver, its BFD session, and on an unnumbered link the search for its peer. */
export class Session {
  readonly #wanted: WantedSession
  readonly #around: SessionSurroundings
  readonly #isRestarting: boolean
  readonly #bfdChanges: BfdChanges
  readonly #rekeying: Rekeying
  #settings: SessionSettings
  #driver: PeerDriver | undefined
  #remote: Address | undefined
  #discovery: { readonly stop: () => void } | undefined
  #bfd: BfdSession | undefined
  #routes: readonly Route[] | undefined
  #obstacle: string | undefined
  /** What was told last, so that a router that stays away is told of once. */
  #told = ''
  /** Rings where the router has accepted TCP and says nothing. */
  #silence: Alarm | undefined
  #isClosed = false

  /** `isRestarting`: this process has had no session with the peer yet, but an earlier one may have. */
  constructor(wanted: WantedSession, settings: SessionSettings, isRestarting: boolean, around: SessionSurroundings) {
    this.#wanted = wanted
    this.#settings = settings
    this.#isRestarting = isRestarting
    this.#around = around
    const { clock, report } = around
    this.#rekeying = new Rekeying({ clock, report, wanted, snapshot: () => this.#driver?.snapshot() })
    this.#bfdChanges = new BfdChanges(around.clock, (event) => this.#tellBfd(event))
  }

  get wanted(): WantedSession {
    return this.#wanted
  }

  get settings(): SessionSettings {
    return this.#settings
  }

  start(): void {
    const { remote } = this.#settings.identity
    if (remote.kind === 'address') {
      this.#open(remote.endpoint)
      return
    }
    this.#discovery = discoverNeighbor({
      device: remote.device,
      clock: this.#around.clock,
      observe: (event) => {
        if (event.kind === 'found') void this.#found({ address: event.address, port: remote.port })
        // A router that advertises itself no more may still speak BGP: its session decides.
        else if (event.kind === 'obstacle') this.#cannotFind(`${event.message}. ${event.remedy}`)
      },
    })
  }

  /** Other settings with the same identity: nothing is closed for them. */
  apply(settings: SessionSettings): void {
    const before = this.#settings
    this.#settings = settings
    if (JSON.stringify(before.socket) !== JSON.stringify(settings.socket)) this.#driver?.secure(settings.socket)
    this.#rekeying.changed(before, settings)
    if (JSON.stringify(before.bfd) !== JSON.stringify(settings.bfd)) this.#watch()
  }

  /** The whole set that the peer should have, now or as soon as there is a session. */
  setRoutes(routes: readonly Route[]): void {
    this.#routes = routes
    this.#driver?.setRoutes(routes)
  }

  /** The driver that a connection from outside belongs to, by both addresses; undefined: it is not of this session. */
  driverFor({ remote, local, device }: ConnectionEnds): PeerDriver | undefined {
    const { identity } = this.#settings
    // Routers on two links can have the same link-local address.
    if (identity.remote.kind === 'interface' && device !== undefined && device !== identity.device) return undefined
    const source = identity.local?.address
    if (this.#remote === undefined || formatAddress(this.#remote) !== formatAddress(remote.address)) return undefined
    return source === undefined || formatAddress(source) === formatAddress(local.address) ? this.#driver : undefined
  }

  /** What a listener must know to let the peer in; undefined: nothing. */
  protectedPeer(): ProtectedPeer | undefined {
    const { socket } = this.#settings
    return socket === undefined || this.#remote === undefined ? undefined : { address: this.#remote, socket }
  }

  now(): SessionNow {
    return {
      wanted: this.#wanted,
      settings: this.#settings,
      snapshot: this.#driver?.snapshot(),
      bfd: this.#bfd?.snapshot(),
      offeredRoutes: this.#routes?.length ?? 0,
      obstacle: this.#obstacle,
    }
  }

  /** Closes it, see `StopReason`. Never rejects. */
  async stop(reason: StopReason): Promise<void> {
    this.#isClosed = true
    this.#silence?.cancel()
    this.#rekeying.stop()
    this.#discovery?.stop()
    // BGP goes first: BFD's AdminDown says nothing about the path, and must not come before the NOTIFICATION.
    await this.#driver?.stop(reason)
    this.#endBfd()
  }

  async #found(remote: Endpoint): Promise<void> {
    if (this.#isClosed) return
    this.#obstacle = undefined
    if (this.#remote !== undefined && formatAddress(this.#remote) === formatAddress(remote.address)) return
    const before = this.#driver
    this.#driver = undefined
    this.#endBfd()
    await before?.stop('configurationChange')
    this.#open(remote)
  }

  #cannotFind(message: string): void {
    this.#obstacle = message
    this.#tell('idle', { code: 'notInForce', message: `the peer cannot be found: ${message}` })
  }

  #open(remote: Endpoint): void {
    if (this.#isClosed) return
    const { transport, clock, record } = this.#around
    const { identity, socket } = this.#settings
    this.#remote = remote.address
    const driver = createPeerDriver({
      config: identity.config,
      remote,
      local: identity.local,
      socket,
      isRestarting: this.#isRestarting,
      record: record?.(this.#wanted.key),
      transport,
      clock,
      observe: (event) => {
        if (this.#driver === driver && !this.#isClosed) this.#observe(driver, event)
      },
    })
    this.#driver = driver
    if (this.#routes !== undefined) driver.setRoutes(this.#routes)
    this.#watch()
    driver.start()
  }

  /** Brings BFD in line with the settings. */
  #watch(): void {
    const { identity, bfd } = this.#settings
    if (bfd === undefined || this.#remote === undefined) {
      this.#endBfd()
      return
    }
    if (this.#bfd !== undefined) {
      this.#bfd.configure(bfd)
      return
    }
    const options = { remote: this.#remote, local: identity.local?.address, device: identity.device, config: bfd }
    this.#bfd = this.#around.bfd().open(options, (event) => this.#bfdChanged(event))
  }

  #endBfd(): void {
    this.#bfdChanges.flush()
    this.#bfd?.stop()
    this.#bfd = undefined
  }

  /** RFC 5882 section 4.2: what BFD says of the path ends the session at once; anything else it says is only told. */
  #bfdChanged(event: BfdEvent): void {
    if (this.#isClosed) return
    this.#bfdChanges.changed(event)
    const driver = this.#driver
    // Before an OPEN was sent there is nothing to end, and a path that flaps need not tell BGP so every time.
    if (!event.isFailure || driver === undefined || !hasBegun(driver.snapshot().state)) return
    driver.bfdDown(event.message)
  }

  #tellBfd({ from, to, isFailure, message }: BfdEvent): void {
    const { node, peer, remoteText } = this.#wanted
    this.#around.report({ event: 'bfd', node, peer, remote: remoteText, from, to, isFailure, message })
  }

  #observe(driver: PeerDriver, event: PeerEvent): void {
    const { report } = this.#around
    switch (event.kind) {
      case 'established':
        this.#told = 'established'
        return report({
          ...sessionEvent(this.#wanted, 'established', { code: 'established', message: 'the session is up' }),
          negotiated: sessionTerms(event.negotiated),
        })
      case 'lost':
        return this.#tell(driver.snapshot().state, event.reason)
      case 'changed':
        return this.#changed(driver, event)
      case 'crashed':
        return this.#tell('idle', {
          code: 'crashed',
          message: `a defect of Holdfast ended the session: ${describeError(event.error)}`,
        })
      case 'unsent': {
        const { node, peer } = this.#wanted
        for (const message of unsentSentences(event.routes)) report({ event: 'unsent', node, peer, message })
        return
      }
      case 'learned':
      case 'notification':
      case 'refused':
        return
    }
  }

  /** Steps on the way up are not told; steps back are, once for each reason. */
  #changed(driver: PeerDriver, { from, to, reason }: Extract<PeerEvent, { kind: 'changed' }>): void {
    this.#silence?.cancel()
    if (to === 'openSent') this.#silence = this.#around.clock.after(silenceMs, () => this.#tell(to, silent))
    const isStepBack = progressOf(to) < progressOf(from) && from !== 'established'
    if (isStepBack && driver.snapshot().state !== 'established') this.#tell(to, reason)
  }

  #tell(state: StateName, reason: Pick<Reason, 'message'> & { readonly code: string }): void {
    const told = `${reason.code} ${reason.message}`
    if (this.#told === told) return
    this.#told = told
    this.#around.report(sessionEvent(this.#wanted, state, reason))
  }
}

const hasBegun = (state: StateName): boolean => progressOf(state) >= progressOf('openSent')
