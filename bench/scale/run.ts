// What 5,000 nodes and 10,000 Services with 10 changes a second cost: `node bench/run.ts scale [--seconds N] [--services N,N] [--rates N,N]`.
// The computation takes object sizes that were recorded from a real kube-apiserver (bench/scale/record.ts); the simulation is one
// real speaker process that follows a synthetic API server of that size. Results: bench/results/scale.md and scale.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { costOf, target } from './cost.ts'
import { bytesOf, protobufBytes, type RecordedKind } from './recorded.ts'
import { costTable, sizeTable, simulationTable } from './report.ts'
import { simulate, type Simulated } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    services: { type: 'string', default: '1000,10000' },
    rates: { type: 'string', default: '10,50' },
  },
})
const numbers = (text: string): readonly number[] => text.split(',').map(Number)
const load = (loadavg()[0] ?? 0).toFixed(1)
const kinds: readonly RecordedKind[] = ['Service', 'EndpointSlice', 'Node', 'NodeState', 'ServiceBGPStatus']
const runs: Simulated[] = []
for (const services of numbers(values.services)) {
  for (const changesPerSecond of numbers(values.rates)) {
    process.stderr.write(`${services} Services, ${changesPerSecond} changes a second\n`)
    const seconds = Number(values.seconds)
    runs.push(await simulate({ services, nodes: target.nodes, changesPerSecond, seconds, protocol: 'http2' }))
  }
}
const cost = costOf(target)
const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release().replace(/^(\d+\.\d+).*/, '$1')}, Node ${process.version}`
const page = `# 5,000 nodes, 10,000 Services, 10 changes a second

\`node bench/run.ts scale ${process.argv.slice(2).join(' ')}\` on ${machine}, ${new Date().toISOString().slice(0, 10)}. Load average when it began: ${load}.
What follows from it: [scale](../../docs/concepts/scale.md).

## Sizes of objects

${sizeTable(kinds.map((kind) => [kind, bytesOf(kind), kind in protobufBytes ? protobufBytes[kind as 'Service'] : undefined]))}

## Computed: the whole cluster

${costTable(cost)}

## Measured: one speaker

The real program, following a synthetic API server over HTTP/2, with one BGP peer and its state on disk. CPU is the share of one core.

${simulationTable(runs)}
`
const results = join(import.meta.dirname, '..', 'results')
writeFileSync(join(results, 'scale.md'), page)
writeFileSync(join(results, 'scale.json'), `${JSON.stringify({ machine, load, target, cost, runs }, undefined, 2)}\n`)
process.stdout.write(readFileSync(join(results, 'scale.md'), 'utf8'))
