import type { ApiFault, KubeApi, KubeObject, ListOptions, ResourceType, Selection } from './api.ts'
import { pageAfterPage } from './page-after-page.ts'
import { isFields, type Fields } from './plain-data.ts'

/** Objects a page: some 500 KB of Services. */
const pageSize = 500

export interface WholeList {
  readonly kind: 'ok'
  /** By key; the last of two with one key. */
  readonly objects: ReadonlyMap<string, KubeObject>
  /** Where a watch goes on from. */
  readonly resourceVersion: string
}

/** Which objects of a kind, and what of them. */
interface Wanted extends Selection, Pick<ListOptions, 'isWithoutManagedFields'> {
  /** Nothing is known yet: the next page is asked for while one is being read, which takes some memory more. */
  readonly isUrgent: boolean
}

/** The place of an object among those of its kind: its namespace, if it has one, and its name. */
export const listKey = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined || metadata.namespace === ''
    ? metadata.name
    : // Joined, it is one text; a template would keep its parts as well, for each of tens of thousands.
      [metadata.namespace, metadata.name].join('/')

/**
 * Lists all objects of a selection, page by page, and keeps of each what `keep` makes of it: never more than a page is there untrimmed. Where the server has forgotten the state that the pages are of (410), it starts
 * over once, without pages: such a list cannot be forgotten half way. A list that cannot be what was asked for is a
 * `badAnswer`.
 */
export async function listAll(
  api: KubeApi,
  type: ResourceType,
  { isUrgent, ...selection }: Wanted,
  keep: (key: string, object: KubeObject) => KubeObject,
): Promise<WholeList | ApiFault> {
  const inPages = await listPages(api, type, { ...selection, limit: pageSize, ...(isUrgent ? urgent : {}) }, keep)
  const isExpired = inPages.kind === 'fault' && inPages.code === 'gone'
  return isExpired ? await listPages(api, type, selection, keep) : inPages
}

/** Pages are foreseen. */
const urgent: Pick<ListOptions, 'foresee'> = { foresee: () => undefined }

async function listPages(
  api: KubeApi,
  type: ResourceType,
  first: ListOptions,
  keep: (key: string, object: KubeObject) => KubeObject,
): Promise<WholeList | ApiFault> {
  const objects = new Map<string, KubeObject>()
  const tokens = new Set<string>()
  let flaw: string | undefined
  const keepItem = (item: KubeObject): KubeObject => {
    flaw ??= flawOfObject(type, first, item)
    return flaw === undefined ? keep(listKey(item), item) : item
  }
  const nextPage = pageAfterPage((token, foresee) => {
    const options = { ...first, ...(token === undefined ? {} : { continue: token }), keep: keepItem }
    return api.list(type, first.foresee === undefined ? options : { ...options, foresee })
  })
  for (let page = nextPage(undefined); ;) {
    const result = await page
    if (result.kind === 'fault') return result
    const { items, resourceVersion, continue: token } = result.value
    flaw ??= flawOfPage(result.value)
    if (flaw !== undefined) return badAnswer(type, flaw)
    for (const object of items) objects.set(listKey(object), object)
    if (token === undefined || token === '') return { kind: 'ok', objects, resourceVersion }
    if (tokens.has(token)) return badAnswer(type, 'its pages go round in a circle')
    tokens.add(token)
    page = nextPage(token)
  }
}

/** What is wrong with a page, but for its items; undefined: nothing. What came over the network need not be what its type says. */
function flawOfPage(page: unknown): string | undefined {
  if (!isFields(page) || !Array.isArray(page['items'])) return 'there is no list of items in it'
  if (typeof page['resourceVersion'] !== 'string' || page['resourceVersion'] === '') return 'it has no resourceVersion'
  return undefined
}

/** What is wrong with an object of a list or an event; undefined: nothing. */
export function flawOfObject(type: ResourceType, selection: Selection, object: unknown): string | undefined {
  const metadata = isFields(object) ? object['metadata'] : undefined
  if (!isFields(object) || !isFields(metadata)) return 'an object in it has no metadata'
  const needed = ['name', 'uid', 'resourceVersion', ...(type.isNamespaced ? ['namespace'] : [])]
  const missing = needed.find((field) => !isText(metadata[field]))
  if (missing !== undefined) return `an object in it has no ${missing}`
  if (isText(object['kind']) && object['kind'] !== type.kind) return `an object in it is a ${object['kind']}`
  return isWithin(selection, metadata) ? undefined : 'an object in it is of another namespace'
}

const isWithin = ({ namespace }: Selection, metadata: Fields): boolean =>
  namespace === undefined || namespace === '' || metadata['namespace'] === namespace

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const badAnswer = ({ kind }: ResourceType, flaw: string): ApiFault => ({
  kind: 'fault',
  code: 'badAnswer',
  status: undefined,
  message: `what came is no list or event of kind ${kind}: ${flaw}`,
  retryAfterMs: undefined,
})

/** The object as its schema wants it: the items of a list do not say of which kind they are. */
export function typed({ group, version, kind }: ResourceType, object: KubeObject): KubeObject {
  const apiVersion = group === '' ? version : `${group}/${version}`
  return object.apiVersion === apiVersion && object.kind === kind ? object : { ...object, apiVersion, kind }
}
