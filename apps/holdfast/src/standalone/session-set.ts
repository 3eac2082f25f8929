import type { CeaseReason, Reason, Route, StateName, UnsentRoute } from '@holdfast/bgp'
import { formatAddress, formatPrefix, ipv4 } from '@holdfast/ip'
import type { Endpoint, PeerDriver, PeerEvent, PeerSnapshot, Transport } from '@holdfast/net'
import { createPeerDriver } from '@holdfast/net'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Report, SessionEvent, SessionTerms } from '../events.ts'
import type { SessionSettings, WantedSession } from './sessions.ts'

export interface SessionSetOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
}

interface Running {
  readonly wanted: WantedSession
  readonly settings: SessionSettings
  readonly driver: PeerDriver
  /** What was told last, so that a router that stays away is told of once. */
  told: string
  /** Rings where the router has accepted TCP and says nothing. */
  silence: Alarm | undefined
}

/** RFC 4271 waits four minutes for an OPEN; a person who looks at the screen should know before that. */
const silenceMs = 10_000

/** The sessions of this process. Each lives until its own settings change; none notices what happens to another. */
export class SessionSet {
  readonly #options: SessionSetOptions
  readonly #running = new Map<string, Running>()
  /** Sessions that the manifests want and that are not opened, with what was told of them. */
  readonly #held = new Map<string, string>()
  /** Sessions that are being closed: one that takes their place waits, or the router would refuse it as a second one. */
  readonly #closing = new Map<string, Promise<void>>()
  #wanted: ReadonlyMap<string, WantedSession> = new Map()
  readonly #routes = new Map<string, readonly Route[]>()

  constructor(options: SessionSetOptions) {
    this.#options = options
  }

  /** Opens, closes and replaces sessions until they are the wanted ones. Those whose settings did not change stay. */
  apply(wanted: ReadonlyMap<string, WantedSession>): void {
    this.#wanted = wanted
    for (const [key, running] of this.#running) this.#closeUnlessWanted(running, wanted.get(key))
    for (const key of this.#held.keys()) {
      const next = wanted.get(key)
      if (next === undefined || !('obstacle' in next.terms)) this.#held.delete(key)
    }
    for (const key of this.#routes.keys()) if (!wanted.has(key)) this.#routes.delete(key)
    for (const key of wanted.keys()) this.#openIfWanted(key)
  }

  #openIfWanted(key: string): void {
    const session = this.#wanted.get(key)
    if (session === undefined || this.#running.has(key) || this.#closing.has(key)) return
    if ('obstacle' in session.terms) this.#hold(session, session.terms.obstacle)
    else this.#open(session, session.terms)
  }

  #closeUnlessWanted(running: Running, next: WantedSession | undefined): void {
    if (next === undefined) this.#close(running, 'peerDeconfigured', 'removed')
    else if ('obstacle' in next.terms || !isSame(running.settings, next.terms))
      this.#close(running, 'configurationChange', undefined)
  }

  /** The whole set that a session should offer, now or as soon as it is open. */
  setRoutes(key: string, routes: readonly Route[]): void {
    this.#routes.set(key, routes)
    this.#running.get(key)?.driver.setRoutes(routes)
  }

  /** The session that a connection from outside belongs to: by the peer's address and, where it is set, our own. */
  driverFor({ remote, local }: { readonly local: Endpoint; readonly remote: Endpoint }): PeerDriver | undefined {
    for (const { settings, driver } of this.#running.values()) {
      const source = settings.local?.address
      if (formatAddress(settings.remote.address) !== formatAddress(remote.address)) continue
      if (source === undefined || formatAddress(source) === formatAddress(local.address)) return driver
    }
    return undefined
  }

  /** Every session with its state, for status. */
  snapshots(): readonly { readonly wanted: WantedSession; readonly snapshot: PeerSnapshot }[] {
    return [...this.#running.values()].map(({ wanted, driver }) => ({ wanted, snapshot: driver.snapshot() }))
  }

  /** Closes every session. Never rejects. */
  async stop(reason: CeaseReason): Promise<void> {
    this.#wanted = new Map()
    for (const running of [...this.#running.values()]) this.#close(running, reason, undefined)
    await Promise.all(this.#closing.values())
  }

  #open(wanted: WantedSession, settings: SessionSettings): void {
    const { transport, clock } = this.#options
    const driver = createPeerDriver({
      ...settings,
      transport,
      clock,
      observe: (event) => this.#observe(wanted.key, driver, event),
    })
    this.#running.set(wanted.key, { wanted, settings, driver, told: '', silence: undefined })
    const routes = this.#routes.get(wanted.key)
    if (routes !== undefined) driver.setRoutes(routes)
    driver.start()
  }

  #close(running: Running, reason: CeaseReason, told: 'removed' | undefined): void {
    const { key } = running.wanted
    running.silence?.cancel()
    this.#running.delete(key)
    const closed = running.driver.stop(reason).then(() => {
      this.#closing.delete(key)
      this.#openIfWanted(key)
    })
    this.#closing.set(key, closed)
    const message =
      told === 'removed' ? 'the BGPPeer is gone or does not select this node any more' : closeMessages[reason]
    this.#options.report(sessionEvent(running.wanted, 'idle', { code: told ?? reason, message }))
  }

  #hold(session: WantedSession, obstacle: string): void {
    if (this.#held.get(session.key) === obstacle) return
    this.#held.set(session.key, obstacle)
    this.#options.report(sessionEvent(session, 'idle', { code: 'notInForce', message: `not opened: ${obstacle}` }))
  }

  #observe(key: string, driver: PeerDriver, event: PeerEvent): void {
    const running = this.#running.get(key)
    // The last words of a session that was closed, or of the one before the present one.
    if (running?.driver !== driver) return
    switch (event.kind) {
      case 'established':
        running.told = 'established'
        this.#options.report({
          ...sessionEvent(running.wanted, 'established', { code: 'established', message: 'the session is up' }),
          negotiated: terms(event.negotiated),
        })
        return
      case 'lost':
        return this.#tell(running, driver.snapshot().state, event.reason)
      case 'changed':
        return this.#changed(running, event)
      case 'crashed':
        return this.#tell(running, 'idle', {
          code: 'crashed',
          message: `a defect of Holdfast ended the session: ${describe(event.error)}`,
        })
      case 'unsent':
        return this.#tellUnsent(running, event)
      case 'learned':
      case 'notification':
      case 'refused':
        return
    }
  }

  #tellUnsent({ wanted: { node, peer } }: Running, { routes }: Extract<PeerEvent, { kind: 'unsent' }>): void {
    for (const [cause, message] of unsentMessages) {
      const prefixes = routes.filter((route) => route.cause === cause).map(({ route }) => formatPrefix(route.prefix))
      if (prefixes.length === 0) continue
      const shown =
        prefixes.length > 3 ? `${prefixes.slice(0, 3).join(', ')} and ${prefixes.length - 3} more` : prefixes.join(', ')
      this.#options.report({ event: 'unsent', node, peer, message: `${shown}: ${message}` })
    }
  }

  /** Steps on the way up are not told; steps back are, once for each reason. */
  #changed(running: Running, { from, to, reason }: Extract<PeerEvent, { kind: 'changed' }>): void {
    running.silence?.cancel()
    if (to === 'openSent') running.silence = this.#options.clock.after(silenceMs, () => this.#tell(running, to, silent))
    const isStepBack = rank[to] < rank[from] && from !== 'established'
    if (isStepBack && running.driver.snapshot().state !== 'established') this.#tell(running, to, reason)
  }

  #tell(running: Running, state: StateName, reason: Pick<Reason, 'message'> & { readonly code: string }): void {
    const told = `${reason.code} ${reason.message}`
    if (running.told === told) return
    running.told = told
    this.#options.report(sessionEvent(running.wanted, state, reason))
  }
}

const silent = {
  code: 'tcpConnected',
  message: 'TCP is connected, but the router sends no OPEN: does it know us as a neighbour?',
}

const rank: Readonly<Record<StateName, number>> = {
  idle: 0,
  active: 1,
  connect: 2,
  openSent: 3,
  openConfirm: 4,
  established: 5,
}

const unsentMessages: ReadonlyMap<UnsentRoute['cause'], string> = new Map([
  ['familyNotNegotiated', 'the router does not exchange this address family on the session'],
  [
    'noNextHop',
    'the session runs over the other address family, and the Node has no InternalIP of this one to be the next hop',
  ],
  ['attributesTooLarge', 'its communities do not fit into one BGP message: use fewer'],
])

const closeMessages: Readonly<Record<CeaseReason, string>> = {
  administrativeShutdown: 'closed: Holdfast is shutting down',
  peerDeconfigured: 'closed: the BGPPeer is gone',
  administrativeReset: 'closed: reset',
  configurationChange: 'closed: its settings changed, opening anew',
}

function sessionEvent(
  wanted: WantedSession,
  state: StateName,
  reason: { readonly code: string; readonly message: string },
): SessionEvent {
  return {
    event: 'session',
    node: wanted.node,
    peer: wanted.peer,
    remote: wanted.remoteText,
    state,
    reason: reason.code,
    message: reason.message,
  }
}

function terms(negotiated: Extract<PeerEvent, { kind: 'established' }>['negotiated']): SessionTerms {
  const { localAsn, remoteAsn, remoteRouterId, holdTimeSeconds, keepaliveSeconds, families, localAddress } = negotiated
  return {
    localAsn,
    remoteAsn,
    remoteRouterId: formatAddress(ipv4(remoteRouterId)),
    holdTimeSeconds,
    keepaliveSeconds,
    families: families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')),
    localAddress: formatAddress(localAddress),
  }
}

/** IPv6 addresses are bigints, which JSON does not have. */
const settingsText = (settings: SessionSettings): string =>
  JSON.stringify(settings, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))

const isSame = (a: SessionSettings, b: SessionSettings): boolean => settingsText(a) === settingsText(b)

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))
