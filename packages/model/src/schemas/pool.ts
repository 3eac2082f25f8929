import type { Range } from '@holdfast/ip'
import { compareAddresses, rangesOverlap } from '@holdfast/ip'
import { z } from 'zod'
import { entryName } from '../entry-name.ts'
import { problem } from '../rules.ts'
import type { Report } from './rule.ts'
import { orEmpty, textAs, withListRule } from './rule.ts'
import { labelSelectors } from './selector.ts'
import { readPoolEntry, uniqueTexts } from './text.ts'

/** Compares each entry with the one before it in address order that reaches farthest: n log n, whatever the sizes. */
function reportOverlaps(entries: readonly (Range | undefined)[], report: Report): void {
  const placed = entries.flatMap((range, index) => (range === undefined ? [] : [{ range, index }]))
  placed.sort((a, b) => compareAddresses(a.range.first, b.range.first) || a.index - b.index)
  let farthest: { readonly range: Range; readonly index: number } | undefined
  for (const entry of placed) {
    if (farthest !== undefined && rangesOverlap(farthest.range, entry.range)) {
      const [theirs, mine] = farthest.index < entry.index ? [farthest, entry] : [entry, farthest]
      const names = { mine: entryName(mine.range), theirs: entryName(theirs.range) }
      report([mine.index], problem('overlapping-addresses', { ...names, where: `addresses[${theirs.index}]` }))
    }
    if (farthest === undefined || compareAddresses(entry.range.last, farthest.range.last) > 0) farthest = entry
  }
}

/** metallb.io/v1beta1 IPAddressPool, spec. */
export const poolSpec = z.strictObject({
  addresses: withListRule(textAs(readPoolEntry), (entries, report) => {
    if (entries.length === 0) report([], problem('no-addresses', { list: 'addresses' }))
    reportOverlaps(entries, report)
  }),
  autoAssign: z.boolean().default(true),
  avoidBuggyIPs: z.boolean().default(false),
  serviceAllocation: z
    .strictObject({
      priority: z.int().optional(),
      namespaces: orEmpty(uniqueTexts('namespaces')),
      namespaceSelectors: labelSelectors('namespaceSelectors'),
      serviceSelectors: labelSelectors('serviceSelectors'),
    })
    .optional(),
})
