import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import type { Cluster } from '../cluster/cluster.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { Scene } from './carry-out.ts'
import { pathsOf } from './carry-out.ts'
import type { Fact } from './facts.ts'
import { factOf } from './facts.ts'

/** What the API server tells of a namespace, by watches of the test's own. */
export interface Recording {
  /** What has arrived, in the order of resourceVersions. */
  readonly facts: () => readonly Fact[]
  /** Fails where a watch ended, or has not brought what a list has: then not every state was seen. */
  readonly assertWhole: () => Promise<void>
  readonly stop: () => void
}

const kinds = ['Service', 'IPAddressPool', 'AddressBlock', 'Lease'] as const

/** Begins before anything is in the namespace. A watch of an API server leaves out no state and keeps their order. */
export async function record(
  cluster: Cluster,
  { namespace, servedClass, baseRate }: Pick<Scene, 'namespace' | 'servedClass'> & { readonly baseRate: number },
  observe: (fact: Fact) => void,
): Promise<Recording> {
  const agent = new Agent({ keepAlive: false, ca: readFileSync(cluster.authorityFile) })
  const paths = pathsOf(namespace)
  const facts: Fact[] = []
  const ends: string[] = []
  for (const kind of kinds) {
    const list = await cluster.client().get(paths[kind])
    if (list.at('items').list().length > 0) throw new Error(`there are objects in ${paths[kind]} already`)
    const resourceVersion = list.at('metadata').at('resourceVersion').text()
    const query = `watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=3600`
    const take = (line: string): void => {
      const event = Json.parse(line)
      if (event.at('type').text() === 'ERROR') throw new Error(`the watch of ${kind}: ${line}`)
      const fact = factOf(kind, { servedClass, atMs: performance.now() * baseRate }, event)
      facts.push(fact)
      observe(fact)
    }
    const url = new URL(`${paths[kind]}?${query}`, cluster.url)
    const end = (reason: string): void => void ends.push(`the watch of ${kind} ended: ${reason}`)
    watch({ url, agent, token: cluster.token() }, take, end)
  }
  async function missing(): Promise<readonly string[]> {
    const last = new Map(facts.map((fact) => [`${fact.kind} ${fact.name}`, fact.isDeleted ? 0 : fact.revision]))
    const lists = await Promise.all(kinds.map(async (kind) => [kind, await cluster.client().get(paths[kind])] as const))
    return lists.flatMap(([kind, list]) =>
      list
        .at('items')
        .list()
        .map((item) => item.at('metadata'))
        .filter((item) => last.get(`${kind} ${item.at('name').text()}`) !== Number(item.at('resourceVersion').text()))
        .map((item) => `${kind} ${item.at('name').text()}`),
    )
  }
  return {
    facts: () => facts.toSorted((a, b) => a.revision - b.revision),
    assertWhole: async () => {
      await eventually('the watches have brought what lists have', missing, (names) => assert.deepEqual(names, []))
      assert.deepEqual(ends, [])
    },
    stop: () => agent.destroy(),
  }
}

interface Address {
  readonly url: URL
  readonly agent: Agent
  readonly token: string
}

function watch({ url, agent, token }: Address, take: (line: string) => void, end: (reason: string) => void): void {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
  const request = httpsRequest(url, { agent, headers }, (response) => {
    if (response.statusCode !== 200) end(`status ${response.statusCode ?? 0}`)
    let rest = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    })
    response.on('error', (error) => end(error.message))
    response.on('end', () => end('the server closed it'))
  })
  request.on('error', (error) => end(error.message))
  request.end()
}
