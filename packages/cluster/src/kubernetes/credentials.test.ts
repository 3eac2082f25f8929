import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { createVirtualClock } from '@holdfast/runtime'
import { createTestAuthority } from '../testing/fake-kube-server.ts'
import { temporaryDirectory } from '../testing/temporary.ts'
import type { CredentialsFault, CredentialsResult, Credentials } from './credentials-types.ts'
import { loadCredentials, type CredentialsOptions } from './credentials.ts'

const authority = createTestAuthority('authority')
const base64 = (text: string): string => Buffer.from(text).toString('base64')

interface Entry {
  readonly cluster?: Readonly<Record<string, unknown>>
  readonly user?: Readonly<Record<string, unknown>>
  readonly namespace?: string
}

/** A kubeconfig with one entry of each kind, named `name`. JSON is YAML. */
const kubeconfig = (name: string, { cluster = {}, user = {}, namespace }: Entry = {}): string =>
  JSON.stringify({
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    clusters: [{ name, cluster: { server: 'https://192.0.2.1:6443', ...cluster } }],
    users: [{ name, user }],
  })

const load = async (options: Partial<CredentialsOptions>): Promise<CredentialsResult<Credentials>> =>
  await loadCredentials({
    clock: createVirtualClock(1000),
    wallNowMs: () => Date.parse('2026-01-01T00:00:00Z'),
    env: {},
    homeDirectory: '/nonexistent',
    ...options,
  })

function good(result: CredentialsResult<Credentials>): Credentials {
  if (result.kind === 'fault') assert.fail(`${result.reason}. ${result.remedy}`)
  return result.value
}

function refused(result: CredentialsResult<Credentials>, pattern: RegExp): CredentialsFault {
  if (result.kind === 'ok') assert.fail('not refused')
  assert.match(result.reason, pattern)
  assert.notEqual(result.remedy, '')
  return result
}

async function tokenOf(credentials: Credentials): Promise<string | undefined> {
  const access = await credentials.access()
  if (access.kind === 'fault') assert.fail(access.reason)
  return access.value.token?.reveal()
}

/** A file in a directory of the test's own. */
function fileIn(test: TestContext): (name: string, text: string) => string {
  const directory = temporaryDirectory(test)
  return (name, text) => {
    const path = join(directory, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
    return path
  }
}

/** The one entry's credentials. */
async function loadEntry(test: TestContext, entry: Entry): Promise<CredentialsResult<Credentials>> {
  return await load({ kubeconfig: fileIn(test)('config', kubeconfig('one', entry)) })
}

function serviceAccountIn(test: TestContext): Partial<CredentialsOptions> {
  const file = fileIn(test)
  const serviceAccountDirectory = join(file('sa/token', 'pod-token\n'), '..')
  file('sa/ca.crt', authority.certificate)
  file('sa/namespace', 'holdfast-system')
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  return { env, serviceAccountDirectory }
}

test('the file that was named counts first, then KUBECONFIG, the pod, the file in the home directory', async (t) => {
  const file = fileIn(t)
  const [named, fromEnv] = [file('named', kubeconfig('named')), file('env', kubeconfig('env'))]
  const homeDirectory = join(file('home/.kube/config', kubeconfig('home')), '..', '..')
  const pod = serviceAccountIn(t)
  const env = { ...pod.env, KUBECONFIG: fromEnv }
  const all = { ...pod, env, homeDirectory }
  const origins = [
    await load({ ...all, kubeconfig: named }),
    await load(all),
    await load({ ...all, ...pod }),
    await load({ homeDirectory }),
  ].map((result) => good(result).origin)
  assert.deepEqual(origins, [
    `${named}, context "named"`,
    `${fromEnv}, context "env"`,
    'the service account of this pod',
    `${join(homeDirectory, '.kube', 'config')}, context "home"`,
  ])
  refused(await load({}), /KUBECONFIG is not set, this is no pod/)
})

test('a pod has its token, its namespace and a server that may have an IPv6 address', async (t) => {
  const credentials = good(await load(serviceAccountIn(t)))
  assert.deepEqual(credentials.server, { host: 'fd00::1', port: 443, basePath: '' })
  assert.equal(credentials.namespace, 'holdfast-system')
  assert.equal(await tokenOf(credentials), 'pod-token')
})

test('a pod without a mounted token is told what to do', async (t) => {
  const serviceAccountDirectory = temporaryDirectory(t)
  const fault = refused(await load({ ...serviceAccountIn(t), serviceAccountDirectory }), /cannot be read/)
  assert.match(fault.remedy, /automountServiceAccountToken/)
})

test('several files are one: the first that names a thing counts, and files that are not there are skipped', async (t) => {
  const file = fileIn(t)
  const first = file('first', JSON.stringify({ clusters: [{ name: 'b', cluster: { server: 'https://first' } }] }))
  const second = file('second', kubeconfig('b', { user: { token: 't' }, namespace: 'n' }))
  const third = file('third', kubeconfig('c'))
  const env = { KUBECONFIG: [first, '', '/nonexistent/config', second, third].join(':') }
  const credentials = good(await load({ env }))
  assert.deepEqual(credentials.server, { host: 'first', port: 443, basePath: '' })
  assert.deepEqual([await tokenOf(credentials), credentials.namespace], ['t', 'n'])
  assert.deepEqual(good(await load({ env, context: 'c' })).server.host, '192.0.2.1')
  refused(await load({ env, context: 'd' }), /no context "d"/)
  refused(await load({ env: { KUBECONFIG: '/nonexistent/config' } }), /does not exist/)
})

const servers: readonly (readonly [string, readonly [string, number, string]])[] = [
  ['https://192.0.2.1:6443', ['192.0.2.1', 6443, '']],
  ['https://[2001:db8::1]:6443/', ['2001:db8::1', 6443, '']],
  ['https://api.example.com/k8s/clusters/c-1/', ['api.example.com', 443, '/k8s/clusters/c-1']],
  ['192.0.2.1:6443', ['192.0.2.1', 6443, '']],
]
for (const [server, [host, port, basePath]] of servers) {
  test(`the server ${server} is understood`, async (t) => {
    const credentials = good(await loadEntry(t, { cluster: { server } }))
    assert.deepEqual(credentials.server, { host, port, basePath })
  })
}

const refusals: readonly (readonly [string, Entry, RegExp])[] = [
  ['no server', { cluster: { server: '' } }, /has no server/],
  ['a server over http', { cluster: { server: 'http://192.0.2.1' } }, /http:\/\/, which shows tokens/],
  ['a password in the server', { cluster: { server: 'https://a:canary@192.0.2.1' } }, /holds a user or a password/],
  ['no URL', { cluster: { server: 'https://canary canary' } }, /no URL/],
  ['a proxy', { cluster: { 'proxy-url': 'http://canary@proxy' } }, /asks for a proxy/],
  [
    'an authority that is not to be asked',
    { cluster: { 'insecure-skip-tls-verify': true, 'certificate-authority-data': base64('x') } },
    /authority and insecure-skip-tls-verify/,
  ],
  [
    'an authority that is no PEM',
    {
      cluster: {
        'certificate-authority-data': base64('-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----'),
      },
    },
    /not valid PEM/,
  ],
  ['a file that is not there', { cluster: { 'certificate-authority': 'nowhere.crt' } }, /nowhere\.crt cannot be read/],
  ['a username', { user: { username: 'canary', password: 'canary' } }, /username and password/],
  ['an auth-provider', { user: { 'auth-provider': { name: 'oidc', config: { canary: 'canary' } } } }, /auth-provider/],
  ['impersonation', { user: { as: 'somebody' } }, /acts as somebody else/],
  ['a certificate without its key', { user: { 'client-certificate-data': base64('canary') } }, /has no client-key/],
  [
    'a key of another certificate',
    {
      user: {
        'client-certificate-data': base64(authority.client('one').certificate),
        'client-key-data': base64(authority.client('two').key),
      },
    },
    /not that of the certificate/,
  ],
  [
    'an exec version of the future',
    { user: { exec: { command: 'x', apiVersion: 'client.authentication.k8s.io/v9' } } },
    /does not/,
  ],
  [
    'an exec plugin for people',
    { user: { exec: { command: 'x', apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Always' } } },
    /talk to a person/,
  ],
  [
    'an exec plugin that is not there',
    { user: { exec: { command: 'nowhere-plugin', args: ['canary'], apiVersion: 'client.authentication.k8s.io/v1' } } },
    /"nowhere-plugin" is not installed/,
  ],
]
for (const [what, entry, pattern] of refusals) {
  test(`a kubeconfig with ${what} is refused with its reason, and nothing secret in it`, async (t) => {
    const fault = refused(await loadEntry(t, entry), pattern)
    assert.ok(!inspect(fault).includes('canary'), inspect(fault))
  })
}

test('a kubeconfig is read as kubectl writes it, in JSON, and in YAML that begins like JSON', async (t) => {
  const block = `
apiVersion: v1
kind: Config
current-context: one
contexts:
- context: { cluster: one, user: one, namespace: shop }
  name: one
clusters:
- cluster:
    server: https://192.0.2.1:6443
  name: one
users:
- name: one
  user:
    token: a-token
`
  const json = kubeconfig('one', { user: { token: 'a-token' }, namespace: 'shop' })
  const flow = json.replaceAll(/"([\w-]+)":/g, '$1: ')
  for (const text of [block, json, flow]) {
    const credentials = good(await load({ kubeconfig: fileIn(t)('config', text) }))
    assert.equal(await tokenOf(credentials), 'a-token', text)
    assert.equal(credentials.namespace, 'shop')
  }
})

test('a kubeconfig that is no YAML is refused by its line, of which nothing is repeated', async (t) => {
  const path = fileIn(t)('config', 'users:\n  - name: "a\n    token: canary\n')
  const fault = refused(await load({ kubeconfig: path }), /is no YAML at line \d/)
  assert.ok(!inspect(fault).includes('canary'))
})

test('a context that leads nowhere is refused, with what there is', async (t) => {
  const file = fileIn(t)
  const text = (context: object) =>
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context }],
      clusters: [{ name: 'lab', cluster: {} }],
    })
  refused(await load({ kubeconfig: file('a', '{}') }), /no current-context/)
  assert.match(
    refused(await load({ kubeconfig: file('b', text({ cluster: 'y' })) }), /the cluster "y"/).remedy,
    /"lab"/,
  )
  refused(await load({ kubeconfig: file('c', text({ cluster: 'lab', user: 'z' })) }), /the user "z"/)
})

test('files are looked for beside their kubeconfig, tokens in a file count before texts, data before files', async (t) => {
  const file = fileIn(t)
  file('deep/token', 'from-file\n')
  file('deep/ca.crt', 'not a certificate')
  const cluster = { 'certificate-authority': 'ca.crt', 'certificate-authority-data': base64(authority.certificate) }
  const user = { token: 'from-text', tokenFile: 'token' }
  const path = file('deep/config', kubeconfig('one', { cluster, user }))
  assert.equal(await tokenOf(good(await load({ kubeconfig: path }))), 'from-file')
})

test('a server that is not verified is warned of, and only that one', async (t) => {
  const insecure = good(await loadEntry(t, { cluster: { 'insecure-skip-tls-verify': true } }))
  assert.match(insecure.warnings.join(), /certificate is not verified/)
  const access = await insecure.access()
  assert.equal(access.kind === 'ok' && access.value.tls.isVerified, false)
  const secure = good(await loadEntry(t, {}))
  const verified = await secure.access()
  assert.deepEqual([secure.warnings, verified.kind === 'ok' && verified.value.tls.isVerified], [[], true])
})

test('nothing secret shows in credentials, however they are printed', async (t) => {
  const { certificate, key } = authority.client('one')
  const user = { token: 'canary', 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) }
  const credentials = good(await loadEntry(t, { user }))
  const shown = inspect([credentials, await credentials.access()], { depth: Infinity, showHidden: true })
  assert.ok(!shown.includes('canary') && !shown.includes('PRIVATE KEY'))
})

/** A plugin that counts its runs, and prints what `status` of them is. */
function pluginIn(
  test: TestContext,
  status: string,
): { readonly entry: Entry; readonly file: ReturnType<typeof fileIn> } {
  const file = fileIn(test)
  const script = file(
    'bin/plugin',
    `#!/bin/sh
set -e
cd "$(dirname "$0")"
echo run >> runs
printf '%s' "$KUBERNETES_EXEC_INFO" > info
runs=$(wc -l < runs | tr -d ' ')
test ! -e broken
echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":${status}}"
`,
  )
  chmodSync(script, 0o755)
  const exec = {
    command: script,
    args: ['canary'],
    env: [{ name: 'SECRET_OF_PLUGIN', value: 'canary' }],
    apiVersion: 'client.authentication.k8s.io/v1',
    provideClusterInfo: true,
  }
  return { entry: { user: { exec }, cluster: { 'certificate-authority-data': base64(authority.certificate) } }, file }
}

test('a plugin is run once until its token expires, or is refused', async (t) => {
  const clock = createVirtualClock(1000)
  const status =
    '{\\"token\\":\\"canary-$runs-$SECRET_OF_PLUGIN\\",\\"expirationTimestamp\\":\\"2026-01-01T00:10:00Z\\"}'
  const { entry, file } = pluginIn(t, status)
  const path = file('config', kubeconfig('one', entry))
  const credentials = good(await load({ kubeconfig: path, clock, env: process.env }))
  assert.deepEqual(await Promise.all([tokenOf(credentials), tokenOf(credentials)]), Array(2).fill('canary-1-canary'))
  clock.advance(580_000)
  assert.equal(await tokenOf(credentials), 'canary-1-canary')
  clock.advance(15_000)
  assert.equal(await tokenOf(credentials), 'canary-2-canary')
  const access = await credentials.access()
  assert.ok(access.kind === 'ok')
  credentials.renew(access.value)
  assert.equal(await tokenOf(credentials), 'canary-3-canary')
  // Refused before the third was issued: nothing to be renewed.
  credentials.renew(access.value)
  assert.equal(await tokenOf(credentials), 'canary-3-canary')
  const info: unknown = JSON.parse((await import('node:fs')).readFileSync(join(path, '..', 'bin', 'info'), 'utf8'))
  const cluster = {
    server: 'https://192.0.2.1:6443',
    'certificate-authority-data': base64(authority.certificate.trim()),
  }
  assert.deepEqual(info, {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, cluster },
  })
  file('bin/broken', '')
  clock.advance(700_000)
  const broken = await credentials.access()
  assert.equal(broken.kind, 'fault')
  assert.match(inspect(broken), /ended with status 1/)
  assert.ok(!inspect(broken).includes('canary'))
})

test('a plugin that prints something else is refused, and what it printed is not repeated', async (t) => {
  for (const status of ['{}', '{\\"clientCertificateData\\":\\"canary\\"}', 'canary']) {
    const { entry, file } = pluginIn(t, status)
    const fault = refused(
      await load({ kubeconfig: file('config', kubeconfig('one', entry)), env: process.env }),
      /printed/,
    )
    assert.ok(!inspect(fault).includes('canary'))
  }
})

test('a client certificate is read again when its files are replaced, and kept when they do not belong together', async (t) => {
  const clock = createVirtualClock(1000)
  const file = fileIn(t)
  const write = (name: string): void => {
    file('client.crt', authority.client(name).certificate)
    file('client.key', authority.client(name).key)
  }
  write('one')
  const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' }
  const credentials = good(await load({ kubeconfig: file('config', kubeconfig('one', { user })), clock }))
  const tls = async () => {
    const access = await credentials.access()
    if (access.kind === 'fault') assert.fail(access.reason)
    return access.value.tls
  }
  const first = await tls()
  write('one')
  clock.advance(61_000)
  assert.equal(await tls(), first)
  write('two')
  clock.advance(61_000)
  const second = await tls()
  assert.notEqual(second, first)
  // Halfway through the next replacement the last pair that belongs together stays.
  file('client.key', authority.client('one').key)
  clock.advance(61_000)
  assert.equal(await tls(), second)
})
