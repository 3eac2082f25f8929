// Every kind of fault at everything that the programs follow and write, then two faults after each other:
// `node lab/faults/run.ts [--only REGEXP] [--pairs 40] [--seed N] [--lasts SECONDS] [--speakers 8] [--controllers 3]
// [--protocol h2,http/1.1]`.
import { parseArgs } from 'node:util'
import { trialName, type Trial } from './examine.ts'
import { randomPlan, wholePlan } from './plan.ts'
import { examineFaults, findingText } from './suite.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    pairs: { type: 'string', default: '40' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    lasts: { type: 'string', default: '8' },
    protocol: { type: 'string', default: 'h2,http/1.1' },
    speakers: { type: 'string', default: '8' },
    controllers: { type: 'string', default: '3' },
  },
})
const only = new RegExp(values.only)
const pairs = randomPlan(Number(values.seed), Number(values.pairs))
const chosen = (trials: readonly Trial[]): readonly Trial[] => trials.filter((trial) => only.test(trialName(trial)))
const plan = {
  speakers: chosen([...wholePlan.speakers, ...pairs.speakers]),
  controllers: chosen([...wholePlan.controllers, ...pairs.controllers]),
}
process.stdout.write(`seed ${values.seed}: ${plan.speakers.length} and ${plan.controllers.length} trials\n`)
const start = performance.now()
const findings = await examineFaults({
  protocols: values.protocol.split(',').map((name) => (name === 'h2' ? 'h2' : 'http/1.1')),
  speakers: Number(values.speakers),
  controllers: Number(values.controllers),
  plan,
  lastsMs: Number(values.lasts) * 1000,
  fillers: 520,
  found: (finding) => process.stdout.write(`${findingText(finding)}\n`),
})
const failed = findings.filter(({ problem }) => problem !== undefined)
const slowest = Math.max(...findings.map(({ recoveryMs }) => recoveryMs).filter(Number.isFinite))
process.stdout.write(
  `${findings.length} trials, ${failed.length} not as required; slowest recovery ${(slowest / 1000).toFixed(1)} s; ` +
    `${Math.round((performance.now() - start) / 1000)} s\n`,
)
process.exit(failed.length === 0 ? 0 : 1)
