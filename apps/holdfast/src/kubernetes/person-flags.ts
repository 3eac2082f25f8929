import { Command, InvalidArgumentError, Option } from 'commander'
import type { DrainCommand } from '../node-drain/run.ts'
import type { ExplainCommand } from '../explain/run.ts'
import type { LintCommand } from '../lint/run.ts'
import type { OverviewCommand } from '../overview/run.ts'
import type { SupportCommand } from '../support/run.ts'
import type { Environment } from './flag-arguments.ts'
import { flag, withVariable } from './flag-arguments.ts'
import type { PersonCommand } from './person.ts'

interface PersonFlags {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace: string
  readonly output: 'text' | 'json'
}

interface ClassFlags extends PersonFlags {
  readonly lbClass?: string
  readonly ignoreExcludeLb?: boolean
}

interface LintFlags extends ClassFlags {
  readonly bgpType?: 'native' | 'frr' | 'frr-k8s'
}

interface SupportFlags extends Omit<ClassFlags, 'output'> {
  readonly output: string
  readonly logs: boolean
  readonly anonymize?: true
}

interface DrainFlags extends PersonFlags {
  readonly reason?: string
  readonly wait?: true
  readonly timeout?: number
}

type Run<C> = (command: C) => Promise<void>

/** `holdfast status`. */
export const statusCommand = (environment: Environment, run: Run<OverviewCommand>): Command =>
  forPersons(new Command('status'), environment)
    .description('show nodes, sessions, Services and pools of a cluster at a glance')
    .option('--lb-class <class>', 'Services of this loadBalancerClass (default: those that name none)')
    .action((flags: ClassFlags) => run({ ...personOf(flags), loadBalancerClass: flags.lbClass }))

/** `holdfast explain service NAMESPACE/NAME`. */
export const explainCommand = (environment: Environment, run: Run<ExplainCommand>): Command =>
  forPersons(new Command('explain'), environment)
    .description('say for every node and router why a Service is announced, or why not')
    .addArgument(new Command().createArgument('<kind>', 'service').choices(['service', 'svc']))
    .argument('<namespace/name>', 'which', serviceArgument)
    .option('--lb-class <class>', 'the loadBalancerClass that Holdfast was started with')
    .addOption(flag('--ignore-exclude-lb', 'as the speakers were started'))
    .action((_: string, service: readonly [string, string], flags: ClassFlags) =>
      run({
        ...personOf(flags),
        serviceNamespace: service[0],
        serviceName: service[1],
        loadBalancerClass: flags.lbClass,
        ignoreExcludeLB: flags.ignoreExcludeLb === true,
      }),
    )

/** `holdfast lint [DIR|FILE]…`. */
export const lintCommand = (environment: Environment, run: Run<LintCommand>): Command =>
  forPersons(new Command('lint'), environment)
    .description('say what will be otherwise when MetalLB is replaced, with a verdict')
    .argument('[dir|file...]', 'manifests (default: the cluster)')
    .option('--lb-class <class>', 'what Holdfast is to serve (default: what MetalLB serves)')
    .addOption(
      new Option('--bgp-type <type>', 'MetalLB’s BGP back-end (default: what its speaker says)').choices([
        'native',
        'frr',
        'frr-k8s',
      ]),
    )
    .action((paths: readonly string[], flags: LintFlags) =>
      run({ ...personOf(flags), paths, loadBalancerClass: flags.lbClass, bgpType: flags.bgpType }),
    )

/** `holdfast support`. */
export const supportCommand = (environment: Environment, run: Run<SupportCommand>): Command =>
  inCluster(new Command('support'), environment)
    .description('write a bundle of what somebody needs to help, without secrets')
    .option('-o, --output <file>', 'where to', 'holdfast-support.json.gz')
    .option('--lb-class <class>', 'the loadBalancerClass that Holdfast was started with')
    .addOption(flag('--ignore-exclude-lb', 'as the speakers were started'))
    .option('--no-logs', 'without the logs of the pods')
    .option('--anonymize', 'names and addresses replaced, each by the same one everywhere')
    .action((flags: SupportFlags) =>
      run({
        ...personOf({ ...flags, output: 'text' }),
        file: flags.output,
        loadBalancerClass: flags.lbClass,
        ignoreExcludeLB: flags.ignoreExcludeLb === true,
        hasLogs: flags.logs,
        isAnonymous: flags.anonymize === true,
      }),
    )

/** `holdfast drain NODE`. */
export const drainCommand = (environment: Environment, run: Run<DrainCommand>): Command =>
  draining(new Command('drain'), environment, { isUndrain: false, run })
    .description(
      'have a node leave: its routers prefer others, then its routes are withdrawn, the last announcer stays',
    )
    .option('--reason <text>', 'kept in the NodeState for others to read')

/** `holdfast undrain NODE`. */
export const undrainCommand = (environment: Environment, run: Run<DrainCommand>): Command =>
  draining(new Command('undrain'), environment, { isUndrain: true, run }).description('have a node announce again')

function draining(
  command: Command,
  environment: Environment,
  { isUndrain, run }: { readonly isUndrain: boolean; readonly run: Run<DrainCommand> },
): Command {
  return forPersons(command, environment)
    .argument('<node>', 'name of the Node')
    .option('--wait', isUndrain ? 'until it announces' : 'until it is safe to reboot')
    .addOption(new Option('--timeout <seconds>', 'with --wait: give up after so long').argParser(secondsArgument))
    .action((node: string, flags: DrainFlags) => {
      if (flags.timeout !== undefined && flags.wait !== true) {
        command.error('error: --timeout is for --wait, which is not there', { code: 'holdfast.timeoutWithoutWait' })
      }
      return run({
        ...personOf(flags),
        node,
        isUndrain,
        reason: flags.reason,
        isWaiting: flags.wait === true,
        timeoutMs: flags.timeout === undefined ? undefined : flags.timeout * 1000,
      })
    })
}

const forPersons = (command: Command, environment: Environment): Command =>
  inCluster(command, environment).addOption(
    new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'),
  )

const inCluster = (command: Command, environment: Environment): Command =>
  command
    .option('--kubeconfig <file>', 'credentials (default: KUBECONFIG, else ~/.kube/config)')
    .option('--context <name>', 'a context of the kubeconfig')
    .addOption(
      withVariable(
        ['-n, --namespace <name>', 'where Holdfast lives'],
        environment,
        'METALLB_NAMESPACE',
        'metallb-system',
      ),
    )

const personOf = ({ kubeconfig, context, namespace, output }: PersonFlags): PersonCommand => ({
  kubeconfig,
  context,
  namespace,
  isJson: output === 'json',
})

function serviceArgument(text: string): readonly [namespace: string, name: string] {
  const [namespace, name, ...rest] = text.split('/')
  if (name === undefined) return ['default', namespace ?? '']
  if (rest.length === 0 && namespace !== undefined && namespace !== '' && name !== '') return [namespace, name]
  throw new InvalidArgumentError(`"${text}" names no Service: write NAMESPACE/NAME.`)
}

function secondsArgument(text: string): number {
  const seconds = Number(text.replace(/s$/, ''))
  if (/^\d+(?:\.\d+)?s?$/.test(text) && seconds > 0) return seconds
  throw new InvalidArgumentError(`"${text}" is no time: write seconds, such as 300.`)
}
