import type { NodePlan, PeerRoute } from '@holdfast/announce'
import type { Route } from '@holdfast/bgp'
import type { Address, Prefix } from '@holdfast/ip'
import type { Model } from '@holdfast/model'
import type { ProtectedPeer, RecordEntry, Transport } from '@holdfast/net'
import type { Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import type { RouteTerms } from './routes.ts'
import { createRouteMaker } from './routes.ts'
import type { ConnectionEnds, SessionNow } from './session.ts'
import { SessionSet } from './session-set.ts'
import type { WantedSession } from './wanted-sessions.ts'
import { wantedSessions } from './wanted-sessions.ts'

/** What a node tells its routers about a route: as planned, as planned but to be avoided (RFC 8326), or nothing. */
export type RouteStance = 'announce' | 'gracefulShutdown' | 'withdrawn'

/**
 * The same for all routes, or chosen by prefix: another function is another choice. `notYet` opens sessions and leaves their routes
 * as they are: a new one has none and no End-of-RIB, so that its router keeps what it has of an earlier life (RFC 4724 section 4.2).
 */
export type Stance = RouteStance | 'notYet' | ((prefix: Prefix) => RouteStance)

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
  readonly #offerMakers = new Map<string, ReturnType<typeof createOfferMaker>>()
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
    for (const key of this.#offerMakers.keys()) if (!this.#wanted.has(key)) this.#offerMakers.delete(key)
    for (const wanted of this.#wanted.values()) this.#offer(wanted, nodePlans.get(wanted.node))
  }

  #offer({ key, peer, terms }: WantedSession, plan: NodePlan | undefined): void {
    if ('obstacle' in terms || this.#stance === 'notYet') return
    const make = this.#offerMakers.get(key) ?? createOfferMaker()
    this.#offerMakers.set(key, make)
    this.#set.setRoutes(key, make(plan?.routes.get(peer) ?? [], terms.routes, this.#stance))
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
   * What a node does that will not be back at once: asks the routers to prefer others (RFC 8326), gives them time for it (no more
   * than `mostMs`), and withdraws. Sessions stay open; `stop` closes them. Resolves at once where nobody has routes of ours.
   */
  async leave(mostMs = Infinity): Promise<void> {
    const waitMs = Math.min(mostMs, this.gracefulShutdownMs() ?? 0)
    if (this.gracefulShutdownMs() === undefined || this.#last === undefined) return
    this.apply(this.#last, 'gracefulShutdown')
    await new Promise<void>((resolve) => void this.#options.clock.after(waitMs, resolve))
    this.apply(this.#last, 'withdrawn')
  }

  /** How long routers are given to prefer others: the longest time of those that have routes of ours; undefined: none has. */
  gracefulShutdownMs(): number | undefined {
    const heard = this.sessions().filter(({ snapshot }) => (snapshot?.sentPrefixes ?? 0) > 0)
    return heard.length === 0 ? undefined : Math.max(...heard.map(({ settings }) => settings.gracefulShutdownMs))
  }

  /** Closes every session: routes go, or stay for the next process (`restart`). Never rejects. */
  async stop(way: 'leave' | 'restart'): Promise<void> {
    await this.#set.stop(way === 'leave' ? 'administrativeShutdown' : 'restart')
  }
}

/** Makes the routes of one session as the stance has them. Unchanged input gives the same array again. */
function createOfferMaker(): (
  routes: readonly PeerRoute[],
  terms: Omit<RouteTerms, 'isLeaving'>,
  stance: Exclude<Stance, 'notYet'>,
) => readonly Route[] {
  const planned = createRouteMaker()
  const leaving = createRouteMaker()
  const part = createPartition()
  return (routes, terms, stance) => {
    if (stance === 'withdrawn') return planned([], { ...terms, isLeaving: false })
    if (stance === 'announce') return planned(routes, { ...terms, isLeaving: false })
    if (stance === 'gracefulShutdown') return leaving(routes, { ...terms, isLeaving: true })
    const parts = part(routes, stance)
    return [
      ...planned(parts.announce, { ...terms, isLeaving: false }),
      ...leaving(parts.gracefulShutdown, { ...terms, isLeaving: true }),
    ]
  }
}

type Parts = Readonly<Record<'announce' | 'gracefulShutdown', readonly PeerRoute[]>>

function createPartition(): (routes: readonly PeerRoute[], stanceOf: (prefix: Prefix) => RouteStance) => Parts {
  let last:
    | {
        readonly routes: readonly PeerRoute[]
        readonly stanceOf: (prefix: Prefix) => RouteStance
        readonly parts: Parts
      }
    | undefined
  return (routes, stanceOf) => {
    if (last?.routes === routes && last.stanceOf === stanceOf) return last.parts
    const groups = Map.groupBy(routes, ({ prefix }) => stanceOf(prefix))
    const parts = { announce: groups.get('announce') ?? [], gracefulShutdown: groups.get('gracefulShutdown') ?? [] }
    last = { routes, stanceOf, parts }
    return parts
  }
}
