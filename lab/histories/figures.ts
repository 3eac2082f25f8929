import { join } from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'
import { startCluster } from '../cluster/cluster.ts'
import type { HistoryResult } from './history.ts'
import { runHistory } from './history.ts'

const crds = join(import.meta.dirname, '..', '..', 'deploy', 'crds')

/** A cluster in which histories can be run, also several at a time. */
export async function startHistories(): Promise<Cluster> {
  const cluster = await startCluster({ authorization: 'AlwaysAllow' })
  await installCrds(cluster)
  return cluster
}

export async function installCrds(cluster: Cluster): Promise<void> {
  await cluster.kubectl(['apply', '--server-side', '-f', crds])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
}

export interface Plan {
  readonly cluster: Cluster
  readonly firstSeed: number
  readonly histories: number
  /** How many at a time. */
  readonly parallel: number
  /** How much faster than real time the controllers' clocks pass. */
  readonly baseRate?: number
  /** Whether each goes on until what lost leaders set aside is free again. */
  readonly awaitsReclaim?: boolean
  /** None is begun after a failure. */
  readonly bail?: boolean
  readonly checkout?: string | undefined
  /** After each, in the order of their ends. */
  readonly tell: (result: HistoryResult | Error) => void
}

/** As many as are wanted, and the failures. */
export async function runHistories(plan: Plan): Promise<{
  readonly results: readonly HistoryResult[]
  readonly failures: readonly Error[]
}> {
  const results: HistoryResult[] = []
  const failures: Error[] = []
  let next = plan.firstSeed
  const work = async (): Promise<void> => {
    while (next < plan.firstSeed + plan.histories && !(plan.bail === true && failures.length > 0)) {
      const seed = next
      next += 1
      try {
        const result = await runHistory({ ...plan, seed })
        results.push(result)
        plan.tell(result)
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error))
        failures.push(failure)
        plan.tell(failure)
      }
    }
  }
  await Promise.all(Array.from({ length: plan.parallel }, work))
  return { results, failures }
}

/** How many writes of blocks and of Services' statuses the API server refused because they were not of the newest version. */
export async function refusedWrites(cluster: Cluster): Promise<Readonly<Record<string, number>>> {
  const { body } = await cluster.client().send('GET', '/metrics')
  const refused: Record<string, number> = {}
  for (const line of body.at('message').text().split('\n')) {
    const [, labels = '', count] = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line) ?? []
    const label = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
    const resource = label('resource')
    if (label('code') !== '409' || !['services', 'addressblocks'].includes(resource)) continue
    refused[resource] = (refused[resource] ?? 0) + Number(count)
  }
  return refused
}

/** One line. */
export function summary(results: readonly HistoryResult[]): string {
  const sum = (of: (one: HistoryResult) => number): number => results.reduce((total, one) => total + of(one), 0)
  const settled = results.map(({ settledMs }) => settledMs).toSorted((a, b) => a - b)
  const seconds = (ms = 0): string => (ms / 1000).toFixed(1)
  return [
    `${results.filter(({ isRoomy }) => isRoomy).length} roomy`,
    `${sum((one) => one.acts)} acts of people and ${sum((one) => one.troubles)} troubles`,
    `${sum((one) => one.states)} states of the API server judged`,
    `${sum((one) => one.given)} addresses given, ${sum((one) => one.ahead)} of them before a block granted them, ${sum((one) => one.moved)} times one taken that had to go`,
    `${sum((one) => one.leaderships)} leaderships, ${sum((one) => one.gaveBack)} of them given back without marks`,
    `at rest after ${seconds(settled[Math.floor(settled.length / 2)])} s (median), ${seconds(settled.at(-1))} s (longest)`,
  ].join('; ')
}
