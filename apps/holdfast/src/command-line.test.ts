import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { freePort } from './testing/free-port.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const program = join(root, 'node_modules', '.bin', 'holdfast')

let runs = 0

/** A run of the real program: what it printed, and how to wait for it. */
class Run {
  readonly child: ChildProcessWithoutNullStreams
  stdout = ''
  stderr = ''
  readonly ended: Promise<number | null>

  constructor(t: TestContext, args: readonly string[]) {
    // Each process answers at a place of its own, which is gone with it.
    const socket = join(tmpdir(), `holdfast-cli-${process.pid}-${(runs += 1)}.sock`)
    const child = spawn(program, args, { cwd: root, stdio: 'pipe', env: { ...process.env, HOLDFAST_SOCKET: socket } })
    t.after(() => rm(socket, { force: true }))
    this.child = child
    child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.ended = once(child, 'close').then(([code]) => code as number | null)
    t.after(() => child.kill('SIGKILL'))
  }

  lines(): readonly Record<string, unknown>[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1)
    return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
  }

  /** Waits for the output to be so; says what there was instead. */
  async until(what: string, condition: () => boolean): Promise<void> {
    for (let left = 800; !condition(); left -= 1) {
      assert.ok(left > 0 && this.child.exitCode === null, `${what}: ${this.stdout}${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

/** A directory that is gone after the test. */
async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-cli-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The quick start's manifests on a port that is free now, so that tests can run beside a quick start. */
async function quickStart(t: TestContext): Promise<{ readonly manifests: string; readonly port: number }> {
  const port = await freePort()
  const manifests = await directory(t)
  await cp(join(root, 'examples', 'quickstart'), manifests, { recursive: true })
  const peers = join(manifests, 'config', 'peers.yaml')
  await writeFile(peers, (await readFile(peers, 'utf8')).replaceAll('1790', String(port)))
  return { manifests, port }
}

const nodes = ['--node', 'node-a', '--node', 'node-b', '--node', 'node-c']

test('the quick start establishes three sessions, follows an edit, keeps its state and withdraws on SIGTERM', async (t) => {
  const { manifests, port } = await quickStart(t)
  const state = join(await directory(t), 'state')
  const args = [
    'standalone',
    manifests,
    ...nodes,
    '--router',
    `127.0.0.1:${port}`,
    '--no-listen',
    '--state',
    state,
    '--json',
  ]
  const run = new Run(t, args)
  const nextHops = (prefix: string): unknown =>
    run.lines().findLast((line) => line['event'] === 'route' && line['prefix'] === prefix)?.['nextHops']
  await run.until(
    'three sessions',
    () => run.lines().filter(({ event, state: to }) => event === 'session' && to === 'established').length === 3,
  )
  await run.until('the routes', () => JSON.stringify(nextHops('192.0.2.1/32')) === '["127.0.0.11","127.0.0.12"]')
  const dns = join(manifests, 'services', 'dns.yaml')
  const before = await readFile(dns, 'utf8')
  await writeFile(dns, before.replace(/(nodeName: node-b\n\s+conditions: \{ ready: )true/, '$1false'))
  await run.until('the edit shows', () => JSON.stringify(nextHops('192.0.2.1/32')) === '["127.0.0.11"]')
  run.child.kill('SIGTERM')
  assert.equal(await run.ended, 0)
  assert.deepEqual(run.lines().at(-1)?.['event'], 'stopped')
  assert.ok(
    run.lines().every((line) => typeof line['event'] === 'string' && !Number.isNaN(Date.parse(String(line['time'])))),
  )
  assert.equal(run.stderr, '')
  assert.match(await readFile(join(state, 'services', 'infra_dns.yaml'), 'utf8'), /ip: 192\.0\.2\.1/)
  assert.deepEqual((await readdir(join(state, 'nodes'))).sort(), ['node-a.yaml', 'node-b.yaml', 'node-c.yaml'])

  const again = new Run(t, args)
  await again.until(
    'sessions again',
    () => again.lines().filter(({ event, state: to }) => event === 'session' && to === 'established').length === 3,
  )
  assert.deepEqual(
    again.lines().filter(({ event }) => event === 'service'),
    [],
    'a restart gives nobody another address',
  )
  again.child.kill('SIGINT')
  assert.equal(await again.ended, 0)
})

test('in a pipe the output is plain lines without any control character', async (t) => {
  const { manifests, port } = await quickStart(t)
  const run = new Run(t, ['standalone', manifests, ...nodes, '--router', `127.0.0.1:${port}`, '--no-listen'])
  await run.until('a session', () => run.stdout.includes('Established'))
  await run.until('what to try', () => run.stdout.includes('services/dns.yaml, line'))
  run.child.kill('SIGINT')
  assert.equal(await run.ended, 0)
  assert.doesNotMatch(run.stdout, /[\u0000-\u0009\u000b-\u001f\u007f]/)
})

test('a router of its own shows what a speaker announces', async (t) => {
  const { manifests, port } = await quickStart(t)
  const router = new Run(t, ['router', '--listen', `127.0.0.1:${port}`, '--asn', '64500', '--json'])
  await router.until('the router listens', () => router.lines().some(({ event }) => event === 'listening'))
  const speaker = new Run(t, ['standalone', manifests, '--node', 'node-c', '--no-listen', '--json'])
  await router.until('a route', () =>
    router.lines().some(({ event, prefix }) => event === 'route' && prefix === '192.0.2.2/32'),
  )
  // kill -9: the kernel closes the connection, and nothing that was learned over it stays.
  speaker.child.kill('SIGKILL')
  await router.until('it is gone', () =>
    router
      .lines()
      .some(
        ({ event, prefix, nextHops }) =>
          event === 'route' && prefix === '192.0.2.2/32' && JSON.stringify(nextHops) === '[]',
      ),
  )
  router.child.kill('SIGINT')
  assert.equal(await router.ended, 0)
})

const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['no subcommand', [], 2, /Usage: holdfast/],
  ['an unknown subcommand', ['stand'], 2, /unknown command/],
  ['an unknown option', ['standalone', '.', '--frobnicate'], 2, /unknown option '--frobnicate'/],
  ['no directory', ['standalone'], 2, /missing required argument 'dir'/],
  ['an address without a port', ['router', '--listen', '127.0.0.1', '--asn', '1'], 2, /not ADDRESS:PORT/],
  ['AS 0', ['router', '--listen', '127.0.0.1:0', '--asn', '0'], 2, /not an AS number/],
  ['AS 4294967296', ['router', '--listen', '127.0.0.1:0', '--asn', '4294967296'], 2, /not an AS number/],
  [
    'a directory that is not there',
    ['standalone', '/nonexistent/manifests', '--no-listen'],
    3,
    /^holdfast: cannot read the directory \/nonexistent\/manifests: it is not there\n {2}Name a directory with the manifests/m,
  ],
  [
    'an address that is not this host’s',
    ['router', '--listen', '192.0.2.1:1790', '--asn', '1'],
    3,
    /192\.0\.2\.1 is not on this machine/,
  ],
  [
    'a state directory among the manifests',
    ['standalone', 'examples', '--state', 'examples/state', '--no-listen'],
    3,
    /lies in the manifest directory/,
  ],
  [
    'a router that no BGPPeer points at',
    ['standalone', 'examples/quickstart', '--router', '127.0.0.1:1', '--no-listen'],
    3,
    /no BGPPeer has the peerAddress/,
  ],
]
for (const [name, args, code, message] of refused) {
  test(`${name} ends with exit code ${code} and says why`, async (t) => {
    const run = new Run(t, args)
    assert.equal(await run.ended, code)
    assert.match(run.stderr, message)
    assert.doesNotMatch(run.stderr, /at .*\.ts:\d+/, 'a user’s mistake has no stack')
  })
}

test('a restart amid invalid and contradicting manifests moves no address and loses no route', async (t) => {
  const { manifests, port } = await quickStart(t)
  const state = join(await directory(t), 'state')
  const args = [
    'standalone',
    manifests,
    ...nodes,
    '--router',
    `127.0.0.1:${port}`,
    '--no-listen',
    '--state',
    state,
    '--json',
  ]
  const prefixes = ['192.0.2.1/32', '192.0.2.2/32', '198.51.100.10/32', '2001:db8:10::10/128']
  const hasAllRoutes = (run: Run): boolean =>
    prefixes.every((one) => run.lines().some(({ event, prefix }) => event === 'route' && prefix === one))
  const first = new Run(t, args)
  await first.until('all routes', () => hasAllRoutes(first))
  // No route waits for the disk.
  const files = filesIn(manifests, '.yaml')
  await first.until('every manifest is kept', () => filesIn(join(state, 'last-good'), '.last-good') === files)

  const edit = async (file: string, from: string, to: string): Promise<void> => {
    const path = join(manifests, file)
    const text = await readFile(path, 'utf8')
    assert.ok(text.includes(from), `${file} has ${from}`)
    await writeFile(path, text.replace(from, to))
  }
  await edit('config/pools.yaml', '192.0.2.0/27', '192.0.2.0/99')
  await edit('config/peers.yaml', 'myASN: 64512', 'myASN: banana')
  await edit('services/web.yaml', 'PreferDualStack', 'Prefer')
  const newcomer = (name: string, addresses: string): string =>
    `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: { name: ${name}, namespace: metallb-system }\nspec: { addresses: [${addresses}] }\n`
  await writeFile(join(manifests, 'config', 'aaa.yaml'), newcomer('internal', '203.0.113.0/24'))
  await writeFile(join(manifests, 'config', 'bbb.yaml'), newcomer('aaa', '192.0.2.0/30'))
  await first.until(
    'the faults',
    () => new Set(first.lines().map(({ event, file }) => (event === 'fault' ? file : ''))).size > 5,
  )
  first.child.kill('SIGKILL')
  await first.ended

  const again = new Run(t, args)
  await again.until('all routes again', () => hasAllRoutes(again))
  assert.deepEqual(
    again.lines().filter(({ event }) => event === 'service'),
    [],
    'nobody gained or lost an address',
  )
  const faulty = again.lines().flatMap(({ event, code }) => (event === 'fault' ? [String(code)] : []))
  assert.ok(faulty.length >= 5, 'and every fault is told again')
  again.child.kill('SIGTERM')
  assert.equal(await again.ended, 0)
})

const filesIn = (path: string, suffix: string): number =>
  existsSync(path) ? readdirSync(path, { recursive: true }).filter((name) => String(name).endsWith(suffix)).length : 0

test('a reader that goes away or stops reading costs neither routes nor the end of the program', async (t) => {
  const { manifests, port } = await quickStart(t)
  const router = new Run(t, ['router', '--listen', `127.0.0.1:${port}`, '--asn', '64500', '--json'])
  await router.until('the router listens', () => router.lines().some(({ event }) => event === 'listening'))
  const speaker = new Run(t, ['standalone', manifests, '--node', 'node-c', '--no-listen', '--json'])
  const nextHops = (): unknown =>
    router.lines().findLast(({ event, prefix }) => event === 'route' && prefix === '192.0.2.2/32')?.['nextHops']
  await router.until('a route', () => JSON.stringify(nextHops()) === '["127.0.0.13"]')
  speaker.child.stdout.destroy()
  // A change makes it speak, which it now does into the void; the route comes and goes all the same.
  const web = join(manifests, 'services', 'web.yaml')
  const text = await readFile(web, 'utf8')
  await writeFile(web, text.replaceAll('ready: true', 'ready: false'))
  await router.until('the withdrawal', () => JSON.stringify(nextHops()) === '[]')
  await writeFile(web, text)
  await router.until('the route again', () => JSON.stringify(nextHops()) === '["127.0.0.13"]')
  assert.match(speaker.stderr, /standard output is gone/)
  speaker.child.kill('SIGTERM')
  assert.equal(await speaker.ended, 0)
})

const isSpeakerListening = ({ event, purpose }: Record<string, unknown>): boolean =>
  event === 'listening' && purpose === 'speaker'

test('without --listen and --no-listen it listens on port 179 where that is possible, and dials either way', async (t) => {
  const { manifests } = await quickStart(t)
  const run = new Run(t, ['standalone', manifests, '--node', 'node-a', '--json'])
  await run.until('the listener is told of', () => run.lines().some(isSpeakerListening))
  const listening = run.lines().find(isSpeakerListening)
  assert.match(String(listening?.['address']), /:179$/)
  await run.until('it plans', () => run.lines().some(({ event }) => event === 'announced'))
  run.child.kill('SIGTERM')
  assert.equal(await run.ended, 0)
})

test('two programs do not share a state directory', async (t) => {
  const { manifests } = await quickStart(t)
  const state = await directory(t)
  const first = new Run(t, ['standalone', manifests, '--state', state, '--no-listen', '--json'])
  await first.until('it runs', () => first.lines().some(({ event }) => event === 'service'))
  const second = new Run(t, ['standalone', manifests, '--state', state, '--no-listen'])
  assert.equal(await second.ended, 3)
  assert.match(second.stderr, new RegExp(`in use by process ${first.child.pid ?? 0} `))
})

test('--help and --version end with 0', async (t) => {
  const help = new Run(t, ['standalone', '--help'])
  assert.equal(await help.ended, 0)
  assert.match(help.stdout, /--no-listen/)
  const version = new Run(t, ['--version'])
  assert.equal(await version.ended, 0)
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
})

test('--help wraps its descriptions between words', async (t) => {
  const help = new Run(t, ['--help'])
  assert.equal(await help.ended, 0)
  const wide = help.stdout.split('\n').filter((line) => line.length > 80)
  assert.deepEqual(wide, [])
})

test('peers takes --json as well as -o json', async (t) => {
  for (const way of [['--json'], ['-o', 'json']]) {
    const peers = new Run(t, ['peers', ...way])
    assert.equal(await peers.ended, 3)
    assert.match(peers.stderr, /no holdfast|HOLDFAST_SOCKET|--socket/)
  }
})
