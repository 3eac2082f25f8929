import type { Feature, Session } from './plan.ts'
import type { Site } from './site.ts'

/** What a router says about one session. A field that its output does not have is undefined. */
export interface SessionView {
  /** In the router's own words. */
  readonly state: string
  readonly isEstablished: boolean
  /** The remote AS as the router has it from the OPEN. */
  readonly remoteAsn?: number | undefined
  /** How often the session came up since the router started. */
  readonly establishments?: number | undefined
  readonly isFourOctetAs?: boolean | undefined
  readonly isGracefulRestart?: boolean | undefined
  /** The R bit of the node's last OPEN (RFC 4724 section 3). */
  readonly hasPeerRestarted?: boolean | undefined
  readonly isEndOfRibReceived?: boolean | undefined
  readonly isExtendedMessage?: boolean | undefined
  /** It takes path identifiers from the node. */
  readonly isAddPath?: boolean | undefined
  readonly isRouteRefresh?: boolean | undefined
  /** How many ROUTE-REFRESH messages it sent. */
  readonly refreshesSent?: number | undefined
  /** Why the session ended last. */
  readonly lastDown?: string | undefined
  readonly bfd?: string | undefined
}

/** One route as the router has it from one session. */
export interface RouteView {
  /** Without the length. */
  readonly address: string
  readonly nextHop: string
  /** AS numbers with blanks between them; empty for an empty path. */
  readonly asPath: string
  readonly largeCommunities: number
  readonly pathId: number | undefined
  readonly isStale: boolean
}

/** A routing daemon in the router's namespace, with a session configured for every one of the plan. */
export interface InteropRouter {
  readonly session: (session: Session) => Promise<SessionView>
  readonly routes: (session: Session) => Promise<readonly RouteView[]>
  /** How many routes the session has brought so far, repetitions included. */
  readonly received: (session: Session) => Promise<number>
  /** Makes the router ask for all routes again (RFC 2918). */
  readonly refresh: (session: Session) => Promise<void>
}

/** An implementation that is looked at. */
export interface Implementation {
  readonly name: string
  /** In its own words. */
  readonly version: () => Promise<string>
  /** Files that must be there, and the package that has them. */
  readonly needs: { readonly files: readonly string[]; readonly package: string }
  readonly start: (site: Site) => Promise<InteropRouter>
  /** What a reader of the table should know besides. */
  readonly notes?: readonly string[]
  /** Sessions of the plan that it can have nothing of: no cell of theirs is one that it can. */
  readonly leavesOut?: (session: Session) => boolean
  /** Why there is no cell for this feature; undefined: there is one. */
  readonly cannot: (feature: Feature, session: Session) => Inability | undefined
}

/** What an implementation lacks, and how the run sees that it does. */
export interface Inability {
  readonly reason: string
  /** The observation; throws where the implementation turns out to be able. */
  readonly verify: (evidence: Evidence) => Promise<void>
}

/** What can be asked about one session. */
export interface Evidence {
  readonly site: Site
  readonly router: InteropRouter
  readonly session: Session
  /** The codes of the capabilities (RFC 5492) in the router's OPEN on a session like this one. */
  readonly offers: () => Promise<ReadonlySet<number>>
}
