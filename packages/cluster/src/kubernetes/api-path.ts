import type { ApiFault, ObjectKey, ResourceType, Selection } from './api.ts'
import { apiFault } from './api-fault.ts'

/** The path of a kind's objects: of all namespaces, or of one. */
export function collectionPath(
  { group, version, plural, isNamespaced }: ResourceType,
  namespace: string | undefined,
): string {
  const root = group === '' ? `/api/${escaped(version)}` : `/apis/${escaped(group)}/${escaped(version)}`
  const scope = isNamespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${escaped(namespace)}` : ''
  return `${root}${scope}/${escaped(plural)}`
}

/** The path of one object, or of its subresource. */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  const tail = subresource === undefined ? '' : `/${escaped(subresource)}`
  return `${collectionPath(type, key.namespace)}/${escaped(key.name)}${tail}`
}

/**
 * Why no request may be made for this key: with an empty name it would be one for all objects of the kind, and a removal would
 * remove them all.
 */
export function obstacleOf(what: string, type: ResourceType, key: ObjectKey): ApiFault | undefined {
  if (!isSegment(key.name)) return apiFault('invalid', `${what}: "${key.name}" is no name of an object`)
  if (type.isNamespaced && !isSegment(key.namespace)) {
    return apiFault('invalid', `${what}: a ${type.kind} needs a namespace, and "${key.namespace}" is none`)
  }
  return undefined
}

/** A query; what is undefined or empty is left out. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}

/** For people: `services in namespace a`. */
export const selectionText = ({ plural }: ResourceType, { namespace }: Selection): string =>
  namespace === undefined || namespace === '' ? plural : `${plural} in namespace ${namespace}`

/** For people: `services a/b`. */
export const keyText = ({ plural }: ResourceType, { namespace, name }: ObjectKey): string =>
  namespace === '' ? `${plural} ${name}` : `${plural} ${namespace}/${name}`

const isSegment = (text: string): boolean => text !== '' && text !== '.' && text !== '..'

const escaped = (segment: string): string => encodeURIComponent(segment)
