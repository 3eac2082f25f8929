// `node fuzz/run.ts [count] [seed]`: so many mutated messages through the framer and the decoder; 1,000,000 and any seed
// where nothing is said. Ends with 1 where something did not hold, and keeps the input in fuzz/corpus.
import type { Report } from './campaign.ts'
import { campaign, isSound } from './campaign.ts'

const [count = '1000000', seed = `${Date.now() % 0x7fffffff}`] = process.argv.slice(2)

const mebibytes = (octets: number): string => `${(octets / 1024 / 1024).toFixed(1)} MiB`

function print(report: Report): void {
  const { verdicts, rss, failure } = report
  const rate = Math.round(report.count / report.seconds)
  console.log(`${report.count} messages, seed ${report.seed}: ${report.seconds.toFixed(1)} s, ${rate} a second`)
  console.log(`slowest decoding ${report.slowestMs.toFixed(2)} ms`)
  console.log(
    `decoded ${verdicts.decoded}, repaired ${verdicts.repaired}, reset ${verdicts.reset}, incomplete ${verdicts.needMore}`,
  )
  console.log(
    `resident memory ${mebibytes(rss[0])} before, ${mebibytes(rss[1])} after; retained ${mebibytes(report.retained)}`,
  )
  if (failure === undefined) return
  console.error(`FAILED in a session "${failure.context}", made of ${failure.mutant.name}, kept as ${failure.file}`)
  console.error(Buffer.from(failure.mutant.bytes).toString('hex'))
  console.error(failure.error)
}

const report = campaign(Number(count), Number(seed))
print(report)
if (!isSound(report)) process.exitCode = 1
