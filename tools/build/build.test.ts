// The bundle by itself. That it works in the image, with koffi and for nobody's user, is proven in lab/deploy.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { writeBundle, type Bundle } from './bundle.ts'

/** Says on standard error, when the process ends, which files and which of Node's own modules were loaded. */
const witness = `
const { registerHooks } = require('node:module')
const files = []
registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) })
process.on('exit', () => process.stderr.write('LOADED ' + JSON.stringify({ files, own: process.moduleLoadList }) + '\\n'))
`

interface Ending {
  readonly code: unknown
  readonly text: string
  /** What is in the files of the bundle that were loaded. */
  readonly loaded: string
  /** Node's own modules. */
  readonly own: readonly string[]
}

describe('the bundle', () => {
  let folder = ''
  let bundle: Bundle
  const at = (name: string): string => join(folder, 'bundle', name)

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-build-'))
    writeFileSync(join(folder, 'witness.cjs'), witness)
    bundle = await writeBundle(join(folder, 'bundle'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const run = (...args: readonly string[]): Promise<Ending> =>
    new Promise((resolve) => {
      const command = ['--require', join(folder, 'witness.cjs'), at('holdfast.mjs'), ...args]
      const env = { PATH: process.env['PATH'], HOME: folder }
      execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) => {
        const [text = '', said = '{}'] = `${stdout}${stderr}`.split('LOADED ')
        const { files = [], own = [] } = JSON.parse(said) as {
          readonly files?: readonly string[]
          readonly own?: readonly string[]
        }
        const loaded = bundle.files.filter((file) => files.some((url) => url.endsWith(`/${file}`)))
        resolve({
          code: error === null ? 0 : error.code,
          text,
          loaded: loaded.map((file) => readFileSync(at(file), 'utf8')).join(''),
          own,
        })
      })
    })

  test('every subcommand starts, and ends as it says where there is nothing to work with', async () => {
    const nowhere = join(folder, 'nowhere')
    const commands: readonly (readonly [code: number, ...args: string[]])[] = [
      [3, 'standalone', nowhere],
      [3, 'router', '--listen', '192.0.2.1:179', '--asn', '64500'],
      [3, 'peers', '--socket', nowhere],
      [3, 'replay', nowhere],
      [3, 'lint', nowhere],
      ...['controller', 'speaker', 'status', 'support', 'drain node', 'undrain node', 'explain service a/b'].map(
        (words): readonly [number, ...string[]] => [3, ...words.split(' '), '--kubeconfig', nowhere],
      ),
    ]
    const endings = await Promise.all(commands.map(([, ...args]) => run(...args)))
    for (const [index, { code, text }] of endings.entries()) {
      const [wanted, ...args] = commands[index] ?? [0]
      assert.equal(code, wanted, `${args.join(' ')}: ${text}`)
      assert.match(text, /holdfast: |"event":/, args.join(' '))
      assert.doesNotMatch(text, /^\s+at /m, args.join(' '))
    }
  })

  test('controller and speaker load no YAML, nothing that watches directories, and of Node no web client', async () => {
    for (const program of ['controller', 'speaker']) {
      const { loaded, own } = await run(program, '--kubeconfig', join(folder, 'nowhere'))
      assert.match(loaded, /^\/\/ node_modules\/zod\//m)
      assert.doesNotMatch(loaded, /^\/\/ node_modules\/(yaml|chokidar|readdirp)\//m)
      assert.ok(own.some((name) => name.endsWith(' http')))
      assert.deepEqual(
        own.filter((name) => name.includes('undici')),
        [],
      )
    }
  })

  test('functions have their names, and above the code of each file stands which one it is: what a stack trace needs', () => {
    const code = bundle.files.map((file) => readFileSync(at(file), 'utf8')).join('')
    assert.match(code, /^\/\/ packages\/model\/src\/evaluate\.ts\n(?:.*\n){0,80}function evaluate\(/m)
  })

  test('the same sources make the same files', async () => {
    await writeBundle(join(folder, 'again'))
    const files = readdirSync(join(folder, 'bundle'))
    assert.deepEqual(readdirSync(join(folder, 'again')), files)
    for (const file of files)
      assert.equal(readFileSync(join(folder, 'again', file), 'utf8'), readFileSync(at(file), 'utf8'))
  })

  test('the text of each licence of what is in it lies beside it', () => {
    const texts = readFileSync(at('THIRD-PARTY-LICENSES.txt'), 'utf8')
    assert.deepEqual(
      bundle.packages.map(({ name }) => name),
      ['@noble/hashes', 'chokidar', 'commander', 'readdirp', 'yaml', 'zod'],
    )
    for (const { name, version, licence, file } of bundle.packages)
      assert.ok(texts.includes(`${name} ${version} (${licence})\n\n${readFileSync(file, 'utf8').trim()}\n`), name)
  })
})
