// `npm run build [-- DIRECTORY]`: writes what runs in a cluster into a directory, `dist` unless given, anew.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeBundle } from './bundle.ts'

const directory = resolve(process.argv[2] ?? join(import.meta.dirname, '..', '..', 'dist'))
const present = existsSync(directory) ? readdirSync(directory) : []
if (present.length > 0 && !present.includes('holdfast.mjs')) {
  process.stderr.write(
    `build: ${directory} holds something else than an earlier build: name another directory, or empty it\n`,
  )
  process.exit(2)
}
rmSync(directory, { recursive: true, force: true })
const { files, packages } = await writeBundle(directory)
const contents = packages.map(({ name, version }) => `${name} ${version}`).join(', ')
process.stdout.write(`${join(directory, 'holdfast.mjs')} and ${files.length - 1} more files, with ${contents}\n`)
