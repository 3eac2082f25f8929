import type { FollowedState } from '@holdfast/cluster'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Log } from './log.ts'

export interface SourceFaultsOptions {
  readonly clock: Clock
  readonly tell: Log['log']
  /** What a kind that was never listed means meanwhile, in words. */
  readonly meanwhile: string
}

/** How often an outage that lasts is told again. */
const remindEveryMs = 900_000
/**
 * An API server that starts refuses everything until it has read the roles: what it refuses counts once it has been asked again. Between two
 * attempts are 14 s at most.
 */
const refusalsMs = 20_000

type Fault = NonNullable<FollowedState['fault']>

interface Standing {
  readonly state: FollowedState
  readonly fault: Fault
}

/**
 * Tells of what keeps kinds from being followed: an API server that is gone is one line for each way in which it fails, not one for each
 * kind and attempt; one again every quarter of an hour; and one when it is over. All of them are there for `debug`.
 */
export class SourceFaults {
  readonly #options: SourceFaultsOptions
  /** By kind. */
  readonly #standing = new Map<string, Standing>()
  /** Codes that were told since everything was well. */
  readonly #told = new Set<string>()
  /** Kinds whose refusal was told. */
  readonly #missing = new Set<string>()
  #beganMs = 0
  #reminder: Alarm | undefined
  #refusals: Alarm | undefined

  constructor(options: SourceFaultsOptions) {
    this.#options = options
  }

  observe(state: FollowedState): void {
    const { fault, type } = state
    if (fault === undefined) {
      this.#end(type.plural)
      return
    }
    const { clock, tell } = this.#options
    if (this.#standing.size === 0) this.#beganMs = clock.now()
    this.#standing.set(type.plural, { state, fault })
    const isRefused = fault.code === 'forbidden'
    const isNew = !isRefused && !this.#told.has(fault.code)
    if (isNew) this.#told.add(fault.code)
    tell(isNew ? 'warn' : 'debug', 'apiFault', `${type.kind}: ${fault.message}; ${this.#kept(state)}`, {
      kind: type.kind,
      code: fault.code,
    })
    this.#reminder ??= clock.after(remindEveryMs, () => this.#remind())
    if (isRefused) this.#refusals ??= clock.after(refusalsMs, () => this.#tellRefusals())
  }

  /** No timer runs afterwards. */
  stop(): void {
    this.#reminder?.cancel()
    this.#refusals?.cancel()
    this.#reminder = this.#refusals = undefined
  }

  #end(plural: string): void {
    this.#missing.delete(plural)
    const wasStanding = this.#standing.delete(plural)
    if (!wasStanding || this.#standing.size > 0) return
    this.stop()
    const wasTold = this.#told.size > 0
    this.#told.clear()
    if (wasTold) this.#options.tell('info', 'apiFaultsOver', 'every kind is followed again')
  }

  #remind(): void {
    const { clock, tell } = this.#options
    this.#reminder = clock.after(remindEveryMs, () => this.#remind())
    const [one] = this.#standing.values()
    if (one === undefined) return
    const { state, fault } = one
    const seconds = Math.round((clock.now() - this.#beganMs) / 1000)
    const others = this.#standing.size === 1 ? '' : ` and ${this.#standing.size - 1} more`
    const message = `for ${seconds} s: ${state.type.kind}${others}: ${fault.message}; ${this.#kept(state)}`
    tell('warn', 'apiFault', message, { kind: state.type.kind, code: fault.code, seconds })
  }

  #tellRefusals(): void {
    this.#refusals = undefined
    for (const [plural, { state, fault }] of this.#standing) {
      if (fault.code !== 'forbidden' || this.#missing.has(plural)) continue
      this.#missing.add(plural)
      this.#told.add(fault.code)
      const { group } = state.type
      const resource = group === '' ? plural : `${plural}.${group}`
      const needed = `list ${resource} and watch ${resource}`
      const message = `the API server does not let us ${needed}: ${fault.message}`
      this.#options.tell('error', 'permissionMissing', message, { needed })
    }
  }

  #kept({ isSynced }: FollowedState): string {
    return isSynced ? 'what is known stays in force' : this.#options.meanwhile
  }
}
