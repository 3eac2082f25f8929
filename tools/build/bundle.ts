// What runs in a cluster as a few files of JavaScript that need Node and koffi beside them: docs/adr/0012-a-bundle-for-clusters.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { rolldown, type OutputChunk, type Plugin } from 'rolldown'
import { builtins } from './builtins.ts'
import { licencesFile, packagesOf, type BundledPackage } from './licences.ts'

const root = join(import.meta.dirname, '..', '..')

/** What was written into the directory. */
export interface Bundle {
  /** Names of the files of code. `holdfast.mjs` is the program. */
  readonly files: readonly string[]
  /** Published packages with code in them. */
  readonly packages: readonly BundledPackage[]
}

/**
 * Writes the program into a directory: `holdfast.mjs`, the chunks that it imports, and the licences of whose code is in them. Of the same sources
 * it always makes the same files. Throws where something cannot be resolved, is not clear to the bundler, or comes without a licence.
 */
export async function writeBundle(directory: string): Promise<Bundle> {
  const build = await rolldown({
    cwd: root,
    input: { holdfast: 'apps/holdfast/src/main.ts' },
    platform: 'node',
    // A native module: its files lie beside the bundle, and only what needs it loads them.
    external: ['koffi'],
    tsconfig: false,
    plugins: [threads, builtins],
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(`the bundler warns: ${log.message}`)
    },
  })
  try {
    const { output } = await build.write({
      dir: directory,
      format: 'esm',
      entryFileNames: '[name].mjs',
      chunkFileNames: ({ facadeModuleId }) => `${chunkName(facadeModuleId ?? undefined)}-[hash].mjs`,
      hashCharacters: 'hex',
      // V8 keeps the text of what it runs, and twice as large where a single character of it is not in Latin-1.
      charset: 'ascii',
      // Lines and names stay, so that a stack trace needs no map: a comment above the code of each file names it. Minified, the speaker would
      // need 0.4 MiB less and start no sooner.
      comments: { legal: true, annotation: false, jsdoc: false },
      sourcemap: false,
    })
    const chunks = output.filter((one) => one.type === 'chunk')
    const packages = packagesOf(chunks.flatMap(modulesOf))
    writeFileSync(join(directory, licencesFile), packages.map(licenceText).join(`\n${'-'.repeat(80)}\n\n`))
    return { files: chunks.map(({ fileName }) => fileName).sort(), packages }
  } finally {
    await build.close()
  }
}

/** Modules of which something was left in the chunk. */
const modulesOf = ({ modules }: OutputChunk): readonly string[] =>
  Object.entries(modules)
    .filter(([, { renderedLength }]) => renderedLength > 0)
    .map(([id]) => id)

/** What is loaded when it is needed is named after its package, or its folder where it begins in a `run.ts` like every subcommand. */
function chunkName(start: string | undefined): string {
  if (start === undefined) return 'shared'
  const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(start) ?? []
  return (name ?? basename(basename(start) === 'run.ts' ? dirname(start) : start, '.ts')).replaceAll(/[@/]/g, '')
}

const licenceText = ({ name, version, licence, file }: BundledPackage): string =>
  `${name} ${version} (${licence})\n\n${readFileSync(file, 'utf8').trim()}\n`

/** A thread is started from a file beside the one that starts it: that becomes a file of the bundle too. */
const startsThread = /new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/g

const threads: Plugin = {
  name: 'threads',
  transform: {
    filter: { code: startsThread },
    handler(code, id) {
      return code.replaceAll(startsThread, (_, name: string) => {
        this.emitFile({ type: 'chunk', id: join(dirname(id), `${name}.ts`), fileName: `${name}.mjs` })
        return `new URL('./${name}.mjs', import.meta.url)`
      })
    },
  },
}
