// The tree of the image, made by the Dockerfile's own steps in a directory, and started there as a container would be: chroot, nobody's user,
// a file system that cannot be written. There is no container engine here; what stays untested is
// what only an engine does (base images, layers).
import assert from 'node:assert/strict'
import type { ChildProcessByStdio } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../harness/eventually.ts'
import { root } from './helm.ts'
import { assembleImage, library } from './image-tree.ts'

const skip = process.getuid?.() !== 0 && 'chroot needs root'

/** Without Node's own size, which the lockfile fixes. */
const mostMiB = 20

describe('the image', { skip }, () => {
  let folder = ''
  let image = ''

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
    image = assembleImage(folder)
    cpSync(join(root, 'examples/quickstart'), join(image, 'quickstart'), { recursive: true })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** With a root that cannot be written, and a network of its own. Another user than root has no capability. */
  const inImage = (
    user: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): ChildProcessByStdio<null, Readable, Readable> => {
    const script = `ip link set lo up && mount --bind "$0" "$0" && mount -t tmpfs -o mode=1777 none "$0/run" && mount -o remount,bind,ro "$0" && exec chroot --userspec=${user}:${user} "$0" "$@"`
    return spawn('unshare', ['--mount', '--net', 'sh', '-c', script, image, ...command], {
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/',
        NODE_COMPILE_CACHE: `/${library}/cache`,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  const run = async (
    ...command: readonly [string, ...string[]]
  ): Promise<{ readonly code: unknown; readonly text: string }> => {
    const child = inImage('65534', command)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const [code] = (await once(child, 'close')) as readonly unknown[]
    return { code, text }
  }

  test('starts as nobody with a root that cannot be written', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
    assert.deepEqual(await run('/usr/bin/holdfast', '--version'), { code: 0, text: `${version}\n` })
  })

  test('/controller and /speaker are the programs of these names', async () => {
    for (const name of ['controller', 'speaker']) {
      const { code, text } = await run(`/${name}`, '--help')
      assert.equal(code, 0, text)
      assert.match(text, new RegExp(`Usage: holdfast ${name} `))
    }
  })

  test('nodes have sessions with a router and announce to it, without a capability', async () => {
    const command = [
      '/usr/bin/holdfast',
      'standalone',
      '/quickstart',
      ...['a', 'b', 'c'].flatMap((name) => ['--node', `node-${name}`]),
    ]
    const options = ['--router', '127.0.0.1:1790', '--no-listen', '--socket', '/run/holdfast.sock', '--json']
    const child = inImage('65534', [...command, ...options])
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    child.stderr.on('data', (text: Buffer) => lines.push(text.toString()))
    try {
      await eventually(
        'the router has a route through all three nodes',
        () => lines.join('\n'),
        (text) =>
          assert.match(
            text,
            /"event":"route","prefix":"192\.0\.2\.2\/32","nextHops":\["127\.0\.0\.11","127\.0\.0\.12","127\.0\.0\.13"\]/,
          ),
        { timeoutMs: 30_000 },
      )
    } finally {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  })

  test('compiled code lies ready for both users: nothing of TypeScript is left to do at a start', async () => {
    for (const user of ['0', '65534']) {
      const child = inImage(user, ['/speaker', '--kubeconfig', '/nonexistent'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
      let text = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      await once(child, 'close')
      const retrieved = text.split('\n').filter((line) => line.includes('retrieving transpile cache'))
      assert.ok(retrieved.length > 50, text)
      assert.deepEqual(
        retrieved.filter((line) => !line.endsWith('success')),
        [],
        `user ${user}`,
      )
    }
  })

  test('has neither a shell nor npm, tests, headers nor development tools, and is small', () => {
    const files = execFileSync('find', ['.', '-type', 'f'], {
      cwd: join(image, library),
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
      .trim()
      .split('\n')
    const unwanted = files.filter((file) =>
      /\.test\.ts$|\.d\.ts$|\/typescript\/|\/eslint\/|\/fast-check\/|\/npm\/|node\.h$/.test(file),
    )
    assert.deepEqual(unwanted, [])
    assert.deepEqual(readdirSync(join(image, library, 'node_modules')).sort(), [
      '@holdfast',
      '@koromix',
      'chokidar',
      'commander',
      'koffi',
      'readdirp',
      'yaml',
      'zod',
    ])
    const bytes = files
      .filter((file) => file !== './bin/node')
      .reduce((sum, file) => sum + lstatSync(join(image, library, file)).size, 0)
    assert.ok(bytes < mostMiB * 1024 * 1024, `${(bytes / 1024 / 1024).toFixed(1)} MiB`)
  })
})
