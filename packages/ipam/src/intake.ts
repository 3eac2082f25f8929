import { isServedBefore } from './backlog.ts'
import { differingStretch } from './difference.ts'
import type { ServiceRequest, WorldChange } from './types.ts'
import type { Want } from './want.ts'
import { Commonplaces, sameRequest, toWant } from './want.ts'

/** How the Services of a pass differ from those of the one before. */
export interface Difference {
  /** Services whose request is new or not what it was, the first to be served last. */
  readonly changed: readonly Want[]
  /** Keys of those that are gone. */
  readonly gone: readonly string[]
  /** What those that are gone or changed asked for before. */
  readonly former: readonly Want[]
}

/** The Services that there are, and what they ask for. */
export class Intake {
  readonly #wants = new Map<string, Want>()
  readonly #common = new Commonplaces()
  /** As of the last pass; undefined where that was told only what changed. */
  #services: readonly ServiceRequest[] | undefined = []
  #former: Want[] = []

  /** What a Service asks for; undefined where it is not there. */
  wantOf(service: string): Want | undefined {
    return this.#wants.get(service)
  }

  /**
   * Finds what changed since the last pass. Equal requests that are other objects are taken over without a word. `known` are keys of
   * Services of which more is known than what earlier passes were told.
   */
  compare(services: readonly ServiceRequest[], known: Iterable<string>): Difference {
    const before = this.#services ?? Array.from(this.#wants.values(), ({ request }) => request)
    const stretch = differingStretch(before, services)
    // A copy, in case the caller goes on with the same list.
    this.#services = [...services]
    const gone = new Set(stretch.before.map(({ key }) => key))
    for (const key of known) gone.add(key)
    const changed = stretch.now.flatMap((request) => this.#take(request, gone.delete(request.key)) ?? [])
    return this.#differenceOf(changed, [...gone])
  }

  /** Takes over what somebody knows to have changed since the last pass. */
  change({ changed, gone }: WorldChange): Difference {
    this.#services = undefined
    const taken = changed.flatMap((request) => this.#take(request, true) ?? [])
    const left = gone.filter((key) => this.#wants.has(key))
    return this.#differenceOf(taken, left)
  }

  #differenceOf(changed: readonly Want[], gone: readonly string[]): Difference {
    for (const key of gone) this.#forget(key)
    const former = this.#former
    this.#former = []
    // The first to be served last: the queues take them up in this order without moving what they hold.
    return { changed: changed.toSorted((a, b) => inOrderOfService(b, a)), gone: gone.toSorted(), former }
  }

  /** Takes a request in. Returns what it is now if it was not that before. */
  #take(request: ServiceRequest, wasThere: boolean): Want | undefined {
    const before = this.#wants.get(request.key)
    if (before !== undefined && !wasThere) throw new Error(`Service ${request.key} is given twice`)
    if (before !== undefined && sameRequest(before.request, request)) return undefined
    this.#forget(request.key)
    const want = toWant(request, this.#common)
    this.#wants.set(want.key, want)
    return want
  }

  #forget(key: string): void {
    const want = this.#wants.get(key)
    if (want === undefined) return
    this.#wants.delete(key)
    this.#former.push(want)
  }
}

/** The order in which Services are served, for sorting. */
export const inOrderOfService = (a: Want, b: Want): number => (isServedBefore(a, b) ? -1 : 1)
