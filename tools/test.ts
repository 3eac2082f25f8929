// `npm test`: everything that `npm run check` does, then the lab: real routers in network namespaces.
// With arguments, only the test files that they name (patterns from the root of the checkout).
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { summarise } from './summary.ts'

const patterns = process.argv.slice(2)
const unit = { patterns: ['{packages,apps,tools}/**/*.test.ts'], concurrency: 2 }
// What measures time wants the machine for itself.
const timing = ['lab/{isolation,kill,load}/*.test.ts', 'lab/bfd/load.test.ts']
const lab = { patterns: ['{lab,fuzz,bench}/**/*.test.ts'], without: timing, concurrency: 2 }
const alone = { patterns: timing, concurrency: 1 }

// Some minutes, once for each release of Kubernetes: no test's time.
const needsCluster = patterns.length === 0 || patterns.some((pattern) => /^\W*(lab|bench)\b/.test(pattern))
const program = join(import.meta.dirname, '..', 'lab', 'cluster', 'build-main.ts')
if (needsCluster && spawnSync(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) {
  process.stdout.write('✘ the programs of the cluster lab could not be had\n0 passed, 1 failed\n')
  process.exit(1)
}

await summarise(
  patterns.length > 0
    ? { checks: false, suites: [{ patterns, concurrency: 2 }], isWhole: false }
    : { checks: true, suites: [unit, lab, alone], isWhole: true },
)
