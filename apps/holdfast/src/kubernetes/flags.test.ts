import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import type { ControllerCommand, SpeakerCommand } from './command.ts'
import { podNamespace, type Environment } from './flag-arguments.ts'
import { controllerCommand, speakerCommand, withSubcommand } from './flags.ts'

type Understood =
  | { readonly program: 'controller'; readonly command: ControllerCommand }
  | { readonly program: 'speaker'; readonly command: SpeakerCommand }

/** What a command line comes to, or commander's complaint about it. */
async function understood(words: readonly string[], environment: Environment = {}): Promise<Understood | string> {
  let result: Understood | undefined
  const keepQuiet = { writeErr: () => undefined, writeOut: () => undefined }
  const quietly = (command: Command): Command => command.exitOverride().configureOutput(keepQuiet)
  const program = quietly(new Command('holdfast'))
  const keep = (one: Understood): Promise<void> => {
    result = one
    return Promise.resolve()
  }
  program.addCommand(quietly(controllerCommand(environment, (command) => keep({ program: 'controller', command }))))
  program.addCommand(quietly(speakerCommand(environment, (command) => keep({ program: 'speaker', command }))))
  try {
    await program.parseAsync([...withSubcommand(['node', 'holdfast', ...words], environment)])
  } catch (error) {
    if (error instanceof CommanderError) return error.message
    throw error
  }
  assert.ok(result)
  return result
}

async function speaker(words: readonly string[], environment: Environment = {}): Promise<SpeakerCommand> {
  const result = await understood(['speaker', ...words], environment)
  assert.ok(typeof result !== 'string' && result.program === 'speaker')
  return result.command
}

/** The environment and arguments of the speaker in MetalLB 0.16's native manifest, and of its controller. */
const metallbSpeaker = {
  args: ['--port=9120', '--log-level=info'],
  environment: {
    METALLB_NODE_NAME: 'worker-1',
    METALLB_POD_NAME: 'speaker-x7k2p',
    METALLB_HOST: '10.0.0.11',
    METALLB_ML_BIND_ADDR: '10.0.0.11',
    METALLB_ML_LABELS: 'app=metallb,component=speaker',
    METALLB_ML_SECRET_KEY_PATH: '/etc/ml_secret_key',
    METALLB_BGP_TYPE: 'native',
  },
}
const metallbController = {
  args: ['--port=9120', '--log-level=debug', '--tls-min-version=VersionTLS13'],
  environment: {
    METALLB_ML_SECRET_NAME: 'memberlist',
    METALLB_DEPLOYMENT: 'controller',
    METALLB_NAMESPACE: 'lb',
    METALLB_BGP_TYPE: 'native',
  },
}

test("MetalLB's speaker manifest starts a speaker, its image swapped", async () => {
  const result = await understood(metallbSpeaker.args, metallbSpeaker.environment)
  assert.ok(typeof result !== 'string' && result.program === 'speaker')
  const { command } = result
  assert.equal(command.node, 'worker-1')
  assert.equal(command.pod, 'speaker-x7k2p')
  assert.equal(command.namespace, 'metallb-system')
  assert.equal(command.http.metricsPort, 9120)
  assert.deepEqual(command.warnings, [
    "METALLB_BGP_TYPE has no effect: Holdfast has one BGP engine, which does what all of MetalLB's do",
  ])
})

test("MetalLB's controller manifest starts a controller, its image swapped", async () => {
  const result = await understood(metallbController.args, metallbController.environment)
  assert.ok(typeof result !== 'string' && result.program === 'controller')
  assert.equal(result.command.namespace, 'lb')
  assert.equal(result.command.logLevel, 'debug')
  assert.equal(result.command.onPoolLoss, 'Reassign')
})

test('health is served where the probes of MetalLB’s manifests ask for it', async () => {
  const controller = await understood(metallbController.args, metallbController.environment)
  assert.ok(typeof controller !== 'string')
  assert.equal(controller.command.http.healthHost, undefined)
  assert.equal((await speaker([])).http.healthHost, '127.0.0.1')
  assert.equal((await speaker(['--health-host=10.0.0.1'])).http.healthHost, '10.0.0.1')
})

test('MetalLB’s chart without memberlist, which names nothing but the pod, starts a controller', async () => {
  const result = await understood(['--port=9120'], { METALLB_POD_NAME: 'metallb-controller-5d8f' })
  assert.ok(typeof result !== 'string' && result.program === 'controller')
  assert.equal(result.command.identity, 'metallb-controller-5d8f')
})

test('without METALLB_NAMESPACE a pod looks into its own namespace', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-flags-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'namespace'), 'networking\n')
  const inPod = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
  assert.equal(podNamespace(inPod, join(folder, 'namespace')), 'networking')
  assert.equal(podNamespace({}, join(folder, 'namespace')), undefined)
  assert.equal(podNamespace(inPod, join(folder, 'nothing')), undefined)
})

test('without MetalLB’s environment a subcommand has to be named', () => {
  assert.deepEqual(withSubcommand(['node', 'holdfast', '--port=1'], {}), ['node', 'holdfast', '--port=1'])
  assert.deepEqual(withSubcommand(['node', 'holdfast', '--version'], metallbSpeaker.environment), [
    'node',
    'holdfast',
    '--version',
  ])
  assert.deepEqual(withSubcommand(['node', 'holdfast', 'peers', '-o', 'json'], metallbSpeaker.environment), [
    'node',
    'holdfast',
    'peers',
    '-o',
    'json',
  ])
})

test('options that mean nothing here are taken, and told', async () => {
  const { warnings } = await speaker([
    '--ml-bindport=7946',
    '--pprof-bind-address',
    '127.0.0.1:6060',
    '--frrk8s-namespace=x',
  ])
  assert.deepEqual(warnings, [
    '--pprof-bind-address has no effect: there is no Go profiler',
    '--ml-bindport has no effect: nodes find each other without memberlist',
    '--frrk8s-namespace has no effect: no FRR is needed',
  ])
})

test('options are written as Go takes them', async () => {
  const one = await speaker(['-log-level=all', '-ignore-exclude-lb', '-port', '0'])
  assert.equal(one.logLevel, 'debug')
  assert.equal(one.ignoreExcludeLB, true)
  assert.equal(one.http.metricsPort, 0)
  assert.equal((await speaker(['--ignore-exclude-lb=false'])).ignoreExcludeLB, false)
  assert.equal((await speaker(['--ignore-exclude-lb=T'])).ignoreExcludeLB, true)
  assert.equal((await speaker([])).ignoreExcludeLB, false)
})

test('an option outweighs the environment, and an empty variable is none', async () => {
  assert.equal((await speaker(['--node-name', 'a'], { METALLB_NODE_NAME: 'b' })).node, 'a')
  assert.equal((await speaker([], { METALLB_NAMESPACE: '' })).namespace, 'metallb-system')
  assert.equal((await speaker(['--lb-class='])).loadBalancerClass, undefined)
  assert.equal((await speaker(['--lb-class', 'example.com/bgp'])).loadBalancerClass, 'example.com/bgp')
})

test('where to listen', async () => {
  assert.deepEqual((await speaker([])).listen, { kind: 'default' })
  assert.deepEqual((await speaker(['--no-listen'])).listen, { kind: 'none' })
  assert.deepEqual((await speaker(['--listen', '[::]:1790'])).listen, { kind: 'at', text: '[::]:1790' })
})

test('TLS by the names of Go', async () => {
  const { http } = await speaker([
    '--tls-min-version=VersionTLS12',
    '--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    '--tls-curve-preferences=29,CurveP256',
  ])
  assert.equal(http.tlsMinVersion, 'TLSv1.2')
  assert.equal(http.tlsCipherSuites, 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384')
  assert.equal(http.tlsCurves, 'X25519:prime256v1')
})

const refused: readonly (readonly [words: readonly string[], complaint: RegExp])[] = [
  [['--port=70000'], /"70000" is not a port/],
  [['--log-level=loud'], /"loud" is no level: write all, debug/],
  [['--doubt-share=2'], /"2" is not a share/],
  [['--service-statuses=some'], /Allowed choices are all, none/],
  [['--connection-silence=1m'], /"1m" is no time/],
  [['--ignore-exclude-lb=maybe'], /"maybe" is neither true nor false/],
  [['--tls-min-version=VersionTLS10'], /"VersionTLS10" is no TLS version that is served/],
  [['--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA'], /"TLS_RSA_WITH_RC4_128_SHA" is no cipher suite that is served/],
  [['--nonsense'], /unknown option '--nonsense'/],
]
for (const [words, complaint] of refused) {
  test(`${words.join(' ')} is refused`, async () => {
    const result = await understood(['speaker', ...words])
    assert.ok(typeof result === 'string')
    assert.match(result, complaint)
  })
}
