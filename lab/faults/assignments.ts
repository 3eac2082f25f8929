import { readFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import { request } from 'node:https'
import { addressesOf } from '../cluster/service-addresses.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Json } from '../harness/json.ts'
import { Json as Reader } from '../harness/json.ts'

/** The addresses that Services of a namespace have, by a watch of the test's own past all proxies. */
export interface AssignmentMonitor {
  /** As last seen; empty: none. */
  readonly of: (service: string) => string
  /** Every time that a Service which had addresses got others or none, or one address was with two Services. */
  readonly violations: () => readonly string[]
  readonly close: () => void
}

/** To be called before the Services are made. For a cluster whose server is not stopped meanwhile. */
export async function monitorAssignments(cluster: Cluster, namespace: string): Promise<AssignmentMonitor> {
  const collection = `/api/v1/namespaces/${namespace}/services`
  const { metadata } = { metadata: (await cluster.client().get(collection)).at('metadata') }
  const query = `watch=true&timeoutSeconds=7200&resourceVersion=${metadata.at('resourceVersion').text()}`
  const held = new Map<string, string>()
  const violations: string[] = []
  const take = (event: Json): void => {
    const object = event.at('object')
    const name = object.at('metadata').at('name').text()
    const now = event.at('type').text() === 'DELETED' ? '' : addressesOf(object)
    const before = held.get(name) ?? ''
    if (now === before) return
    if (before !== '') violations.push(`${name} had ${before} and has ${now === '' ? 'none' : now}`)
    const other = [...held].find(([key, addresses]) => now !== '' && addresses === now && key !== name)
    if (other !== undefined) violations.push(`${name} and ${other[0]} have ${now}`)
    held.set(name, now)
  }
  const watching = followLines(cluster, `${collection}?${query}`, (line) => take(Reader.parse(line)))
  return {
    of: (service) => held.get(service) ?? '',
    violations: () => violations,
    close: () => void watching.destroy(),
  }
}

/** What the API server sends on a watch, line by line, until the request is destroyed. */
export function followLines(cluster: Cluster, path: string, take: (line: string) => void): ClientRequest {
  const ca = readFileSync(cluster.authorityFile)
  const headers = { authorization: `Bearer ${cluster.token()}` }
  let rest = ''
  const watching = request(new URL(path, cluster.url), { ca, headers, agent: false }, (response) => {
    response.setEncoding('utf8')
    response.on('error', () => undefined)
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    })
  })
  watching.on('error', () => undefined)
  watching.end()
  return watching
}
