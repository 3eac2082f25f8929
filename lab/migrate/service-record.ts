import { addressesOf } from '../cluster/service-addresses.ts'
import { followLines } from '../faults/assignments.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { Json } from '../harness/json.ts'

/** The addresses of all Services, by a watch that misses nothing from its beginning on. */
export interface ServiceRecord {
  /** By `namespace/name`; an address-less Service is not among them. */
  readonly addresses: () => ReadonlyMap<string, string>
  /** Every change of a status that named an address, and every address that two Services have that do not share it. */
  readonly violations: () => readonly string[]
  /** The Services that had an address at any time. */
  readonly seen: () => ReadonlySet<string>
  /** How often each Service was written. */
  readonly writes: () => ReadonlyMap<string, number>
  readonly close: () => void
}

const collection = '/api/v1/services'

export async function recordServices(cluster: Cluster): Promise<ServiceRecord> {
  const list = await cluster.client().get(collection)
  const held = new Map<string, string>()
  const writes = new Map<string, number>()
  const seen = new Set<string>()
  const violations: string[] = []
  const take = (type: string, service: Json): void => {
    const name = `${service.at('metadata').at('namespace').text()}/${service.at('metadata').at('name').text()}`
    const now = type === 'DELETED' ? '' : addressesOf(service)
    const before = held.get(name) ?? ''
    if (before !== '' && now !== before && type !== 'DELETED') {
      violations.push(`${name} had ${before} and has ${now === '' ? 'none' : now}`)
    }
    if (now !== before) violations.push(...doublesOf(held, name, now))
    if (now === '') held.delete(name)
    else {
      held.set(name, now)
      seen.add(name)
    }
  }
  for (const service of list.at('items').list()) take('ADDED', service)
  const version = list.at('metadata').at('resourceVersion').text()
  const query = `watch=true&timeoutSeconds=7200&resourceVersion=${version}`
  const watching = followLines(cluster, `${collection}?${query}`, (line) => {
    const event = Json.parse(line)
    const service = event.at('object')
    const name = `${service.at('metadata').at('namespace').text()}/${service.at('metadata').at('name').text()}`
    writes.set(name, (writes.get(name) ?? 0) + 1)
    take(event.at('type').text(), service)
  })
  return {
    addresses: () => new Map([...held].sort()),
    violations: () => violations,
    seen: () => seen,
    writes: () => writes,
    close: () => void watching.destroy(),
  }
}

const sharing = /dns-(tcp|udp)$/

const doublesOf = (held: ReadonlyMap<string, string>, name: string, now: string): readonly string[] =>
  [...held]
    .filter(([other, addresses]) => other !== name && now !== '' && addresses === now)
    .filter(([other]) => !(sharing.test(other) && sharing.test(name)))
    .map(([other]) => `${name} and ${other} both have ${now}`)
