import type { Saying } from './explanation.ts'

/** What a node lacks, by its reason: one that is refused looks as one that is not there. */
const kindOf: Readonly<Record<string, string>> = {
  ipNotAllowed: 'IPAddressPool',
  noAdvertisement: 'BGPAdvertisement',
  noMatchingAdvertisement: 'BGPAdvertisement',
  noMatchingPeer: 'BGPPeer',
}

/** Where an object of the kind that is missing is refused, that comes first. `faults` each begin with `Kind NAMESPACE/NAME`. */
export function refusedFirst(saying: Saying, faults: readonly string[]): Saying {
  const kind = kindOf[saying.reason]
  if (saying.outcome === 'yes' || kind === undefined) return saying
  const names = new Set(
    faults.map((fault) => fault.split(/[\s:]+/, 2)).flatMap(([of, name]) => (of === kind ? [name] : [])),
  )
  if (names.size === 0) return saying
  const refused = [...names].slice(0, 3).join(', ') + (names.size > 3 ? ` and ${names.size - 3} more` : '')
  const remedy = `${kind} ${refused} is refused, and may be what is missing: correct that first.`
  return { ...saying, remedy: saying.remedy === null ? remedy : `${remedy} Otherwise: ${saying.remedy}` }
}
