import { Command, Option } from 'commander'
import { hostname } from 'node:os'
import type { ClusterCommand, ControllerCommand, HttpCommand, LogLevel, SpeakerCommand } from './command.ts'
import type { Environment } from './flag-arguments.ts'
import {
  flag,
  isSet,
  levelArgument,
  podNamespace,
  portArgument,
  secondsArgument,
  shareArgument,
  withVariable,
} from './flag-arguments.ts'
import { cipherSuitesArgument, curvesArgument, tlsVersionArgument } from './tls-flags.ts'

/** Options that MetalLB's controller and speaker take and that mean nothing here, with why. */
export const meaningless: Readonly<Record<string, string>> = {
  'pprof-bind-address': 'there is no Go profiler',
  'ml-secret-name': 'nodes find each other without memberlist',
  'ml-bindaddr': 'nodes find each other without memberlist',
  'ml-bindport': 'nodes find each other without memberlist',
  'ml-labels': 'nodes find each other without memberlist',
  'ml-secret-key-path': 'nodes find each other without memberlist',
  'ml-wan-config': 'nodes find each other without memberlist',
  deployment: 'no object needs the Deployment as its owner',
  'disable-cert-rotation': 'there is no webhook: the API server checks objects by their schemas',
  'cert-dir': 'there is no webhook: the API server checks objects by their schemas',
  'cert-service-name': 'there is no webhook: the API server checks objects by their schemas',
  'webhook-mode': 'there is no webhook: the API server checks objects by their schemas',
  'webhook-secret': 'there is no webhook: the API server checks objects by their schemas',
  'webhook-http2': 'there is no webhook: the API server checks objects by their schemas',
  'bgp-debounce-timeout': 'changes are announced at once',
  'gratuitous-arp-interval': 'nothing is announced by layer 2',
  host: 'the address of a session follows from the route to its peer, or from sourceAddress',
  'frrk8s-namespace': 'no FRR is needed',
  'frrk8s-secret-passthrough': 'no FRR is needed',
}

/** Environment variables of MetalLB that mean nothing here. Those of its options are in `meaningless`. */
const meaninglessVariables: readonly string[] = ['METALLB_BGP_TYPE']

interface CommonFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace: string
  readonly lbClass?: string
  readonly logLevel: LogLevel
  readonly port: number
  readonly metricsCertDir?: string
  readonly tlsMinVersion: HttpCommand['tlsMinVersion']
  readonly tlsCipherSuites?: string
  readonly tlsCurvePreferences?: string
  readonly healthProbePort: number
  readonly healthHost?: string
}

interface ControllerFlags extends CommonFlags {
  readonly podName: string
  readonly onPoolLoss: ControllerCommand['onPoolLoss']
}

interface SpeakerFlags extends CommonFlags {
  readonly nodeName: string
  readonly podName?: string
  readonly ignoreExcludeLb: boolean
  readonly state?: string
  readonly listen?: string | false
  readonly socket?: string
  readonly record?: string
  readonly doubtShare: number
  readonly kubeProxyHealth: string
  readonly serviceStatuses: SpeakerCommand['serviceStatuses']
  readonly drainOnCordon: boolean
  readonly connectionSilence: number
}

/** `holdfast controller`, to be added to the program. `run` gets what the options and the environment come to. */
export function controllerCommand(
  environment: Environment,
  run: (command: ControllerCommand) => Promise<void>,
): Command {
  const command = common(new Command('controller'), environment)
    .description('give Services of a Kubernetes cluster their addresses')
    .addOption(withVariable(['--pod-name <name>', 'name of this replica'], environment, 'METALLB_POD_NAME', hostname()))
    .addOption(
      new Option('--on-pool-loss <way>', 'an address that no pool has any more is given up for another, or held')
        .choices(['Reassign', 'Hold'])
        .default('Reassign'),
    )
  return command.action(async (flags: ControllerFlags) => {
    await run({
      ...commonOf(flags, warningsOf(command, environment)),
      identity: flags.podName,
      onPoolLoss: flags.onPoolLoss,
    })
  })
}

/** `holdfast speaker`, to be added to the program. `run` gets what the options and the environment come to. */
export function speakerCommand(environment: Environment, run: (command: SpeakerCommand) => Promise<void>): Command {
  const command = common(new Command('speaker'), environment)
    .description('announce the addresses of a Kubernetes cluster from one of its nodes')
    .addOption(
      withVariable(['--node-name <name>', 'name of the Node object'], environment, 'METALLB_NODE_NAME', hostname()),
    )
    .addOption(withVariable(['--pod-name <name>', 'name of the pod'], environment, 'METALLB_POD_NAME', undefined))
    .addOption(flag('--ignore-exclude-lb', 'announce also from nodes labelled as excluded from load balancers'))
    .option('--state <dir>', 'keep the last known state there, so that a restart without an API server changes nothing')
    .option('--listen <addr:port>', 'accept sessions there (default: port 179 where that is possible)')
    .option('--no-listen', 'only dial')
    .option('--socket <path>', 'answer holdfast peers there (default: /run/holdfast/holdfast.sock, or HOLDFAST_SOCKET)')
    .option('--record <dir>', 'record every session into a file there, for holdfast replay')
    .addOption(
      new Option('--doubt-share <share>', 'a list that withdraws more than this share of the prefixes is read again')
        .argParser(shareArgument)
        .default(0.5),
    )
    .addOption(
      new Option('--kube-proxy-health <url>', 'announce once this answers 200: auto, none, or a URL').default('auto'),
    )
    .addOption(
      new Option('--service-statuses <which>', 'tell of each announced Service by a ServiceBGPStatus and an event')
        .choices(['all', 'none'])
        .default('all'),
    )
    .addOption(flag('--drain-on-cordon', 'a node that is cordoned is drained'))
    .addOption(
      new Option('--connection-silence <seconds>', 'a drain does not wait for connections without a packet for longer')
        .argParser(secondsArgument)
        .default(60),
    )
  return command.action(async (flags: SpeakerFlags) => {
    await run({ ...commonOf(flags, warningsOf(command, environment)), ...speakerOf(flags) })
  })
}

const speakerOf = (flags: SpeakerFlags): Omit<SpeakerCommand, keyof ClusterCommand> => ({
  node: flags.nodeName,
  pod: flags.podName,
  ignoreExcludeLB: flags.ignoreExcludeLb,
  state: flags.state,
  listen: listenOf(flags.listen),
  socket: flags.socket,
  record: flags.record,
  doubtShare: flags.doubtShare,
  kubeProxyHealth: flags.kubeProxyHealth,
  serviceStatuses: flags.serviceStatuses,
  drainOnCordon: flags.drainOnCordon,
  silenceSeconds: flags.connectionSilence,
})

function listenOf(listen: string | false | undefined): SpeakerCommand['listen'] {
  if (listen === false) return { kind: 'none' }
  return listen === undefined ? { kind: 'default' } : { kind: 'at', text: listen }
}

/**
 * The words of a command line (`process.argv`) as MetalLB's programs understand them: Go takes long options with one dash too. An image that was
 * swapped in MetalLB's manifests is started without a subcommand; what the manifest sets in the environment tells which.
 */
export function withSubcommand(argv: readonly string[], environment: Environment): readonly string[] {
  const [program, given] = [argv.slice(0, 2), argv.slice(2)]
  const [first] = given
  const isBare = first === undefined || (first.startsWith('-') && !isAskingForHelp(first))
  const implied = isBare ? impliedSubcommand(environment) : undefined
  const words = implied === undefined ? given : [implied, ...given]
  const isClusterProgram = words[0] === 'controller' || words[0] === 'speaker'
  return [...program, ...(isClusterProgram ? words.map(withTwoDashes) : words)]
}

const isAskingForHelp = (word: string | undefined): boolean =>
  word === '--help' || word === '-h' || word === '--version'

function impliedSubcommand(environment: Environment): 'controller' | 'speaker' | undefined {
  if (isSet(environment['METALLB_NODE_NAME'])) return 'speaker'
  // The chart without memberlist names the pod alone.
  const isController = isSet(environment['METALLB_DEPLOYMENT']) || isSet(environment['METALLB_POD_NAME'])
  return isController ? 'controller' : undefined
}

const withTwoDashes = (word: string): string => (/^-[a-z][a-z0-9-]+(?:=|$)/.test(word) ? `-${word}` : word)

function common(command: Command, environment: Environment): Command {
  command
    .option('--kubeconfig <file>', 'credentials (default: KUBECONFIG, the pod’s own, ~/.kube/config)')
    .option('--context <name>', 'a context of the kubeconfig')
    .addOption(
      withVariable(
        ['--namespace <name>', 'where pools, peers and Holdfast’s own objects live'],
        environment,
        'METALLB_NAMESPACE',
        podNamespace(environment) ?? 'metallb-system',
      ),
    )
    .option('--lb-class <class>', 'serve only Services of this loadBalancerClass (default: those that name none)')
    .addOption(
      new Option('--log-level <level>', 'all, debug, info, warn, error or none')
        .argParser(levelArgument)
        .default('info'),
    )
    .addOption(new Option('--port <port>', 'metrics over HTTPS; 0: none').argParser(portArgument).default(9120))
    .option(
      '--metrics-cert-dir <dir>',
      'where tls.crt and tls.key for the metrics lie (default: one of our own making)',
    )
    .addOption(
      new Option('--tls-min-version <version>', 'VersionTLS12 or VersionTLS13')
        .argParser(tlsVersionArgument)
        .default('TLSv1.3', 'VersionTLS13'),
    )
    .addOption(
      new Option('--tls-cipher-suites <list>', 'of TLS 1.2, separated by commas').argParser(cipherSuitesArgument),
    )
    .addOption(new Option('--tls-curve-preferences <list>', 'separated by commas').argParser(curvesArgument))
    .addOption(
      new Option('--health-probe-port <port>', 'health and readiness; 0: none').argParser(portArgument).default(17472),
    )
    // As in MetalLB, whose manifest has the controller asked at the pod's address, and the speaker, which has the node's, at its loopback.
    .addOption(
      command.name() === 'speaker'
        ? new Option('--health-host <address>', 'where health is served').default('127.0.0.1')
        : new Option('--health-host <address>', 'where health is served (default: at every address)'),
    )
  for (const name of Object.keys(meaningless)) command.addOption(new Option(`--${name} [value]`).hideHelp())
  return command
}

const commonOf = (flags: CommonFlags, warnings: readonly string[]): ClusterCommand => ({
  kubeconfig: flags.kubeconfig,
  context: flags.context,
  namespace: flags.namespace,
  loadBalancerClass: isSet(flags.lbClass) ? flags.lbClass : undefined,
  logLevel: flags.logLevel,
  http: {
    metricsPort: flags.port,
    metricsCertificates: isSet(flags.metricsCertDir) ? flags.metricsCertDir : undefined,
    tlsMinVersion: flags.tlsMinVersion,
    tlsCipherSuites: flags.tlsCipherSuites,
    tlsCurves: flags.tlsCurvePreferences,
    healthPort: flags.healthProbePort,
    healthHost: flags.healthHost,
  },
  warnings,
})

function warningsOf(command: Command, environment: Environment): readonly string[] {
  const given = Object.keys(meaningless).filter((name) => command.getOptionValueSource(camelCase(name)) === 'cli')
  return [
    ...given.map((name) => `--${name} has no effect: ${meaningless[name] ?? ''}`),
    ...meaninglessVariables
      .filter((name) => isSet(environment[name]))
      .map((name) => `${name} has no effect: Holdfast has one BGP engine, which does what all of MetalLB's do`),
  ]
}

/** As commander names the value of an option: `ml-bindaddr` is `mlBindaddr`. */
const camelCase = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
