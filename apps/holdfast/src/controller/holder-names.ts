import type { AddressBlockSpec, AllocationState } from '@holdfast/ipam'
import { differingKeys } from '@holdfast/ipam'
import type { ServiceView } from './service-object.ts'

/** How blocks name the holders of addresses: by uid and terms, besides the key. */
export interface HolderNames {
  /**
   * Takes in who holds addresses now; `changed` are keys of Services that may have another uid. Returns those that blocks name otherwise
   * although they hold the same.
   */
  readonly update: (
    assignments: AllocationState['assignments'],
    changed: Iterable<string>,
    services: ReadonlyMap<string, ServiceView>,
  ) => readonly string[]
  /** The uid of a Service; of one that is gone the one that it had; empty: it was never heard of. */
  readonly uidOf: (service: string) => string
}

interface Name {
  readonly uid: string
  readonly terms: string | undefined
}

/** Creates them as blocks have them: a Service in several ways where it changed, or was made anew, between two writes. */
export function createHolderNames(specs: ReadonlyMap<string, AddressBlockSpec>): HolderNames {
  const names = new Map<string, readonly Name[]>()
  for (const { addresses } of specs.values()) {
    for (const { holders } of addresses) {
      for (const { namespace, name, uid, terms } of holders) note(names, `${namespace}/${name}`, { uid, terms })
    }
  }
  let known: AllocationState['assignments'] | undefined
  let views: ReadonlyMap<string, ServiceView> = new Map()

  const uidOf = (key: string): string => views.get(key)?.uid ?? names.get(key)?.[0]?.uid ?? ''

  return {
    uidOf,
    update: (assignments, changed, services) => {
      const different = known === undefined ? assignments.keys() : differingKeys(assignments, known)
      known = assignments
      views = services
      const renewed: string[] = []
      for (const key of new Set([...different, ...changed])) {
        const assignment = assignments.get(key)
        if (assignment === undefined) {
          names.delete(key)
          continue
        }
        const name = { uid: uidOf(key), terms: assignment.terms }
        const before = names.get(key)
        if (before?.length === 1 && before.every((one) => isSame(one, name))) continue
        if (before !== undefined) renewed.push(key)
        names.set(key, [name])
      }
      return renewed
    },
  }
}

function note(names: Map<string, readonly Name[]>, key: string, name: Name): void {
  const known = names.get(key) ?? []
  if (!known.some((one) => isSame(one, name))) names.set(key, [...known, name])
}

const isSame = (a: Name, b: Name): boolean => a.uid === b.uid && (a.terms ?? '') === (b.terms ?? '')
