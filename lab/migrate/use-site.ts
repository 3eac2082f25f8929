import { after, afterEach, before } from 'node:test'
import { MigrateSite } from './site.ts'

/**
 * To be called in a suite: a cluster with MetalLB and its Services before the suite's own `before`, ended afterwards. It shows what the programs
 * printed when a test failed. `beforeEnd` ends what looks at it.
 */
export function useMigrateSite(beforeEnd: () => Promise<unknown> = () => Promise.resolve()): () => MigrateSite {
  let site: MigrateSite | undefined
  let hasFailed = false
  before(async () => {
    site = await MigrateSite.create()
    await site.installMetallb()
    await site.populate()
  })
  afterEach((context) => {
    if ('passed' in context && !context.passed) hasFailed = true
  })
  after(async () => {
    if (hasFailed) site?.fabric.lab.reportFailure()
    await beforeEnd()
    await site?.end()
  })
  return () => {
    if (site === undefined) throw new Error('the site is made before the first test')
    return site
  }
}
