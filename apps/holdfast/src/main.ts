import { systemClock } from '@holdfast/runtime'
import { runCommandLine } from './command-line.ts'
import { lastWords } from './output/standard-output.ts'

process.exitCode = await runCommandLine(process.argv)
await lastWords(process.stdout, systemClock())
// Output that nobody reads would keep the process alive for ever.
if (process.stdout.writableLength > 0) process.exit()
