import { setTimeout as pause } from 'node:timers/promises'
import type { ApiClient } from '../../lab/cluster/api-client.ts'
import { addressText, figure, percentiles, type Figures } from './figures.ts'
import { endpointsOf, paths, serviceOf, sliceName, sliceOf } from './objects.ts'
import type { Stage } from './stage.ts'

const limitMs = 30_000
/** A program that takes seconds for each change gets fewer samples: the report says how many. */
const longestMs = 300_000
/** For how long the programs are waited for between samples. */
const calmLimitMs = 10_000

interface Times {
  readonly created: number
  /** What of that is the API server's: until its answer to the create request, and until a watch tells the address. */
  readonly answered: number
  readonly addressed: number
  readonly notReady: number
  readonly deleted: number
}

/**
 * One Service at a time among those that are there: created, its one endpoint not ready (with policy Local and Cluster by turns), ready
 * again, deleted. Each time is from the moment the request is handed to a connection that is open already until the router has read the UPDATE.
 * Each sample meets programs at rest: what they still do after the one before is not counted here.
 */
export async function latency(stage: Stage, samples: number): Promise<Figures> {
  const api = stage.cluster.client('admin', 1)
  await stage.settle()
  const times: Times[] = []
  const start = performance.now()
  for (let index = 0; index < samples && performance.now() - start < longestMs; index += 1) {
    times.push(await sample(stage, api, index))
    await stage.calm(calmLimitMs)
    // Not in step with anything that the programs do by the clock.
    await pause(30 + Math.random() * 70)
  }
  return [
    figure('one Service more: samples', times.length),
    ...percentiles(
      'created: request to answer',
      times.map(({ answered }) => answered),
    ),
    ...percentiles(
      'created: request to address',
      times.map(({ addressed }) => addressed),
    ),
    ...percentiles(
      'created: request to route',
      times.map(({ created }) => created),
    ),
    ...percentiles(
      'endpoint not ready: request to withdrawal',
      times.map(({ notReady }) => notReady),
    ),
    ...percentiles(
      'deleted: request to withdrawal',
      times.map(({ deleted }) => deleted),
    ),
  ]
}

async function sample(stage: Stage, api: ApiClient, index: number): Promise<Times> {
  const { router } = stage
  const name = `sample-${index}`
  const slice = `${paths.slices}/${sliceName(name)}`
  const present = new Set(router.routes.keys())
  const isBack = (): boolean => router.routes.size === present.size
  const isThere = (): boolean => router.routes.size === present.size + 1

  await api.create(paths.slices, sliceOf(name))
  const created = await timed(
    () => api.create(paths.services, serviceOf(name, index % 2 === 0 ? 'Local' : 'Cluster')),
    () => router.until(`${name} is announced`, isThere, limitMs),
  )
  await stage.watch.until(`${name} has its address`, () => stage.watch.addresses.has(name))
  const addressedMs = stage.watch.lastChangeMs
  const route = [...router.routes.keys()].find((host) => !present.has(host))
  const address = stage.watch.addresses.get(name)
  if (route === undefined || addressText(route) !== address) {
    throw new Error(`${name} has ${address ?? 'no address'}; what came is ${addressText(route ?? 0)}`)
  }
  const notReady = await timed(
    () => api.merge(slice, { endpoints: endpointsOf(false) }),
    () => router.until(`${name} is withdrawn`, isBack, limitMs),
  )
  await api.merge(slice, { endpoints: endpointsOf(true) })
  await router.until(`${name} is announced again`, isThere, limitMs)
  await pause(20)
  const deleted = await timed(
    () => api.remove(`${paths.services}/${name}`),
    () => router.until(`${name} is withdrawn for good`, isBack, limitMs),
  )
  await api.remove(slice)
  return {
    ...{ created: created.seenMs, answered: created.answeredMs, addressed: addressedMs - created.sentMs },
    ...{ notReady: notReady.seenMs, deleted: deleted.seenMs },
  }
}

interface Timed {
  /** In performance.now(). */
  readonly sentMs: number
  /** From then on. */
  readonly answeredMs: number
  readonly seenMs: number
}

/** From the call on; the answer may come before or after what is waited for. */
async function timed(request: () => Promise<unknown>, seen: () => Promise<number>): Promise<Timed> {
  const sentMs = performance.now()
  const answered = request().then(() => performance.now())
  const [answeredMs, seenMs] = await Promise.all([answered, seen()])
  return { sentMs, answeredMs: answeredMs - sentMs, seenMs: seenMs - sentMs }
}
