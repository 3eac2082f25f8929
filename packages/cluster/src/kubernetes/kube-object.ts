import type { ApiFault, ApiResult, KubeObject, ListPage, ResourceType } from './api.ts'
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

/**
 * The page that a list was answered with. Items of built-in kinds come without apiVersion and kind, since the list has them:
 * they are given them here.
 */
export function pageOf(what: string, type: ResourceType, value: unknown): ApiResult<ListPage> {
  if (!isFields(value) || textAt(value, 'kind') !== `${type.kind}List`) return notAList(what)
  const metadata = fieldsAt(value, 'metadata')
  const resourceVersion = textAt(metadata, 'resourceVersion') ?? ''
  // Go writes a list that was never filled as null.
  const items = value['items'] === null ? [] : value['items']
  if (resourceVersion === '' || !Array.isArray(items)) return notAList(what)
  const objects = itemsOf(items, type)
  if (objects === undefined) return apiFault('badAnswer', `${what}: an item of the list has no name`)
  const more = textAt(metadata, 'continue')
  return { kind: 'ok', value: { items: objects, resourceVersion, continue: more === '' ? undefined : more } }
}

function itemsOf(items: readonly unknown[], type: ResourceType): readonly KubeObject[] | undefined {
  const named = { apiVersion: apiVersionOf(type), kind: type.kind }
  for (const item of items) {
    if (!isFields(item) || !isNamed(item)) return undefined
    // Of our own parsing, and nobody else's yet: ten thousand copies are saved.
    Object.assign(item, named)
  }
  return items as readonly KubeObject[]
}

const notAList = (what: string): ApiFault =>
  apiFault('badAnswer', `${what}: the answer is no list with a resourceVersion and items`)
