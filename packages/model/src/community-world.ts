import { equalRefs, named } from './compare.ts'
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

/** What each alias means. */
export const aliasesOf = (objects: Iterable<CommunityAliases>): ReadonlyMap<string, Community> =>
  new Map([...objects].flatMap(({ communities }) => communities.map(({ name, value }) => [name, value] as const)))
