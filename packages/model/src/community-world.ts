import { equalRefs, named } from './compare.ts'
import { isRecord } from './fields.ts'
import type { Parse } from './parse.ts'
import { problem } from './rules.ts'
import type { Conflict, World } from './settle.ts'
import type { Community, CommunityAliases, ObjectRef } from './types.ts'

/** Community objects whose aliases are unique over all of them. */
export class CommunityWorld implements World<CommunityAliases> {
  readonly #owners = new Map<string, ObjectRef>()

  conflictsOf({ communities, meta }: CommunityAliases): readonly Conflict[] {
    return communities.flatMap(({ name }, index) => {
      const owner = this.#owners.get(name)
      if (owner === undefined || equalRefs(owner, meta.ref)) return []
      const detail = { alias: name, where: named(owner) }
      return [{ path: ['spec', 'communities', index, 'name'], problem: problem('duplicate-community-alias', detail) }]
    })
  }

  add({ communities, meta }: CommunityAliases): void {
    for (const { name } of communities) this.#owners.set(name, meta.ref)
  }
}

/** By alias that is not in force, the object that names it all the same: that is broken, or at odds with another. */
export function refusedAliases(
  parses: readonly Parse[],
  inForce: ReadonlyMap<string, Community>,
): ReadonlyMap<string, string> {
  const refused = new Map<string, string>()
  for (const { raw, ref } of parses) {
    const spec = isRecord(raw.value) ? raw.value['spec'] : undefined
    const list = isRecord(spec) ? spec['communities'] : undefined
    for (const entry of Array.isArray(list) ? list : []) {
      const alias: unknown = isRecord(entry) ? entry['name'] : undefined
      if (typeof alias === 'string' && !inForce.has(alias)) refused.set(alias, named(ref))
    }
  }
  return refused
}

/** What each alias means. */
export const aliasesOf = (objects: Iterable<CommunityAliases>): ReadonlyMap<string, Community> =>
  new Map([...objects].flatMap(({ communities }) => communities.map(({ name, value }) => [name, value] as const)))
