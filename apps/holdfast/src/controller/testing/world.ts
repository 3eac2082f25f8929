import type { MemoryApi, MemoryClient } from '@holdfast/cluster'
import { createMemoryApi } from '@holdfast/cluster'
import type { VirtualClock } from '@holdfast/runtime'
import { createVirtualClock } from '@holdfast/runtime'
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { createLog } from '../../kubernetes/log.ts'
import { podType } from '../announced-speakers.ts'
import type { Controller } from '../controller.ts'
import { createController } from '../controller.ts'

export const namespace = 'metallb-system'
/** Where the Services of tests are. */
export const shop = 'shop'

export interface ReplicaOptions {
  readonly onPoolLoss?: 'Reassign' | 'Hold'
  readonly loadBalancerClass?: string
  /** 0 to below 1; default: always 0.5. */
  readonly random?: () => number
}

/** A replica under test, over a connection of its own. */
export interface Replica {
  readonly controller: Controller
  readonly client: MemoryClient
}

/** Controllers beside an API server in memory, in virtual time. */
export interface World {
  readonly clock: VirtualClock
  readonly server: MemoryApi
  /** What the replicas have logged. */
  readonly lines: readonly string[]
  /** Starts another replica. */
  readonly replica: (identity: string, options?: ReplicaOptions) => Replica
  /** Lets time pass until something is so. Fails where that takes longer than the limit. */
  readonly until: (what: string, condition: () => boolean, limitMs?: number) => Promise<void>
  readonly pass: (ms: number) => Promise<void>
  /** Stops a replica; the time that takes passes. */
  readonly stop: (controller: Controller) => Promise<void>
}

/** Turns of the event loop in which everything that is due now has happened. */
const turns = 12

/** `turned` is called at every moment of time at which something has happened. */
export function createWorld(turned: () => void = () => undefined): World {
  const clock = createVirtualClock()
  const server = createMemoryApi({ clock, types: [podType] })
  const lines: string[] = []

  async function turn(): Promise<void> {
    for (let times = 0; times < turns; times += 1) await setImmediate()
    turned()
  }

  const until: World['until'] = async (what, condition, limitMs = 120_000) => {
    const endMs = clock.now() + limitMs
    for (;;) {
      await turn()
      if (condition()) return
      assert.ok(
        clock.now() <= endMs && clock.advanceToNext(),
        `${what}: not within ${limitMs} ms\n${lines.slice(-20).join('')}`,
      )
    }
  }

  async function pass(ms: number): Promise<void> {
    const endMs = clock.now() + ms
    clock.after(ms, () => undefined)
    await turn()
    while (clock.now() < endMs && clock.advanceToNext()) await turn()
  }

  function replica(identity: string, options: ReplicaOptions = {}): Replica {
    const { onPoolLoss = 'Reassign', loadBalancerClass, random = () => 0.5 } = options
    const client = server.connect()
    const controller = createController({
      api: client,
      clock,
      nowMs: () => Date.UTC(2026, 0, 1) + clock.now(),
      random,
      log: createLog({ level: 'debug', write: (line) => lines.push(line), now: () => String(clock.now()) }),
      command: { identity, namespace, loadBalancerClass, onPoolLoss },
    })
    controller.start()
    return { controller, client }
  }

  async function stop(controller: Controller): Promise<void> {
    let isStopped = false
    void controller.stop().then(() => {
      isStopped = true
    })
    await until('it stops', () => isStopped)
  }

  return { clock, server, lines, replica, until, pass, stop }
}
