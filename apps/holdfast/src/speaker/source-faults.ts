import type { FollowedState } from '@holdfast/cluster'
import type { Tell } from './telling.ts'
import { permission } from './written.ts'

export interface SourceFaultsOptions {
  readonly tell: Tell
  /** Whether there is something to announce by before the API server has been heard. */
  readonly hasLastKnown: boolean
}

/** Tells of what keeps kinds from being followed: an API server that is gone is one line, not one for each kind. */
export class SourceFaults {
  readonly #options: SourceFaultsOptions
  readonly #standing = new Map<string, NonNullable<FollowedState['fault']>>()

  constructor(options: SourceFaultsOptions) {
    this.#options = options
  }

  observe({ type, isSynced, fault }: FollowedState): void {
    const { tell } = this.#options
    if (fault === undefined) {
      const wasStanding = this.#standing.delete(type.plural)
      if (wasStanding && this.#standing.size === 0) tell('info', 'apiFaultsOver', 'every kind is followed again')
      return
    }
    const isFirst = ![...this.#standing.values()].some(({ code }) => code === fault.code)
    this.#standing.set(type.plural, fault)
    if (fault.code === 'forbidden') {
      const needed = `${permission('list', type)} and ${permission('watch', type)}`
      tell('error', 'permissionMissing', `the API server does not let us ${needed}: ${fault.message}`, { needed })
      return
    }
    const kept = isSynced ? 'what is known stays in force' : this.#meanwhile()
    tell(isFirst ? 'warn' : 'debug', 'apiFault', `${type.kind}: ${fault.message}; ${kept}`, {
      kind: type.kind,
      code: fault.code,
    })
  }

  #meanwhile(): string {
    return this.#options.hasLastKnown ? 'going on by the last known state' : 'waiting for the API server'
  }
}
