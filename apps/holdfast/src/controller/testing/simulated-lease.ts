import type { MemoryApi } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import type { Random } from './random.ts'
import { namespace } from './workload.ts'

/**
 * What the Lease is to those that count on it (docs/adr/0014): each leadership has a number, later ones greater numbers, and from the
 * moment that another one acquires the Lease no renewal of the one before succeeds. That holds because the Lease is one object that is
 * written by compare and swap. When anybody may acquire it is left open: who leads may be deposed at any moment, and may go on
 * believing that it leads for ever.
 */
export interface SimulatedLease {
  /** The write that acquires it, carried out now. */
  readonly acquire: (rate: number) => SimulatedHold
}

/** A leadership, by the Lease. */
export interface SimulatedHold {
  readonly number: string
  /** Whether nobody has acquired the Lease since. */
  readonly isNewest: () => boolean
  /** When the last renewal that succeeded was sent, or the write that acquired, as the server counts. */
  readonly renewedMs: () => number
}

/** By the clock of who leads, at most, since it sent the last renewal whose answer has come. */
const renewalMs = 2000

export interface SimulatedLeaseOptions {
  readonly server: MemoryApi
  /** The server's. */
  readonly clock: Clock
  readonly random: Random
}

export function createSimulatedLease({ server, clock, random }: SimulatedLeaseOptions): SimulatedLease {
  let transitions = 0
  let depose = (): void => undefined

  /** Its resourceVersion is the server's own count: none is ever given again, also where the Lease is deleted. */
  function write(): string {
    transitions += 1
    const metadata = { name: 'holdfast-controller', namespace }
    const lease = server.put(resourceTypes.Lease, { metadata, spec: { leaseTransitions: transitions } })
    return lease.metadata.resourceVersion ?? ''
  }

  return {
    acquire: (rate) => {
      depose()
      let renewed = clock.now()
      let isNewest = true
      const renew = (sentMs: number): void => void (renewed = Math.max(renewed, sentMs))
      const sentLately = (): number => clock.now() - (random.next() * renewalMs) / rate
      depose = () => {
        // The last renewal may have come through just before the other one acquired, or long before.
        if (isNewest) renew(random.chance(0.5) ? clock.now() : sentLately())
        isNewest = false
      }
      return {
        number: write(),
        isNewest: () => isNewest,
        renewedMs: () => {
          if (isNewest) renew(sentLately())
          return renewed
        },
      }
    },
  }
}
