// Brings a fresh clone to where `npm start` and `npm test` can run: installs what package-lock.json names, once.
// Runs on any Node from 20 on and needs nothing installed; the project itself then runs on the Node 24 that the
// lockfile brings.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stampFile = join(root, 'node_modules', '.holdfast-setup')
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.platform} ${process.arch}`)
  .digest('hex')

const isDone = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted

const fail = (what, why, todo) => {
  process.stderr.write(`holdfast: ${what}: ${why}\n  ${todo}\n`)
  process.exit(1)
}

if (!isDone()) {
  process.stderr.write('holdfast: installing what package-lock.json names (once, about half a minute) …\n')
  const command = process.env.npm_execpath
  const [file, prefix] = command?.endsWith('.js') ? [process.execPath, [command]] : ['npm', []]
  const install = spawnSync(
    file,
    [...prefix, 'ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, npm_config_update_notifier: 'false' },
    },
  )
  if (install.status !== 0) {
    const why =
      install.error?.message ?? `${install.stdout}${install.stderr}`.trim().split('\n').slice(0, 15).join('\n  ')
    fail('the installation failed', why, 'Check that this machine reaches an npm registry, then run the command again.')
  }
  const bundled = join(root, 'node_modules', '.bin', 'node')
  const node = existsSync(bundled) ? bundled : process.execPath
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  if (major < 24 || (major === 24 && minor < 12)) {
    fail(
      `Node ${version || '(none)'} is too old`,
      `no Node 24 comes from the registry for ${process.platform} on ${process.arch}`,
      'Install Node 24.12 or later on this machine, then run the command again.',
    )
  }
  writeFileSync(stampFile, wanted)
}
