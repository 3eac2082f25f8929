import type {
  Event,
  FaultEvent,
  NeighborEvent,
  NotInForceEvent,
  RouteEvent,
  ServiceEvent,
  SessionEvent,
} from '../events.ts'
import { plainLine } from './plain.ts'

/** One Service as the screen shows it: what it holds and, where it is not announced by a node, why. */
export interface ServiceRow {
  readonly addresses: readonly string[]
  /** The last refusal; undefined while the Service has what it asked for. */
  readonly refusal: string | undefined
  /** Prefixes that some node announces, each with the nodes. */
  readonly announcedBy: ReadonlyMap<string, readonly string[]>
  readonly withheld: ReadonlyMap<string, string>
}

/** Everything that the live view shows: the sum of all events so far. */
export class ScreenState {
  readonly sessions = new Map<string, SessionEvent & { readonly since: number }>()
  readonly neighbors = new Map<string, NeighborEvent & { readonly since: number }>()
  readonly services = new Map<string, ServiceRow>()
  readonly routes = new Map<string, RouteEvent>()
  readonly faults = new Map<string, FaultEvent>()
  readonly notInForce = new Map<string, NotInForceEvent>()
  readonly recent: { readonly at: number; readonly line: string }[] = []
  title = ''
  isRouterOnly = false
  readonly #keepRecent: number

  /** `keepRecent`: how many event lines to remember. */
  constructor(keepRecent: number) {
    this.#keepRecent = keepRecent
  }

  /** Adds an event. `at` is in milliseconds on the clock that the view measures ages with. */
  apply(event: Event, at: number): void {
    this.#remember(event, at)
    switch (event.event) {
      case 'started':
        this.isRouterOnly = event.mode === 'router'
        this.title = plainLine(event)
        return
      case 'session':
        return this.#session(event, at)
      case 'neighbor':
        return this.#neighbor(event, at)
      case 'service':
        return this.#held(event)
      case 'announced':
        return this.#announced(event)
      case 'withheld':
        return this.#withheld(event)
      case 'route':
        if (event.nextHops.length > 0) this.routes.set(event.prefix, event)
        else this.routes.delete(event.prefix)
        return
      default:
        this.#problem(event)
    }
  }

  #problem(event: Event): void {
    if (event.event === 'fault') this.faults.set(faultKey(event), event)
    else if (event.event === 'faultCleared') this.faults.delete(faultKey(event))
    else if (event.event === 'notInForceCleared') this.notInForce.delete(`${event.object} ${event.path}`)
    else if (event.event === 'notInForce') this.notInForce.set(`${event.object} ${event.path}`, event)
  }

  #remember(event: Event, at: number): void {
    if (event.event === 'started' || event.event === 'notInForce') return
    this.recent.push({ at, line: plainLine(event).split('\n')[0] ?? '' })
    if (this.recent.length > this.#keepRecent) this.recent.shift()
  }

  #session(event: SessionEvent, at: number): void {
    const key = `${event.node} ${event.peer}`
    if (event.reason === 'removed') this.sessions.delete(key)
    else this.sessions.set(key, { ...event, since: at })
  }

  #neighbor(event: NeighborEvent, at: number): void {
    if (event.state === 'idle') this.neighbors.delete(event.remote)
    else this.neighbors.set(event.remote, { ...event, since: at })
  }

  #held({ service, reason, type, message, addresses }: ServiceEvent): void {
    if (reason === 'Released') this.services.delete(service)
    else this.#service(service, { addresses, refusal: type === 'Warning' ? message : undefined })
  }

  #service(name: string, change: Partial<ServiceRow>): void {
    const row = this.services.get(name) ?? {
      addresses: [],
      refusal: undefined,
      announcedBy: new Map(),
      withheld: new Map(),
    }
    this.services.set(name, { ...row, ...change })
  }

  #announced(event: Extract<Event, { event: 'announced' }>): void {
    const row = this.services.get(event.service)
    // The last word on a Service that is gone.
    if (row === undefined && event.routes.length === 0) return
    const announcedBy = new Map([...(row?.announcedBy ?? []), [event.node, event.routes.map(({ prefix }) => prefix)]])
    if (event.routes.length === 0) announcedBy.delete(event.node)
    const withheld = new Map(row?.withheld ?? [])
    withheld.delete(event.node)
    this.#service(event.service, { announcedBy, withheld })
  }

  #withheld(event: Extract<Event, { event: 'withheld' }>): void {
    const row = this.services.get(event.service)
    const announcedBy = new Map(row?.announcedBy ?? [])
    if (event.address === undefined) announcedBy.delete(event.node)
    this.#service(event.service, {
      announcedBy,
      withheld: new Map([...(row?.withheld ?? []), [event.node, event.reason]]),
    })
  }
}

const faultKey = (event: { code: string; file: string; object?: string; path?: string }): string =>
  [event.code, event.file, event.object, event.path].join(' ')
