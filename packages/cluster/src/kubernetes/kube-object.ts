import type { ApiResult, KubeObject, ListPage, ResourceType } from './api.ts'
import { apiFault } from './api-fault.ts'
import { fieldsAt, textAt } from './json-fields.ts'
import { isFields, type Fields } from './plain-data.ts'

export const apiVersionOf = ({ group, version }: ResourceType): string =>
  group === '' ? version : `${group}/${version}`

/** True where JSON is an object of that kind and has a name. */
export const isKubeObject = (value: unknown, type: ResourceType): value is KubeObject =>
  isFields(value) && value['kind'] === type.kind && isNamed(value)

const isNamed = (value: Fields): boolean => (textAt(fieldsAt(value, 'metadata'), 'name') ?? '') !== ''

/** The object that a request was answered with. */
export function objectOf(what: string, type: ResourceType, value: unknown): ApiResult<KubeObject> {
  // Reviews, such as a TokenReview, have no name.
  const isObject = isFields(value) && value['kind'] === type.kind && isFields(value['metadata'])
  return isObject
    ? { kind: 'ok', value: value as unknown as KubeObject }
    : apiFault('badAnswer', `${what}: the answer is no ${type.kind}`)
}

/** Makes a page of what a list is answered with. */
export interface PageReader {
  /** One item, as it came; to be called in their order. */
  readonly take: (item: unknown) => void
  /** The page, of the list with those items that were not taken before. */
  readonly page: (list: unknown) => ApiResult<ListPage>
}

/**
 * Items of built-in kinds come without apiVersion and kind, since the list has them: they are given them here. `keep` makes of each what
 * stays of it.
 */
export function createPageReader(
  what: string,
  type: ResourceType,
  keep: (item: KubeObject) => KubeObject = (item) => item,
): PageReader {
  const [apiVersion, { kind }] = [apiVersionOf(type), type]
  const items: KubeObject[] = []
  let isNameless = false
  const take = (item: unknown): void => {
    if (!isRecord(item) || !isNamed(item)) {
      isNameless = true
      return
    }
    // Of our own parsing, and nobody else's yet: ten thousand copies are saved.
    item['apiVersion'] = apiVersion
    item['kind'] = kind
    items.push(keep(item as unknown as KubeObject))
  }
  const page = (list: unknown): ApiResult<ListPage> => {
    const rest = isFields(list) && textAt(list, 'kind') === `${type.kind}List` ? itemsOf(list) : undefined
    const metadata = isFields(list) ? fieldsAt(list, 'metadata') : {}
    const resourceVersion = textAt(metadata, 'resourceVersion') ?? ''
    if (rest === undefined || resourceVersion === '') {
      return apiFault('badAnswer', `${what}: the answer is no list with a resourceVersion and items`)
    }
    for (const item of rest) take(item)
    if (isNameless) return apiFault('badAnswer', `${what}: an item of the list has no name`)
    const more = textAt(metadata, 'continue')
    return { kind: 'ok', value: { items, resourceVersion, continue: more === '' ? undefined : more } }
  }
  return { take, page }
}

const isRecord: (value: unknown) => value is Record<string, unknown> = isFields

/** Go writes a list that was never filled as null. */
function itemsOf({ items }: Fields): readonly unknown[] | undefined {
  if (items === null) return []
  return Array.isArray(items) ? items : undefined
}
