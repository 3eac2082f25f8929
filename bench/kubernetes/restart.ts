import { memory } from '../routes/usage.ts'
import { figure, type Figures } from './figures.ts'
import { keepsState } from './product.ts'
import type { Stage } from './stage.ts'

/** The speaker is killed and started: from the start of the process until the router has the last route. */
export async function restart(stage: Stage): Promise<Figures> {
  const ways = keepsState(stage.product) ? [false, true] : [false]
  const figures: Figures[] = []
  for (const withState of ways) figures.push(await once(stage, withState))
  return figures.flat()
}

async function once(stage: Stage, withState: boolean): Promise<Figures> {
  await stage.settle()
  const count = stage.router.routes.size
  const title = withState ? 'restart with last known state' : 'restart'
  await stage.killSpeaker(withState)
  const startedAtMs = stage.start('speaker')
  const lastMs = await stage.router.until('all are back', () => stage.router.routes.size === count, 600_000)
  const cpu = stage.usage().speaker
  const firstMs = Math.min(...stage.router.routes.values())
  const { updates } = stage.router
  await stage.settle()
  if (stage.router.routes.size !== count) {
    throw new Error(`${title}: ${stage.router.routes.size} routes at rest, of ${count}`)
  }
  const { residentMiB, peakResidentMiB } = memory(stage.pid('speaker'))
  return [
    figure(`${title}: process start to last route, s`, (lastMs - startedAtMs) / 1000, 2),
    figure(`${title}: process start to first route, s`, (firstMs - startedAtMs) / 1000, 2),
    figure(`${title}: CPU until then, s`, cpu, 2),
    figure(`${title}: UPDATEs`, updates),
    figure(`${title}: speaker resident, MiB`, residentMiB),
    figure(`${title}: speaker resident at most, MiB`, peakResidentMiB),
  ]
}
