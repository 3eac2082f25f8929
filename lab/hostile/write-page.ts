// Runs every hostile input and writes docs/reference/hostile-inputs.md.
import { attackWith } from './attack.ts'
import { entries, pageOf, problemsOf, writePage } from './page.ts'

const { site, attacked } = await attackWith('attack-main.ts')
site.lab.close()
writePage(pageOf(attacked.runs))
const failed = entries.filter((entry) => problemsOf(entry, attacked.runs).length > 0)
for (const { id, title } of failed) process.stdout.write(`✘ ${id} ${title}\n`)
process.stdout.write(`${entries.length} inputs, ${failed.length} not as required\n`)
process.exit(failed.length === 0 ? 0 : 1)
