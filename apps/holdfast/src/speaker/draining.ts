import type { Prefix } from '@holdfast/ip'
import { formatPrefix } from '@holdfast/ip'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { RouteStance } from '../sessions/announcements.ts'
import type { Connections } from './conntrack.ts'
import type { LifecycleState, Others } from './lifecycle.ts'
import { initialState, stepLifecycle } from './lifecycle.ts'
import type { FoundOthers, LeavingServices } from './others.ts'
import type { Wish } from './wish.ts'

export interface DrainingOptions {
  readonly clock: Clock
  /** Prefixes that would be announced, as text, each with the keys of its Services. */
  readonly routes: () => ReadonlyMap<string, readonly string[]>
  readonly gracefulShutdownMs: () => number | undefined
  /**
   * Tells the cluster how this node stands, and then finds out which of the Services nodes announce that stay; undefined: it could not.
   * In this order two nodes that leave at the same time see each other leave. Never rejects.
   */
  readonly askOthers: (services: LeavingServices) => Promise<FoundOthers | undefined>
  readonly countConnections: () => Promise<Connections>
  /** The state or the number of connections changed. */
  readonly changed: () => void
}

/** How often the connections that are left are counted while the node leaves or has left. */
const countEveryMs = 5000

const unknown: Omit<Others, 'atMs'> = { announced: undefined, unanswered: new Map() }

/** A node's leaving and coming back, with what it waits for. */
export class Draining {
  readonly #options: DrainingOptions
  #state: LifecycleState
  #wish: Wish | undefined
  #others: Others | undefined
  #isAsking = false
  #alarm: Alarm | undefined
  #countAlarm: Alarm | undefined
  #connections: Connections | undefined
  #isStopped = false
  #stance:
    | {
        readonly state: LifecycleState
        readonly of: Exclude<RouteStance, 'announce'> | ((prefix: Prefix) => RouteStance)
      }
    | undefined

  constructor(options: DrainingOptions) {
    this.#options = options
    this.#state = initialState(options.clock.now())
  }

  get state(): LifecycleState {
    return this.#state
  }

  /** undefined: not counted yet, or the node does not leave. */
  get connections(): Connections | undefined {
    return this.#connections
  }

  /** Goes on where an earlier process was. */
  resume(state: LifecycleState): void {
    this.#state = state
    this.#keepCounting()
  }

  /** What to tell routers of each route. The same state gives the same function. */
  stance(): RouteStance | ((prefix: Prefix) => RouteStance) {
    const state = this.#state
    if (state.phase === 'Active') return 'announce'
    if (state.phase === 'GracefulShutdown') return 'gracefulShutdown'
    if (state.phase === 'Withdrawn') return 'withdrawn'
    if (this.#stance?.state !== state) {
      const { held } = state
      this.#stance = { state, of: (prefix) => (held.has(formatPrefix(prefix)) ? 'gracefulShutdown' : 'withdrawn') }
    }
    return this.#stance.of
  }

  /** Takes a wish in, or its end, and does what follows from it now; `changed` is called only for what follows later. */
  update(wish: Wish | undefined): void {
    this.#wish = wish
    this.#step()
  }

  stop(): void {
    this.#isStopped = true
    this.#alarm?.cancel()
    this.#countAlarm?.cancel()
  }

  /** Whether the state is another one now. */
  #step(): boolean {
    const before = this.#state
    this.#alarm?.cancel()
    this.#alarm = undefined
    for (;;) {
      const { clock, routes, gracefulShutdownMs } = this.#options
      const nowMs = clock.now()
      const isIdle = this.#wish === undefined || this.#state.phase === 'Withdrawn'
      const step = stepLifecycle(this.#state, {
        nowMs,
        wish: this.#wish,
        routes: isIdle ? new Map() : routes(),
        gracefulShutdownMs: gracefulShutdownMs(),
        others: this.#others,
      })
      this.#state = step.state
      if (step.needsOthers) void this.#ask()
      if (step.nextMs === undefined) break
      if (step.nextMs > nowMs) {
        this.#alarm = clock.after(step.nextMs - nowMs, () => this.#stepLater())
        break
      }
    }
    this.#keepCounting()
    return this.#state !== before
  }

  #stepLater(): void {
    if (!this.#isStopped && this.#step()) this.#options.changed()
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    const atMs = this.#options.clock.now()
    const { announced, unanswered } = (await this.#options.askOthers(this.#services())) ?? unknown
    this.#isAsking = false
    this.#others = { atMs, announced, unanswered }
    this.#stepLater()
  }

  #services(): LeavingServices {
    const state = this.#state
    const routes = [...this.#options.routes()]
    const left = routes.filter(([prefix]) => state.phase !== 'HeldBack' || state.held.has(prefix))
    return { wanted: new Set(routes.flatMap(([, keys]) => keys)), announced: new Set(left.flatMap(([, keys]) => keys)) }
  }

  #keepCounting(): void {
    if (this.#state.phase === 'Active') {
      this.#countAlarm?.cancel()
      this.#countAlarm = this.#connections = undefined
    } else this.#countAlarm ??= this.#options.clock.after(0, () => void this.#count())
  }

  async #count(): Promise<void> {
    const now = await this.#options.countConnections()
    if (this.#isStopped || this.#state.phase === 'Active') return
    const isSame = JSON.stringify(now) === JSON.stringify(this.#connections)
    this.#connections = now
    this.#countAlarm = this.#options.clock.after(countEveryMs, () => void this.#count())
    if (!isSame) this.#options.changed()
  }
}
