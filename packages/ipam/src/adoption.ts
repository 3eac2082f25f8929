import { equalAddresses } from '@holdfast/ip'
import { cleared, relabelled, released } from './changes.ts'
import type { Difference } from './intake.ts'
import type { Ledger } from './ledger.ts'
import { placedAt } from './ledger.ts'
import type { Spot } from './pool-table.ts'
import type { Queues } from './queues.ts'
import type { Drop } from './retention.ts'
import { judgeRetention } from './retention.ts'
import type { Assignment, Change } from './types.ts'
import type { Want } from './want.ts'
import { isOfNamesake } from './want.ts'

/** What a Service held when the pass began; it has to be judged again. */
interface Lifted {
  readonly assignment: Assignment
  /** undefined: the Service is gone, whether or not there is another one of its name. */
  readonly want: Want | undefined
}

/** What is known when a pass begins. */
interface Before {
  readonly ledger: Ledger
  readonly queues: Queues
  readonly assignments: ReadonlyMap<string, Assignment>
  readonly wantOf: (service: string) => Want | undefined
}

interface Adopted {
  readonly changes: Change[]
  /** Those who lost all that they held. */
  readonly displaced: Want[]
}

/**
 * The first step of a pass: holders who changed, or of whom nothing was known before, keep what they may, those who are as they were
 * before those who changed. What the others must leave, and what those leave who are gone, is free then.
 */
export function adopt(difference: Difference, before: Before): Adopted {
  const { ledger, queues } = before
  const changes: Change[] = []
  const displaced: Want[] = []
  const renamed: Want[] = []
  const left: Pick<Assignment, 'service' | 'addresses'>[] = []
  for (const { assignment, want } of lift(difference, before).sort(inOrderOfAdoption)) {
    if (want === undefined) {
      left.push(assignment)
      changes.push(released(assignment.service, assignment.addresses))
      continue
    }
    const drop = judge(want, assignment, ledger, queues)
    if (isRelabelled(assignment, ledger.spotsOf(want.key) ?? [])) renamed.push(want)
    if (drop === undefined) continue
    left.push({ service: want.key, addresses: drop.addresses })
    changes.push(cleared(want.key, drop))
    if (ledger.spotsOf(want.key) === undefined) displaced.push(want)
  }
  for (const { key } of renamed) changes.push(relabelled(key, ledger.placedBy(key)))
  for (const { service, addresses } of left) queues.leaveAll(service, addresses)
  return { changes, displaced }
}

/** Takes what they hold from those who have to be judged. */
function lift({ changed, gone }: Difference, { ledger, assignments, wantOf }: Before): Lifted[] {
  return [...changed.map(({ key }) => key), ...gone].flatMap((key) => {
    const assignment = assignments.get(key)
    if (assignment === undefined) return []
    ledger.letGo(key)
    const want = wantOf(key)
    return [{ assignment, want: isOfNamesake(assignment, want?.request.uid) ? undefined : want }]
  })
}

/** Lets a Service keep what it may. Returns what it must leave. */
function judge(want: Want, assignment: Assignment, ledger: Ledger, queues: Queues): Drop | undefined {
  const { keep, drop } = judgeRetention(ledger.pools, want.request, assignment.addresses)
  for (const spot of keep) {
    const conflict = ledger.conflictAt(spot, want)
    if (conflict !== undefined) {
      return { addresses: assignment.addresses, reason: 'addressConflict', message: conflict.message }
    }
  }
  if (keep.length === 0) return drop
  ledger.hold(want, keep)
  const hasNewTerms = assignment.terms !== want.terms
  if (hasNewTerms) for (const spot of keep) queues.wakeFor(spot)
  return drop
}

/** Those who are gone; then holders who are as they were; then those who changed; then claims. Each by key. */
function inOrderOfAdoption(a: Lifted, b: Lifted): number {
  const difference = adoptionRank(a) - adoptionRank(b)
  return difference === 0 ? (a.assignment.service < b.assignment.service ? -1 : 1) : difference
}

function adoptionRank({ assignment, want }: Lifted): number {
  if (want === undefined) return 0
  if (assignment.terms === undefined) return 3
  return assignment.terms === want.terms ? 1 : 2
}

/** True where an address that stays is in a pool of another name than it was granted from. */
const isRelabelled = (before: Assignment, spots: readonly Spot[]): boolean =>
  spots.some((spot) => {
    const placed = placedAt(spot)
    const old = before.addresses.find(({ address }) => equalAddresses(address, placed.address))
    return old !== undefined && old.pool !== placed.pool
  })
