// The tree of the image, made by the Dockerfile's own steps in a directory, and started there as a container would be: chroot, nobody's user,
// a file system that cannot be written. There is no container engine here; what stays untested is
// what only an engine does (base images, layers).
import assert from 'node:assert/strict'
import type { ChildProcessByStdio } from 'node:child_process'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { Lockfile } from '../../tools/deploy/sbom.ts'
import { sbomOf } from '../../tools/deploy/sbom.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import { root } from './helm.ts'
import { assembleImage, library } from './image-tree.ts'

const skip = process.getuid?.() !== 0 && 'chroot needs root'

/** Without Node's own size, which the lockfile fixes. */
const mostMiB = 4

/** A session that needs what only koffi can do, in the thread of BFD and in the main one. Nobody listens there. */
const protectedSite = `
apiVersion: v1
kind: Node
metadata: { name: node-a }
---
apiVersion: v1
kind: Secret
type: kubernetes.io/basic-auth
metadata: { name: key, namespace: metallb-system }
stringData: { password: a-key-of-the-lab }
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: { name: fast, namespace: metallb-system }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: router, namespace: metallb-system }
spec:
  { myASN: 64512, peerASN: 64500, peerAddress: 127.0.0.1, peerPort: 1790, bfdProfile: fast, passwordSecret: { name: key } }
`

describe('the image', { skip }, () => {
  let folder = ''
  let image = ''

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
    image = assembleImage(folder)
    cpSync(join(root, 'examples/quickstart'), join(image, 'quickstart'), { recursive: true })
    mkdirSync(join(image, 'protected'))
    writeFileSync(join(image, 'protected/site.yaml'), protectedSite)
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

  test('BFD and TCP MD5, which call the system through koffi, work for nobody', async () => {
    const socket = '/run/holdfast.sock'
    const options = ['--node', 'node-a', '--no-listen', '--socket', socket, '--json']
    const child = inImage('65534', ['/usr/bin/holdfast', 'standalone', '/protected', ...options])
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const peers = (): string => {
      const inside = ['--target', String(child.pid), '--mount', '--net', 'chroot', '--userspec=65534:65534', image]
      const command = [...inside, '/usr/bin/holdfast', 'peers', '--output', 'json', '--socket', socket]
      return spawnSync('nsenter', command, { encoding: 'utf8', env: { PATH: process.env['PATH'] } }).stdout
    }
    try {
      await eventually(
        'BFD hears what it sends itself, and a connection with a key is on its way',
        peers,
        (answer) => {
          const [session] = Json.parse(answer).at('peers').list()
          assert.ok(session, text)
          assert.equal(session.at('bfd').at('state').text(), 'up')
          // Without a key the kernel would have refused at once.
          assert.match(session.at('reason').text(), /No answer yet; TCP MD5/)
        },
        { timeoutMs: 30_000 },
      )
    } finally {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  })

  test('compiled code lies ready for both users', async () => {
    for (const [user, program] of [
      ['0', 'speaker'],
      ['65534', 'controller'],
    ] as const) {
      const command = ['/usr/bin/holdfast', program, '--kubeconfig', '/nonexistent']
      const child = inImage(user, command, { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
      let text = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      await once(child, 'close')
      const said = text.split('\n')
      const looked = said.filter((line) => line.includes('reading cache from'))
      const taken = said.filter((line) => line.includes('was accepted'))
      assert.ok(looked.length > 10, text)
      assert.equal(taken.length, looked.length, `user ${user}\n${looked.join('\n')}`)
    }
  })

  test('is what the bill of materials says, with the licence of each', () => {
    const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile
    const listed = Json.parse(sbomOf(lockfile, { cpu: process.arch }))
      .at('components')
      .list()
      .map((one) => `${one.at('name').text()} ${one.at('version').text()}`)
    const licences = readFileSync(join(image, library, 'program/THIRD-PARTY-LICENSES.txt'), 'utf8')
    const bundled = [...licences.matchAll(/^(\S+ \d+\.\d+\.\d+) \([\w.-]+\)$/gm)].map(([, name]) => name)
    const beside = globSync('node_modules/{@*/,}*/package.json', { cwd: join(image, library) }).map((file) => {
      const described = Json.parse(readFileSync(join(image, library, file), 'utf8'))
      return `${described.at('name').text()} ${described.at('version').text()}`
    })
    const node = `node-linux-${process.arch} ${execFileSync(join(image, library, 'bin/node'), ['--version'], {
      encoding: 'utf8',
    })
      .trim()
      .slice(1)}`
    assert.deepEqual([...bundled, ...beside, node].sort(), [...listed].sort())
    for (const file of ['LICENSE', 'bin/LICENSE.node', 'node_modules/koffi/LICENSE.txt'])
      assert.ok(lstatSync(join(image, library, file)).size > 1000, file)
  })

  test('has Node, the bundle and koffi: no shell, no npm, no TypeScript, no tree of modules, and is small', () => {
    const files = execFileSync('find', ['.', '-type', 'f', '-not', '-path', './cache/*'], {
      cwd: join(image, library),
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
    const kinds = new Set(files.map((file) => file.replace(/^\.\/program\/[\w-]+\.mjs$/, 'program')))
    const native = `koffi-linux-${process.arch}`
    assert.deepEqual(
      [...kinds].sort(),
      [
        './LICENSE',
        './bin/LICENSE.node',
        './bin/node',
        `./node_modules/@koromix/${native}/index.js`,
        `./node_modules/@koromix/${native}/linux_${process.arch}/koffi.node`,
        `./node_modules/@koromix/${native}/package.json`,
        './node_modules/koffi/LICENSE.txt',
        './node_modules/koffi/index.cjs',
        './node_modules/koffi/package.json',
        './node_modules/koffi/src/koffi/index.cjs',
        './node_modules/koffi/src/koffi/src/static.cjs',
        './program/THIRD-PARTY-LICENSES.txt',
        'program',
      ].sort(),
    )
    const bytes = files
      .filter((file) => file !== './bin/node')
      .reduce((sum, file) => sum + lstatSync(join(image, library, file)).size, 0)
    assert.ok(bytes < mostMiB * 1024 * 1024, `${(bytes / 1024 / 1024).toFixed(1)} MiB`)
  })
})
