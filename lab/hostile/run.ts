// Runs the hostile inputs, all or those of some rows, and prints what was not as required.
// Usage: node lab/hostile/run.ts [ROW...]
import { attackWith } from './attack.ts'

const { site, attacked } = await attackWith('attack-main.ts', ...process.argv.slice(2))
const failed = attacked.runs.filter(({ problem }) => problem !== undefined)
for (const { id, title, scene, problem } of failed)
  process.stdout.write(`✘ ${id} ${title}, ${scene}: ${problem ?? ''}\n`)
for (const what of attacked.disturbances) process.stdout.write(`✘ disturbed: ${what}\n`)
for (const { scene, gapMs, messages } of attacked.bystanders) {
  process.stdout.write(`bystander ${scene}: ${messages} messages, longest silence ${gapMs} ms\n`)
}
const slowest = attacked.runs.toSorted((a, b) => b.ms - a.ms).slice(0, 12)
for (const { id, scene, ms } of slowest) process.stdout.write(`${id} ${scene}: ${(ms / 1000).toFixed(1)} s\n`)
const { beforeMiB, afterMiB } = attacked.memory
process.stdout.write(
  `${attacked.runs.length} runs, ${failed.length} not as required, ${attacked.seconds.toFixed(1)} s, ` +
    `resident ${beforeMiB.toFixed(0)} to ${afterMiB.toFixed(0)} MiB, holdfast ${site.holdfast.state}\n`,
)
site.lab.close()
process.exit(failed.length === 0 && attacked.disturbances.length === 0 ? 0 : 1)
