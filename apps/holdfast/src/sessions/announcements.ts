import type { NodePlan } from '@holdfast/announce'
import type { Address } from '@holdfast/ip'
import type { Model } from '@holdfast/model'
import type { ProtectedPeer, RecordEntry, Transport } from '@holdfast/net'
import type { Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import { createRouteMaker } from './routes.ts'
import type { ConnectionEnds, SessionNow } from './session.ts'
import { SessionSet } from './session-set.ts'
import type { WantedSession } from './wanted-sessions.ts'
import { wantedSessions } from './wanted-sessions.ts'

/** What a node tells its routers about its routes: as planned, as planned but to be avoided (RFC 8326), or nothing. */
export type Stance = 'announce' | 'gracefulShutdown' | 'withdrawn'

/** What the sessions of a process are to follow: the plans of the nodes that it speaks for, by name of the Node. */
export interface Announced {
  readonly model: Model
  readonly nodePlans: ReadonlyMap<string, NodePlan>
}

export interface AnnouncementsOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly report: Report
  /** Whether this host has an address in the same network. */
  readonly isOnLink: (address: Address) => boolean
  /** Where a session's recording goes; undefined: nothing is recorded. */
  readonly record: ((session: string) => (entry: RecordEntry) => void) | undefined
}

/** What there is to see of the sessions of a process. */
export interface SessionsView {
  /** Every session with its state. */
  readonly sessions: () => readonly SessionNow[]
  /** What the configuration wants, also sessions that cannot be opened. */
  readonly wanted: () => readonly WantedSession[]
}

/** The sessions of a process and what each of them offers: brought in line with a plan, and taken down in the right order. */
export class Announcements implements SessionsView {
  readonly #options: AnnouncementsOptions
  readonly #set: SessionSet
  readonly #routeMakers = new Map<string, ReturnType<typeof createRouteMaker>>()
  #wanted: ReadonlyMap<string, WantedSession> = new Map()
  #last: Announced | undefined
  #stance: Stance = 'announce'
  #protect: ((peers: readonly ProtectedPeer[]) => void) | undefined

  constructor(options: AnnouncementsOptions) {
    this.#options = options
    this.#set = new SessionSet({
      transport: options.transport,
      clock: options.clock,
      record: options.record,
      report: options.report,
      protect: (peers) => this.#protect?.(peers),
    })
  }

  /** Opens, closes and changes sessions, and hands each its whole desired set of routes. */
  apply(announced: Announced, stance: Stance = this.#stance): void {
    this.#last = announced
    this.#stance = stance
    const { model, nodePlans } = announced
    this.#wanted = wantedSessions({ model, isOnLink: this.#options.isOnLink }, [...nodePlans.keys()])
    this.#set.apply(this.#wanted)
    for (const key of this.#routeMakers.keys()) if (!this.#wanted.has(key)) this.#routeMakers.delete(key)
    for (const wanted of this.#wanted.values()) this.#offer(wanted, nodePlans.get(wanted.node))
  }

  #offer({ key, peer, terms }: WantedSession, plan: NodePlan | undefined): void {
    if ('obstacle' in terms) return
    const make = this.#routeMakers.get(key) ?? createRouteMaker()
    this.#routeMakers.set(key, make)
    const routes = this.#stance === 'withdrawn' ? [] : (plan?.routes.get(peer) ?? [])
    this.#set.setRoutes(key, make(routes, { ...terms.routes, isLeaving: this.#stance === 'gracefulShutdown' }))
  }

  /** The session that a connection from outside belongs to; undefined: nobody's. */
  driverFor(ends: ConnectionEnds): ReturnType<SessionSet['driverFor']> {
    return this.#set.driverFor(ends)
  }

  /** From now on `protect` is told the peers whose connections need keys or TTLs. */
  protectWith(protect: (peers: readonly ProtectedPeer[]) => void): void {
    this.#protect = protect
    this.#set.protect(true)
  }

  sessions(): readonly SessionNow[] {
    return this.#set.now()
  }

  wanted(): readonly WantedSession[] {
    return [...this.#wanted.values()]
  }

  /**
   * What a node does that will not be back at once: asks the routers to prefer others (RFC 8326), gives them time for it, and
   * withdraws. Sessions stay open; `stop` closes them. Resolves at once where nobody has routes of ours.
   */
  async leave(): Promise<void> {
    const heard = this.sessions().filter(({ snapshot }) => (snapshot?.sentPrefixes ?? 0) > 0)
    const waitMs = Math.max(0, ...heard.map(({ settings }) => settings.gracefulShutdownMs))
    if (heard.length === 0 || this.#last === undefined) return
    this.apply(this.#last, 'gracefulShutdown')
    await new Promise<void>((resolve) => void this.#options.clock.after(waitMs, resolve))
    this.apply(this.#last, 'withdrawn')
  }

  /** Closes every session: routes go, or stay for the next process (`restart`). Never rejects. */
  async stop(way: 'leave' | 'restart'): Promise<void> {
    await this.#set.stop(way === 'leave' ? 'administrativeShutdown' : 'restart')
  }
}
