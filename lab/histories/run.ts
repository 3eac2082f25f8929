// Controllers as real processes that are killed, stopped and cut off: `node lab/histories/run.ts [--histories 100] [--seed 1]
// [--parallel 2] [--rate 4] [--bail] [--reclaim] [--checkout DIRECTORY]`. A failure names its seed; `--seed N --histories 1` plans the same
// again. With --reclaim each goes on for minutes, until what lost leaders set aside is free again.
import { parseArgs } from 'node:util'
import { refusedWrites, runHistories, startHistories, summary } from './figures.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '2' },
    rate: { type: 'string', default: '4' },
    bail: { type: 'boolean', default: false },
    reclaim: { type: 'boolean', default: false },
    checkout: { type: 'string' },
  },
})
const beganMs = performance.now()
const histories = Number(values.histories)
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const cluster = await startHistories()
let done = 0
const { results, failures } = await runHistories({
  cluster,
  firstSeed: Number(values.seed),
  histories,
  parallel: Number(values.parallel),
  baseRate: Number(values.rate),
  bail: values.bail,
  awaitsReclaim: values.reclaim,
  checkout: values.checkout,
  tell: (result) => {
    done += 1
    const text = result instanceof Error ? `FAILED\n${result.message}` : `seed ${result.seed}: ${summary([result])}`
    print(`${done}/${histories} ${text}`)
  },
})
const refused = await refusedWrites(cluster)
await cluster.stop()
print(`\n${results.length} of ${histories} histories hold, in ${Math.round((performance.now() - beganMs) / 1000)} s`)
print(summary(results))
print(`writes refused because another was faster: ${JSON.stringify(refused)}`)
if (failures.length > 0) process.exitCode = 1
