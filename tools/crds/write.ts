// `npm run crds`: writes deploy/crds and the pages about our own kinds anew.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crdFiles, folder } from './files.ts'
import { pages, pagesFolder } from './pages.ts'

const files = await crdFiles()
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name))
for (const [name, text] of files) writeFileSync(join(folder, name), text)
for (const [name, text] of pages()) writeFileSync(join(pagesFolder, name), text)
process.stdout.write(`deploy/crds: ${files.size} files; docs/reference: ${[...pages().keys()].join(', ')}\n`)
