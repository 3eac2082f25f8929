import { after, afterEach, before } from 'node:test'
import type { Cluster, ClusterOptions } from './cluster.ts'
import { startCluster } from './cluster.ts'

/**
 * To be called in a suite: starts its cluster before the suite's own `before`, ends it afterwards, and shows what its programs
 * printed when a test failed or the suite did not get as far as its tests. For a cluster with a lab of its own.
 */
export function useCluster(options: ClusterOptions = {}): () => Cluster {
  let cluster: Cluster | undefined
  let hasSucceeded = false
  let hasFailed = false
  before(async () => {
    cluster = await startCluster(options)
  })
  afterEach((context) => {
    if ('passed' in context && context.passed) hasSucceeded = true
    else hasFailed = true
  })
  after(async () => {
    if (hasFailed || !hasSucceeded) cluster?.lab.reportFailure()
    await cluster?.stop()
  })
  return () => {
    if (cluster === undefined) throw new Error('the cluster is started before the first test')
    return cluster
  }
}
