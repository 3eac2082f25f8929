import { Heap } from './heap.ts'
import type { Refusal } from './types.ts'
import type { Want } from './want.ts'
import { asksForAddresses } from './want.ts'

/** What would have to become free for a want to be met. */
export interface Need {
  /** Wants with equal signatures can be met or not be met alike. */
  readonly signature: string
  /** `addressKey`s: each of them is needed. */
  readonly addresses: readonly (number | string)[]
  /** Names of pools: an address of any of them may do. */
  readonly pools: readonly string[]
}

/** Wants that wait for the same. */
export interface Queue {
  readonly need: Need
  /** The first to be served stands last, where taking it off costs nothing. */
  readonly members: Want[]
  /** Why they wait, as of the end of the last plan; undefined before that. */
  refusal: Refusal | undefined
  isActive: boolean
}

/** The order of service: whoever asks for particular addresses can be met by these only, so first; then by key. */
export function isServedBefore(a: Want, b: Want): boolean {
  const asks = asksForAddresses(a.request)
  return asks === asksForAddresses(b.request) ? a.key < b.key : asks
}

/**
 * Wants that are not met. When an address becomes free, only the first in line of those who wait for it is tried;
 * when even that one fails, all who wait for the same would. So ten thousand waiting Services cost one attempt, not
 * ten thousand.
 */
export class Backlog {
  readonly #queues = new Map<string, Queue>()
  /** By Service key. */
  readonly #queueOf = new Map<string, Queue>()
  readonly #byAddress = new Map<number | string, Set<Queue>>()
  readonly #byPool = new Map<string, Set<Queue>>()
  /** Woken since the last run. */
  #woken: Queue[] = []
  /** The queues of the run under way. */
  #running: Heap<Queue> | undefined
  /** Queues whose refusal may have changed. */
  #touched = new Set<Queue>()

  queueOf(service: string): Queue | undefined {
    return this.#queueOf.get(service)
  }

  /** Adds a want, which is tried in the next run. Not to be called during a run. */
  add(want: Want, need: Need): void {
    const queue = this.#queues.get(need.signature) ?? this.#open(need)
    queue.members.splice(placeOf(queue.members, want), 0, want)
    this.#queueOf.set(want.key, queue)
    this.#wake(queue)
  }

  /** Takes a want away, if it is in. Not to be called during a run. */
  remove(want: Want): void {
    const queue = this.#queueOf.get(want.key)
    if (queue === undefined) return
    queue.members.splice(placeOf(queue.members, want), 1)
    this.#forget(want.key, queue)
  }

  /** Has those tried again who need this address. */
  wakeForAddress(address: number | string): void {
    for (const queue of this.#byAddress.get(address) ?? []) this.#wake(queue)
  }

  /** Has those tried again who need an address of this pool. */
  wakeForPool(pool: string): void {
    for (const queue of this.#byPool.get(pool) ?? []) this.#wake(queue)
  }

  /** Tries those for whom something may have changed, in the order of service, until nobody else can be met. */
  run(attempt: (want: Want) => boolean): void {
    const running = new Heap<Queue>(isQueueBefore)
    for (const queue of this.#woken) running.push(queue)
    this.#woken = []
    this.#running = running
    for (let queue = running.pop(); queue !== undefined; queue = running.pop()) this.#tryFirst(queue, attempt)
    this.#running = undefined
  }

  /** The queues whose refusal may have changed since the last call. */
  takeTouched(): readonly Queue[] {
    const touched = [...this.#touched]
    this.#touched = new Set()
    return touched
  }

  #tryFirst(queue: Queue, attempt: (want: Want) => boolean): void {
    queue.isActive = false
    // Off before the attempt, which may wake this very queue: it then stands in the heap by its next member.
    const first = queue.members.pop()
    if (first === undefined) return
    if (attempt(first)) {
      this.#forget(first.key, queue)
      if (queue.members.length > 0) this.#wake(queue)
    } else {
      queue.members.push(first)
    }
  }

  #wake(queue: Queue): void {
    this.#touched.add(queue)
    if (queue.isActive) return
    queue.isActive = true
    if (this.#running === undefined) this.#woken.push(queue)
    else this.#running.push(queue)
  }

  #open(need: Need): Queue {
    const queue: Queue = { need, members: [], refusal: undefined, isActive: false }
    this.#queues.set(need.signature, queue)
    for (const address of need.addresses) link(this.#byAddress, address, queue)
    for (const pool of need.pools) link(this.#byPool, pool, queue)
    return queue
  }

  #forget(service: string, queue: Queue): void {
    this.#queueOf.delete(service)
    if (queue.members.length > 0) return
    const { need } = queue
    this.#queues.delete(need.signature)
    this.#touched.delete(queue)
    for (const address of need.addresses) unlink(this.#byAddress, address, queue)
    for (const pool of need.pools) unlink(this.#byPool, pool, queue)
  }
}

function isQueueBefore(a: Queue, b: Queue): boolean {
  const first = a.members.at(-1)
  const second = b.members.at(-1)
  return first !== undefined && (second === undefined || isServedBefore(first, second))
}

/** Where a want stands, or would stand, in a queue. */
function placeOf(members: readonly Want[], want: Want): number {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const member = members[middle]
    if (member !== undefined && isServedBefore(want, member)) low = middle + 1
    else high = middle
  }
  return low
}

function link<K>(index: Map<K, Set<Queue>>, key: K, queue: Queue): void {
  const queues = index.get(key)
  if (queues === undefined) index.set(key, new Set([queue]))
  else queues.add(queue)
}

function unlink<K>(index: Map<K, Set<Queue>>, key: K, queue: Queue): void {
  const queues = index.get(key)
  queues?.delete(queue)
  if (queues?.size === 0) index.delete(key)
}
