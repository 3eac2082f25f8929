import type { Route, StopReason } from '@holdfast/bgp'
import { formatAddress } from '@holdfast/ip'
import type { BfdService, PeerDriver, ProtectedPeer } from '@holdfast/net'
import { createBfdService } from '@holdfast/net'
import type { ConnectionEnds, SessionNow, SessionSurroundings } from './session.ts'
import { Session } from './session.ts'
import type { SessionIdentity } from './session-settings.ts'
import { closeMessages, sessionEvent } from './session-words.ts'
import type { WantedSession } from './wanted-sessions.ts'

export interface SessionSetOptions extends Omit<SessionSurroundings, 'bfd'> {
  /** Called with all peers that a listener must know keys or TTLs of, whenever these changed. */
  readonly protect: (peers: readonly ProtectedPeer[]) => void
}

/** The sessions of this process. Each lives until its own settings change; none notices what happens to another. */
export class SessionSet {
  readonly #options: SessionSetOptions
  readonly #around: SessionSurroundings
  readonly #running = new Map<string, Session>()
  /** Sessions that the manifests want and that are not opened, with what was told of them. */
  readonly #held = new Map<string, string>()
  /** Sessions that are being closed: one that takes their place waits, or the router would refuse it as a second one. */
  readonly #closing = new Map<string, Promise<void>>()
  /** Peers that this process has had a session with: it cannot have been restarted since. */
  readonly #known = new Set<string>()
  #wanted: ReadonlyMap<string, WantedSession> = new Map()
  readonly #routes = new Map<string, readonly Route[]>()
  #bfd: BfdService | undefined
  #protected = ''

  constructor(options: SessionSetOptions) {
    this.#options = options
    this.#around = {
      ...options,
      bfd: () => (this.#bfd ??= createBfdService({ clock: options.clock })),
    }
  }

  /** Opens, closes and replaces sessions until they are the wanted ones. Those whose settings did not change stay. */
  apply(wanted: ReadonlyMap<string, WantedSession>): void {
    this.#wanted = wanted
    for (const session of this.#running.values()) this.#closeUnlessWanted(session, wanted.get(session.wanted.key))
    for (const key of this.#held.keys()) {
      const next = wanted.get(key)
      if (next === undefined) this.#held.delete(key)
    }
    for (const key of this.#routes.keys()) if (!wanted.has(key)) this.#routes.delete(key)
    for (const key of wanted.keys()) this.#openIfWanted(key)
    this.protect()
  }

  /** Tells the listener what it must know of the peers, where that changed or `isAnew`. */
  protect(isAnew = false): void {
    const peers = new Map<string, ProtectedPeer>()
    for (const session of this.#running.values()) {
      const peer = session.protectedPeer()
      if (peer !== undefined) peers.set(formatAddress(peer.address), peer)
    }
    const text = JSON.stringify([...peers].map(([address, { socket }]) => [address, socket]))
    if (!isAnew && text === this.#protected) return
    this.#protected = text
    this.#options.protect([...peers.values()])
  }

  /** The whole set that a session should offer, now or as soon as it is open. */
  setRoutes(key: string, routes: readonly Route[]): void {
    this.#routes.set(key, routes)
    this.#running.get(key)?.setRoutes(routes)
  }

  /** The session that a connection from outside belongs to: by the peer's address and, where it is set, our own. */
  driverFor(ends: ConnectionEnds): PeerDriver | undefined {
    for (const session of this.#running.values()) {
      const driver = session.driverFor(ends)
      if (driver !== undefined) return driver
    }
    return undefined
  }

  /** Every session with its state, for status. */
  now(): readonly SessionNow[] {
    return [...this.#running.values()].map((session) => session.now())
  }

  /** Closes every session. Never rejects. */
  async stop(reason: StopReason): Promise<void> {
    this.#wanted = new Map()
    for (const session of [...this.#running.values()]) this.#close(session, reason)
    await Promise.all(this.#closing.values())
    await this.#bfd?.stop()
  }

  #openIfWanted(key: string): void {
    const wanted = this.#wanted.get(key)
    if (wanted === undefined || this.#running.has(key) || this.#closing.has(key)) return
    if ('obstacle' in wanted.terms) {
      this.#hold(wanted, wanted.terms.obstacle)
      return
    }
    const { socket } = wanted.terms
    // A session that cannot be protected as asked for is none: never one without its secret.
    const fault = socket === undefined ? undefined : this.#options.transport.obstacle(socket)
    if (fault === undefined) this.#open(wanted, wanted.terms)
    else this.#hold(wanted, fault.message)
  }

  #closeUnlessWanted(session: Session, next: WantedSession | undefined): void {
    if (next === undefined) this.#close(session, 'peerDeconfigured')
    else if ('obstacle' in next.terms || !isSame(session.settings.identity, next.terms.identity))
      this.#close(session, 'configurationChange')
    else session.apply(next.terms)
  }

  #open(wanted: WantedSession, settings: ConstructorParameters<typeof Session>[1]): void {
    const session = new Session(wanted, settings, !this.#known.has(wanted.key), this.#around)
    this.#known.add(wanted.key)
    this.#held.delete(wanted.key)
    this.#running.set(wanted.key, session)
    const routes = this.#routes.get(wanted.key)
    if (routes !== undefined) session.setRoutes(routes)
    session.start()
  }

  #close(session: Session, reason: StopReason): void {
    const { key } = session.wanted
    this.#running.delete(key)
    const closed = session.stop(reason).then(() => {
      this.#closing.delete(key)
      this.#openIfWanted(key)
      this.protect()
    })
    this.#closing.set(key, closed)
    const code = reason === 'peerDeconfigured' ? 'removed' : reason
    this.#options.report(sessionEvent(session.wanted, 'idle', { code, message: closeMessages[reason] }))
  }

  #hold(wanted: WantedSession, obstacle: string): void {
    if (this.#held.get(wanted.key) === obstacle) return
    this.#held.set(wanted.key, obstacle)
    this.#options.report(sessionEvent(wanted, 'idle', { code: 'notInForce', message: `not opened: ${obstacle}` }))
  }
}

/** IPv6 addresses are bigints, which JSON does not have. */
const identityText = (identity: SessionIdentity): string =>
  JSON.stringify(identity, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))

const isSame = (a: SessionIdentity, b: SessionIdentity): boolean => identityText(a) === identityText(b)
