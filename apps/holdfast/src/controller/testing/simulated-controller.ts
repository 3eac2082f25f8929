import type { ApiFault, ApiResult, KubeApi, MemoryApi, MemoryClient } from '@holdfast/cluster'
import { apiFault } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { createLog } from '../../kubernetes/log.ts'
import { controllerKeeps } from '../kept.ts'
import type { Leadership } from '../leadership.ts'
import type { Reconciler } from '../reconciler.ts'
import { createReconciler } from '../reconciler.ts'
import type { LaggingCache } from './lagging-cache.ts'
import { createLaggingCache, lagOf } from './lagging-cache.ts'
import type { Random } from './random.ts'
import type { SimulatedHold, SimulatedLease } from './simulated-lease.ts'
import { namespace } from './workload.ts'

/** One controller process with its faults. */
export interface SimulatedController {
  readonly name: string
  readonly cache: LaggingCache
  /** Whether it believes to lead. Who begins to acquires the Lease; who believes it already learns nothing of what others do. */
  lead: (doesLead: boolean) => void
  /** Under which leadership; undefined: it does not believe to lead, or is gone. */
  readonly leadership: () => Leadership | undefined
  /** Whether it believes to lead, and does by the Lease. */
  readonly isNewestLeader: () => boolean
  /** SIGTERM: it gives back what it set aside, as far as it can, and leads no more. */
  readonly stop: () => Promise<void>
  readonly isStopping: () => boolean
  /** SIGSTOP for so long: what arrives and what is answered waits; what was sent is carried out. */
  pause: (ms: number) => void
  /** It is gone; what it sent is carried out. */
  crash: () => void
  /** From now on nothing goes wrong. */
  calm: () => void
  readonly isIdle: () => boolean
}

export interface SimulatedControllerOptions {
  readonly name: string
  readonly server: MemoryApi
  readonly clock: Clock
  readonly random: Random
  readonly lease: SimulatedLease
  /** How long a watch lives at most, as the server counts. */
  readonly longestWatchMs: number
  /** How fast its clock goes: 2 at most, which is what the second longestWatchMs of docs/adr/0014 is for. */
  readonly rate: number
  readonly nowMs: () => number
  readonly onPoolLoss: 'Reassign' | 'Hold'
  /** Called around every write that is carried out, with the controller's name and what it was. */
  readonly perform: <T>(write: CarriedOut, run: () => Promise<ApiResult<T>>) => Promise<ApiResult<T>>
  /** How the server refuses to write an object (kind and name); undefined: it does not. */
  readonly refusalOf: (object: string) => ApiFault | undefined
  /** Called when a list is carried out, or a Service is asked for by its name. */
  readonly asked: (by: string, service: string | undefined) => void
  readonly observe: (line: string) => void
}

/** A write that the server carries out. */
export interface CarriedOut {
  readonly by: string
  readonly what: string
  /** True: whoever sent it has long been told that there was no answer. */
  readonly isLate: boolean
}

interface Write {
  readonly verb: string
  /** Its kind and name. */
  readonly object: string
  /** What is told of it besides. */
  readonly text: unknown
}

/** Which part of the requests has which fate while things go wrong. */
const lostShare = 0.04
const throttledShare = 0.01
/** Of the writes: carried out long after who sent it was told that there was no answer. */
const lateShare = 0.01
/** Of the writes: the process is stopped when it has decided to send it, and not yet done so. */
const stoppedShare = 0.01
/** How late, and stopped for how long, at most. */
const longMs = 20_000
/** How long a process that ends waits for each thing that is to be done before. */
const stopWithinMs = 5000

const keeps = controllerKeeps()

export function createSimulatedController(options: SimulatedControllerOptions): SimulatedController {
  const { name, server, random, rate } = options
  const clock: Clock = {
    now: () => options.clock.now() * rate,
    after: (ms, run) => options.clock.after(ms / rate, run),
  }
  let isAlive = true
  let isStopping = false
  let hold: (SimulatedHold & { readonly sinceMs: number }) | undefined
  let working: Promise<unknown> = Promise.resolve()
  let isCalm = false
  let isIdle = false
  let pausedUntilMs = 0
  let wake: () => void = () => undefined
  const changed = (): void => wake()
  const cache = createLaggingCache({
    server,
    clock: options.clock,
    random,
    longestWatchMs: options.longestWatchMs,
    changed,
  })
  const reconciler = create()

  const delay = (ms: number): Promise<void> => new Promise((resolve) => void options.clock.after(ms, resolve))

  const atMost = (work: Promise<unknown>): Promise<unknown> => Promise.race([work, delay(stopWithinMs / rate)])

  /** Where a process that is paused or gone stands still. */
  async function gate(): Promise<void> {
    while (isAlive && options.clock.now() < pausedUntilMs) await delay(pausedUntilMs - options.clock.now())
    if (!isAlive) await new Promise<never>(() => undefined)
  }

  async function request<T>(run: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
    await gate()
    const dice = isCalm ? 1 : random.next()
    await delay(isCalm ? 0.1 : lagOf(random))
    // A server that says that it failed has perhaps done it all the same.
    const lost: ApiFault = random.chance(0.5) ? apiFault('timeout', 'no answer') : apiFault('serverError', 'it failed')
    if (dice < throttledShare) return apiFault('tooManyRequests', 'too many', 50)
    const isDone = dice >= throttledShare + lostShare / 2
    const answer = isDone ? await run() : lost
    await delay(isCalm ? 0.1 : lagOf(random))
    await gate()
    return isDone && dice < throttledShare + lostShare ? lost : answer
  }

  function write<T>({ verb, object, text }: Write, run: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
    const what = [verb, object, ...(text === undefined ? [] : [JSON.stringify(text)])].join(' ')
    const carryOut = async (isLate: boolean): Promise<ApiResult<T>> =>
      options.refusalOf(object) ?? (await options.perform({ by: name, what, isLate }, run))
    if (!isCalm && random.chance(stoppedShare)) pause(random.next() * longMs)
    return !isCalm && random.chance(lateShare) ? delayed(() => carryOut(true)) : request(() => carryOut(false))
  }

  /** On its way for longer than who sent it waits: it is carried out, whatever becomes of who sent it. */
  async function delayed<T>(run: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
    await gate()
    options.clock.after(random.next() * longMs, () => void run())
    await delay(lagOf(random))
    await gate()
    return apiFault('timeout', 'no answer')
  }

  function pause(ms: number): void {
    pausedUntilMs = Math.max(pausedUntilMs, options.clock.now() + ms)
  }

  function api(client: MemoryClient): KubeApi {
    const told = (verb: string, kind: string, key: string, text?: unknown): Write => ({
      verb,
      object: `${kind} ${key}`,
      text,
    })
    return {
      list: (type, list) =>
        request(() => {
          options.asked(name, undefined)
          return client.list(type, list)
        }),
      watch: client.watch,
      get: (type, key) =>
        request(() => {
          if (type.kind === 'Service') options.asked(name, key.name)
          return client.get(type, key)
        }),
      create: (type, object, how) =>
        write(told('create', type.kind, object.metadata.name), () => client.create(type, object, how)),
      replace: (type, object, how) =>
        write(told('replace', type.kind, object.metadata.name, object['spec']), () =>
          client.replace(type, object, how),
        ),
      apply: (type, object, how) =>
        write(told('apply', type.kind, object.metadata.name), () => client.apply(type, object, how)),
      merge: (type, key, patch, how) =>
        write(told('merge', type.kind, key.name, patch), () => client.merge(type, key, patch, how)),
      remove: (type, key, preconditions) =>
        write(told('remove', type.kind, key.name), () => client.remove(type, key, preconditions)),
    }
  }

  /** As it sees it: what it was told of renewals is true, and perhaps of long ago. */
  function leadership(): Leadership | undefined {
    if (!isAlive || hold === undefined) return undefined
    const isHeardInTime = cache.servicesOpenedMs() < hold.renewedMs()
    return { number: hold.number, sinceMs: hold.sinceMs, isHeardInTime }
  }

  function create(): Reconciler {
    return createReconciler({
      api: api(server.connect()),
      clock,
      log: createLog({
        level: 'debug',
        write: (line) => options.observe(`${name} ${line.trim()}`),
        now: () => String(Math.round(options.clock.now())),
      }),
      nowMs: options.nowMs,
      random: random.next,
      rules: { loadBalancerClass: undefined, onPoolLoss: options.onPoolLoss, namespace },
      tell: () => undefined,
      mayWrite: () => isAlive && !isStopping && hold !== undefined,
      leadership,
      longestWatchMs: options.longestWatchMs,
      keep: { service: keeps('Service'), block: keeps('AddressBlock') },
      parallel: 4,
    })
  }

  /** Until something arrives, or the time is over. */
  const waitFor = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
      options.clock.after(ms, resolve)
    })

  async function live(): Promise<void> {
    while (isAlive) {
      await gate()
      if (hold === undefined || isStopping) {
        isIdle = true
        await waitFor(20)
        continue
      }
      isIdle = false
      const round = reconciler.round(cache.followed())
      working = round.catch(() => undefined)
      const { outcome } = await round
      if (outcome.kind === 'again') continue
      isIdle = outcome.kind === 'settled'
      if (outcome.kind === 'settled') await waitFor(1000)
      else await Promise.race([delay(outcome.ms / rate), waitFor(outcome.ms / rate)])
    }
  }
  void live().catch((error: unknown) => {
    options.observe(`${name} defect ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    throw error
  })

  return {
    name,
    cache,
    lead: (doesLead) => {
      if (!isAlive || isStopping || doesLead === (hold !== undefined)) return
      if (doesLead) reconciler.forget()
      hold = doesLead ? { ...options.lease.acquire(rate), sinceMs: clock.now() } : undefined
      wake()
    },
    leadership,
    isNewestLeader: () => isAlive && hold?.isNewest() === true,
    stop: async () => {
      isStopping = true
      wake()
      await gate()
      await atMost(working)
      if (hold !== undefined) await atMost(reconciler.giveBack())
      await gate()
      hold = undefined
    },
    isStopping: () => isAlive && isStopping,
    pause,
    crash: () => {
      isAlive = false
      cache.stop()
      wake()
    },
    calm: () => {
      isCalm = true
      pausedUntilMs = 0
      cache.calm()
    },
    isIdle: () => isIdle,
  }
}
