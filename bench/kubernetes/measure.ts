import { burst } from './burst.ts'
import type { Figures } from './figures.ts'
import { latency } from './latency.ts'
import type { Product } from './product.ts'
import type { Absence, Run } from './report.ts'
import { idle, resident, silence } from './rest.ts'
import { restart } from './restart.ts'
import { Stage, roles } from './stage.ts'

/** In this order; the burst is what brings the Services, and always comes. */
export const scenarios = ['burst', 'memory', 'idle', 'latency', 'restart', 'silence'] as const
export type Scenario = (typeof scenarios)[number]

export interface Job {
  readonly product: Product
  readonly services: number
  readonly wanted: readonly Scenario[]
  readonly samples: number
  readonly idleSeconds: number
  /** For how long a program must have done nothing to be at rest. */
  readonly quietMs: number
  readonly tell: (line: string) => void
}

export interface Measured {
  readonly run: Run
  readonly absences: readonly Absence[]
  /** Which requests a role made for the burst. */
  readonly requests: Readonly<Record<string, string>>
}

/** One life of a product's programs, with a control plane of its own. A scenario that fails ends it; what was measured before stays. */
export async function measure(job: Job): Promise<Measured> {
  const { product, services, wanted, tell } = job
  const figures: Figures[] = []
  const absences: Absence[] = []
  const requests: Record<string, string> = {}
  let scenario: Scenario = 'burst'
  let stage: Stage | undefined
  try {
    stage = await Stage.create(product, job.quietMs)
    const ready = stage
    const keep = (found: Figures): void => {
      figures.push(found)
      for (const { title, value, digits } of found) tell(`  ${title}: ${value.toFixed(digits)}`)
    }
    const made = await burst(ready, services)
    keep(made.figures)
    for (const role of roles) {
      requests[`${product.name}'s ${role}, ${services.toLocaleString('en')} Services`] = made.breakdown[role]
    }
    const others: Readonly<Record<Exclude<Scenario, 'burst'>, () => Promise<Figures>>> = {
      memory: () => resident(ready),
      idle: () => idle(ready, job.idleSeconds),
      latency: () => latency(ready, job.samples),
      restart: () => restart(ready),
      silence: () => silence(ready),
    }
    for (scenario of scenarios) {
      if (scenario === 'burst' || !wanted.includes(scenario)) continue
      tell(`${product.name}, ${services}: ${scenario}`)
      keep(await others[scenario]())
    }
  } catch (error) {
    stage?.cluster.lab.reportFailure()
    const reason = error instanceof Error ? error.message.slice(0, 500) : String(error)
    tell(`${product.name}, ${services}, ${scenario}: ${reason}`)
    absences.push({ product: product.name, services, scenario, reason })
  } finally {
    await stage?.close()
  }
  return { run: { product: product.name, services, figures: figures.flat() }, absences, requests }
}
