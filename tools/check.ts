// `npm run check`: types, lint, import table, unused code, unit tests. What every commit must pass.
import { summarise } from './summary.ts'

await summarise({
  checks: true,
  suites: [{ patterns: ['{packages,apps,tools}/**/*.test.ts'], concurrency: 2 }],
  isWhole: false,
})
