// `npm test`: everything that `npm run check` does, then the lab: real routers in network namespaces.
// With arguments, only the test files that they name (patterns from the root of the checkout).
import { summarise } from './summary.ts'

const patterns = process.argv.slice(2)
const unit = { patterns: ['{packages,apps,tools}/**/*.test.ts'], concurrency: 2 }
const lab = { patterns: ['lab/**/*.test.ts'], concurrency: 2 }

await summarise(
  patterns.length > 0
    ? { checks: false, suites: [{ patterns, concurrency: 2 }] }
    : { checks: true, suites: [unit, lab] },
)
