// Kills and restarts the program under traffic: `node lab/kill/run.ts [--times 30] [--only frr,bird]`.
import { parseArgs } from 'node:util'
import { examineRestarts } from './restarts.ts'

const { values } = parseArgs({ options: { times: { type: 'string', default: '30' }, only: { type: 'string' } } })
const only = values.only?.split(',')
const percentile = (all: readonly number[], share: number): number =>
  all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN

for (const router of (['FRR', 'BIRD'] as const).filter((name) => only?.includes(name.toLowerCase()) ?? true)) {
  const found = await examineRestarts(router, Number(values.times))
  const [median, worst] = [percentile(found.establishedMs, 0.5), Math.max(...found.establishedMs)]
  process.stdout.write(
    [
      `${found.router}, kill -9 and start again ${found.times} times`,
      `  packets sent ${found.sent}, lost ${found.lost} (full receive buffers of the lab: ${found.overflows})`,
      `  changes of the routes in the router's kernel: ${found.routeChanges.length}`,
      ...found.routeChanges.map((line) => `    ${line}`),
      `  Established again: median ${Math.round(median)} ms, worst ${Math.round(worst)} ms after the start of the process`,
      `  R bit seen ${found.restartsSeen} times, End-of-RIB ${found.completions} times`,
      '',
    ].join('\n'),
  )
  if (found.lost > 0 || found.routeChanges.length > 0 || worst > 2000) process.exitCode = 1
}
