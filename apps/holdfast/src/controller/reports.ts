import type { ApiFault, KubeApi, KubeObject, KubernetesSource, WorkOutcome } from '@holdfast/cluster'
import { createWorkQueue, resourceTypes } from '@holdfast/cluster'
import type { Plan } from '@holdfast/ipam'
import { emptyState } from '@holdfast/ipam'
import type { Evaluation, Fault } from '@holdfast/model'
import type { Alarm, Clock } from '@holdfast/runtime'
import type { Log } from '../kubernetes/log.ts'
import { Told, tellPass } from '../standalone/tell.ts'
import { configurationStateObject, configurationStatePatch, faultLine, ownFaults } from './configuration-state.ts'
import type { EventWriter } from './event-writer.ts'
import { configurationStateName } from './followed.ts'
import type { Planned } from './planner.ts'
import { poolStatusPatch } from './pool-status.ts'
import { fieldManager } from './round.ts'
import { wholeSeconds } from './times.ts'

export interface ReportsOptions {
  readonly api: KubeApi
  readonly clock: Clock
  readonly random: () => number
  readonly nowMs: () => number
  readonly log: Log
  readonly namespace: string
  readonly source: Pick<KubernetesSource, 'object' | 'objects'>
  readonly events: EventWriter
  readonly mayWrite: () => boolean
}

/** Tells of what a plan means for pools and configuration: statuses, events on what is wrong, log lines. */
export interface Reports {
  readonly report: (planned: Planned) => void
  /** Another one led meanwhile: everything is compared anew. */
  readonly forget: () => void
  readonly stop: () => Promise<void>
}

/** The status of a pool is not written more often than this. */
const everyMs = 1000
const configurationKey = 'ConfigurationState'
const poolPrefix = 'IPAddressPool '

export function createReports(options: ReportsOptions): Reports {
  const { api, clock, log, source, namespace } = options
  const told = new Told()
  let planned: Planned | undefined
  let reported: { readonly evaluation: Evaluation; readonly pools: Plan['pools'] } | undefined
  let faults: readonly Fault[] = []
  let faultTexts: ReadonlySet<string> = new Set()
  let lastMs = -Infinity
  let alarm: Alarm | undefined
  const queue = createWorkQueue({
    clock,
    random: options.random,
    concurrency: 2,
    handle: (key) => (key === configurationKey ? writeConfiguration() : writePool(key.slice(poolPrefix.length))),
  })

  /** Statuses of pools: all that changed within a second at once. */
  function schedulePools(): void {
    alarm ??= clock.after(Math.max(0, lastMs + everyMs - clock.now()), () => {
      alarm = undefined
      lastMs = clock.now()
      for (const name of planned?.plan.pools.keys() ?? []) {
        const pool = source.object(resourceTypes.IPAddressPool, { namespace, name })
        const counts = planned?.plan.pools.get(name)
        if (pool !== undefined && counts !== undefined && poolStatusPatch(pool, counts) !== undefined) {
          queue.add(`${poolPrefix}${name}`)
        }
      }
    })
  }

  async function writePool(name: string): Promise<WorkOutcome> {
    const key = { namespace, name }
    const pool = source.object(resourceTypes.IPAddressPool, key)
    const counts = planned?.plan.pools.get(name)
    const patch = pool === undefined || counts === undefined ? undefined : poolStatusPatch(pool, counts)
    if (patch === undefined || !options.mayWrite()) return done
    const write = { fieldManager, subresource: 'status' } as const
    const answer = await api.merge(resourceTypes.IPAddressPool, key, patch, write)
    return answer.kind === 'ok' ? done : failed(answer, `IPAddressPool ${name}`)
  }

  async function writeConfiguration(): Promise<WorkOutcome> {
    if (!options.mayWrite()) return done
    const type = resourceTypes.ConfigurationState
    const key = { namespace, name: configurationStateName }
    let state: KubeObject | undefined = source.object(type, key)
    if (state === undefined) {
      const made = await api.create(type, configurationStateObject(namespace), { fieldManager })
      // Where it is there already, what is followed will have it by the next attempt.
      if (made.kind === 'fault') return failed(made, 'ConfigurationState')
      state = made.value
    }
    const patch = configurationStatePatch(state, faults, wholeSeconds(options.nowMs()))
    if (patch === undefined) return done
    const answer = await api.merge(type, key, patch, { fieldManager, subresource: 'status' })
    return answer.kind === 'ok' ? done : failed(answer, 'ConfigurationState')
  }

  /** Without the kind there is nobody to tell. */
  function failed(fault: ApiFault, object: string): WorkOutcome {
    if (fault.code === 'notFound') return done
    log.log('debug', 'statusNotWritten', fault.message, { object, code: fault.code })
    return { kind: 'retry', retryAfterMs: fault.retryAfterMs }
  }

  function reportEvaluation(evaluation: Evaluation): void {
    faults = ownFaults(evaluation.faults)
    const told2 = { ...evaluation, faults }
    const pass = { evaluation: told2, plan: noPlan, nodePlans: new Map<string, never>(), oldPrefix: new Set<string>() }
    for (const event of tellPass(pass, [], told)) log.event(event)
    const texts = new Set<string>()
    for (const fault of faults) {
      const text = `${fault.object.kind} ${fault.object.name} ${faultLine(fault)}`
      texts.add(text)
      if (!faultTexts.has(text)) tellFault(fault)
    }
    faultTexts = texts
  }

  function tellFault(fault: Fault): void {
    const { kind, name } = fault.object
    const type = Object.values(resourceTypes).find((one) => one.kind === kind)
    const object = type === undefined ? undefined : source.object(type, { namespace: fault.object.namespace, name })
    if (object === undefined) return
    options.events.tell(object, [{ type: 'Warning', reason: 'ConfigurationError', message: faultLine(fault) }], true)
  }

  return {
    report: (next) => {
      planned = next
      const { evaluation, plan } = next
      if (reported?.evaluation !== evaluation) reportEvaluation(evaluation)
      // Somebody may have changed or removed what we wrote: what is followed says so.
      const state = source.object(resourceTypes.ConfigurationState, { namespace, name: configurationStateName })
      const isWritten =
        state !== undefined && configurationStatePatch(state, faults, wholeSeconds(options.nowMs())) === undefined
      if (!isWritten) queue.add(configurationKey)
      schedulePools()
      reported = { evaluation, pools: plan.pools }
    },
    forget: () => {
      reported = planned = undefined
    },
    stop: async () => {
      alarm?.cancel()
      await queue.stop()
    },
  }
}

const done: WorkOutcome = { kind: 'done' }

/** Services are told of by their statuses and events. */
const noPlan: Plan = { state: emptyState, decisions: new Map(), changes: [], pools: new Map(), next: new Map() }
