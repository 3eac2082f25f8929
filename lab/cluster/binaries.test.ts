// Where programs come from, with a Go that is a shell script: what it "builds" says how often it was asked to.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { locate } from './binaries.ts'
import { clusterSkip } from './capability.ts'
import { kubernetesVersion } from './go-programs.ts'

const program = join(import.meta.dirname, 'build-main.ts')

/** Downloads, answers and builds as go does, as far as we look; leaves its go.mod beside itself. */
const go = `#!/bin/sh
here=$(dirname "$0")
case "$1 $2" in
  'mod download') echo '{"GoMod": "theirs"}' ;;
  'mod edit') echo '{"Go": "1.26.0", "Replace": null, "Require": [
      {"Path": "k8s.io/api", "Version": "v0.0.0"}, {"Path": "golang.org/x/net", "Version": "v0.49.0"}]}' ;;
  build*)
    [ -e "$here/fail" ] && { echo 'no such package' >&2; exit 1; }
    cp go.mod "$here/go.mod.seen"
    echo build >> "$here/builds"
    while [ "$1" != -o ]; do shift; done
    mkdir "$2"; into=$2; shift 2
    for package; do echo '#!/bin/sh' > "$into/\${package##*/}"; chmod +x "$into/\${package##*/}"; done ;;
esac
`

describe('programs of the cluster lab', { skip: clusterSkip() }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-binaries-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const folder = (name: string): string => {
    mkdirSync(join(directory, name), { recursive: true })
    return join(directory, name)
  }
  const executable = (file: string, text: string): void => {
    writeFileSync(file, text)
    chmodSync(file, 0o755)
  }
  /** A machine whose Go is the script. */
  const machine = (name: string) => {
    const bin = folder(`${name}/bin`)
    executable(join(bin, 'go'), go)
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOLDFAST_CACHE: join(directory, name) }
    return { bin, env, cache: join(directory, name, 'holdfast', `kubernetes-${kubernetesVersion}`) }
  }
  const build = (env: Readonly<Record<string, string>>, ...names: readonly string[]) =>
    new Promise<{ readonly code: number | null; readonly text: string }>((resolve) => {
      const child = spawn(process.execPath, [program, ...names], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let text = ''
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
      child.on('close', (code) => resolve({ code, text }))
    })

  test('what KUBEBUILDER_ASSETS has comes from there, and the rest is built', () => {
    const assets = folder('assets')
    executable(join(assets, 'kubectl'), '')
    const { env, cache } = machine('given')
    const given = { ...env, KUBEBUILDER_ASSETS: assets }
    assert.deepEqual(locate('kubectl', given), { kind: 'found', path: join(assets, 'kubectl') })
    assert.deepEqual(locate('kube-proxy', given), { kind: 'buildable', path: join(cache, 'kube-proxy') })
  })

  test('processes that want the same at once build it once, and leave nothing else', async () => {
    const { bin, env, cache } = machine('crowd')
    const results = await Promise.all([1, 2, 3].map(() => build(env, 'kubectl', 'kube-proxy')))
    for (const { code, text } of results) assert.equal(code, 0, text)
    assert.equal(readFileSync(join(bin, 'builds'), 'utf8'), 'build\n')
    assert.deepEqual(readdirSync(cache).sort(), ['.lock', 'kube-proxy', 'kubectl'])
  })

  test('the modules that Kubernetes publishes from its staging folder get the versions that go with it', async () => {
    const { bin, env } = machine('staging')
    await build(env, 'kubectl')
    const staging = kubernetesVersion.replace(/^\d+/, 'v0')
    const expected = [
      'module holdfast.dev/lab',
      'go 1.26.0',
      `require k8s.io/kubernetes v${kubernetesVersion}`,
      `replace k8s.io/api => k8s.io/api ${staging}`,
    ]
    assert.deepEqual(readFileSync(join(bin, 'go.mod.seen'), 'utf8').trimEnd().split('\n'), expected)
  })

  test('a build that fails leaves nothing, says why, and is done again', async () => {
    const { bin, env, cache } = machine('failing')
    writeFileSync(join(bin, 'fail'), '')
    const failed = await build(env, 'kubectl')
    assert.equal(failed.code, 1)
    assert.match(failed.text, /no such package/)
    assert.deepEqual(readdirSync(cache), ['.lock'])
    rmSync(join(bin, 'fail'))
    assert.equal((await build(env, 'kubectl')).code, 0)
  })
})
