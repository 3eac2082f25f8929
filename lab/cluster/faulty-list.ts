import type { ListFault, ObjectFault } from './faults.ts'

/** JSON as it came; only what a fault needs is looked at. */
type Loose = Readonly<Record<string, unknown>>

const paddingAnnotation = 'lab.holdfast.dev/padding'

const isLoose = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The fields of a value that is an object; none of another. */
const fields = (value: unknown): Loose => (isLoose(value) ? value : {})

/** The object with an annotation of that many bytes. */
export function inflate(object: unknown, bytes: number): Loose {
  const metadata = fields(fields(object)['metadata'])
  const annotations = { ...fields(metadata['annotations']), [paddingAnnotation]: 'x'.repeat(bytes) }
  return { ...fields(object), metadata: { ...metadata, annotations } }
}

/** undefined: this is no list. */
export function spoilList(
  text: string,
  fault: Exclude<ListFault, { kind: 'staleList' }> | ObjectFault,
): string | undefined {
  const list = parseList(text)
  return list === undefined ? undefined : JSON.stringify(spoil(list, fault))
}

interface List extends Loose {
  readonly items: readonly unknown[]
}

function parseList(text: string): List | undefined {
  if (!text.startsWith('{')) return undefined
  const list = fields(JSON.parse(text))
  const items = list['items']
  // An empty list is null to Go, at times.
  if (items === null) return { ...list, items: [] }
  return Array.isArray(items) ? { ...list, items } : undefined
}

function spoil(list: List, fault: Parameters<typeof spoilList>[1]): Loose {
  switch (fault.kind) {
    case 'emptyList':
      return { ...withoutContinue(list), items: [] }
    case 'omitItems':
      return { ...list, items: list.items.filter((item) => !fault.names.test(nameOf(item))) }
    case 'forgetContinue':
      return withoutContinue(list)
    case 'wrongKind': {
      const { apiVersion, itemKind } = fault
      const items = list.items.map((item) => ({ ...fields(item), apiVersion, kind: itemKind }))
      return { ...list, apiVersion, kind: `${itemKind}List`, items }
    }
    case 'inflate':
      return { ...list, items: list.items.map((item) => inflate(item, fault.bytes)) }
  }
}

function withoutContinue(list: List): Loose {
  const { resourceVersion } = fields(list['metadata'])
  return { ...list, metadata: { resourceVersion } }
}

function nameOf(item: unknown): string {
  const { name } = fields(fields(item)['metadata'])
  return typeof name === 'string' ? name : ''
}
