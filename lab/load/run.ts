// Timers under load for as long as wanted, with the figures.
// Usage: node lab/load/run.ts [--seconds 60] [--state]
// With --state the program also keeps its state and writes status.
import { parseArgs } from 'node:util'
import { LoadSite, type CrowdView } from './load.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, state: { type: 'boolean', default: false } },
})
const seconds = Number(values.seconds)

const print = (what: string, { longestSilenceMs, lagMs, lost }: CrowdView, more = ''): void => {
  process.stdout.write(
    `${what}: longest silence ${longestSilenceMs} ms (the machine's own lag ${lagMs} ms), ${lost.length} sessions lost${more}\n`,
  )
}

const load = await LoadSite.create({ hasState: values.state })
print('idle', await load.quiet(seconds))
const silent = await load.underHogs(seconds, () => load.trouble('silent'))
const times = silent.result.result.list().map((one) => Math.round(one.at('ms').number()))
print('all processors busy', silent.crowd, `, silent peers closed after ${times.join(', ')} ms`)
const refresh = await load.trouble('refresh', seconds)
const share = (refresh.result.at('cpuShare').number() * 100).toFixed(1)
print('1,000 refreshes a second', refresh.crowd, `, ${share} % of a processor`)
const flood = await load.trouble('flood', seconds)
const [before, after] = [flood.result.at('beforeMiB').number(), flood.result.at('afterMiB').number()]
print('200,000 prefixes', flood.crowd, `, resident ${before.toFixed(0)} to ${after.toFixed(0)} MiB`)
const stuck = await load.trouble('stuck')
const end = `${stuck.result.at('how').textOr('not closed')} after ${(stuck.result.at('ms').number() / 1000).toFixed(1)} s`
print('a peer that reads nothing', stuck.crowd, `, ${end}`)
load.close(false)
process.exit()
