import { z } from 'zod'
import { problem } from '../rules.ts'
import { orEmpty, textAs, withListRule } from './rule.ts'
import { readCommunity } from './text.ts'

const alias = z.strictObject({ name: z.string(), value: textAs(readCommunity) })

/** metallb.io/v1beta1 Community, spec. */
export const communitySpec = z.strictObject({
  communities: orEmpty(
    withListRule(alias, (aliases, report) => {
      const firsts = new Map<string, number>()
      for (const [index, entry] of aliases.entries()) {
        if (entry === undefined) continue
        const first = firsts.get(entry.name)
        if (first === undefined) firsts.set(entry.name, index)
        else {
          const detail = { alias: entry.name, where: `communities[${first}]` }
          report([index, 'name'], problem('duplicate-community-alias', detail))
        }
      }
    }),
  ),
})
