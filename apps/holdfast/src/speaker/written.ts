import type { ApiFault, ApiResult, ResourceType } from '@holdfast/cluster'
import type { Tell } from './telling.ts'

/** Who owns the fields that the speaker writes (metadata.managedFields). */
export const fieldManager = 'holdfast-speaker'

/** What came of one piece of writing. */
export type Outcome = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly fault: ApiFault }

export const done: Outcome = { kind: 'done' }

export const outcomeOf = (result: ApiResult<unknown>): Outcome =>
  result.kind === 'ok' ? done : { kind: 'failed', fault: result }

/** A 404 for what is to be removed is what was wanted. */
export const removalOf = (result: ApiResult<unknown>): Outcome =>
  result.kind === 'fault' && result.code === 'notFound' ? done : outcomeOf(result)

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete'

/** `patch servicebgpstatuses.metallb.io/status`, as a Role names it. */
export const permission = (verb: Verb, { plural, group }: ResourceType, subresource?: string): string =>
  `${verb} ${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`

/** Tells of a missing permission once, until something else comes of the same request. */
export function createPermissionTeller(
  tell: Tell,
): (needed: string, fault: Pick<ApiFault, 'code' | 'message'> | undefined) => void {
  const told = new Set<string>()
  return (needed, fault) => {
    if (fault?.code !== 'forbidden') {
      told.delete(needed)
      return
    }
    if (told.has(needed)) return
    told.add(needed)
    tell('error', 'permissionMissing', `the API server does not let us ${needed}: ${fault.message}`, { needed })
  }
}
