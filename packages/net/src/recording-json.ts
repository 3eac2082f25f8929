import type { Route, RouteAttributes } from '@holdfast/bgp'
import { formatAddress, formatPrefix } from '@holdfast/ip'
import type { RecordEntry } from './recording.ts'
import { hexOf } from './recording-text.ts'

/**
 * One entry of a recording as one line of JSON, without the line feed: the entry's own fields, addresses and prefixes in
 * their usual notation, octets in hexadecimal. What is undefined is left out.
 */
export const recordingLine = (entry: RecordEntry): string => JSON.stringify(jsonOf(entry))

function jsonOf(entry: RecordEntry): object {
  switch (entry.kind) {
    case 'connected':
      return { ...entry, local: formatAddress(entry.local), remote: formatAddress(entry.remote) }
    case 'message':
    case 'sent':
      return { ...entry, bytes: hexOf(entry.bytes) }
    case 'faulted':
      return { ...entry, fault: { ...entry.fault, data: hexOf(entry.fault.data) } }
    case 'desire':
      return entry.routes === undefined ? entry : { ...entry, ...routesJson(entry.routes) }
    case 'created':
    case 'start':
    case 'stop':
    case 'bfdDown':
    case 'disconnected':
    case 'timer':
    case 'did':
      return entry
  }
}

/** Routes mostly share their attributes: each set of these is written once, and a route names it by its place. */
function routesJson(routes: readonly Route[]): object {
  const places = new Map<RouteAttributes, number>()
  const texts = routes.map(({ prefix, attributes }) => {
    const place = places.get(attributes) ?? places.size
    places.set(attributes, place)
    return `${formatPrefix(prefix)} ${place}`
  })
  const attributes = Array.from(places.keys(), ({ nextHop, ...rest }) => ({
    ...rest,
    ...(nextHop !== undefined && { nextHop: formatAddress(nextHop) }),
  }))
  return { attributes, routes: texts }
}
