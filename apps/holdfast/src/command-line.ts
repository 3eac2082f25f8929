import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { hostname } from 'node:os'
import type { Endpoint } from '@holdfast/net'
import { parseEndpoint } from './parse-endpoint.ts'
import { exitCode } from './exit-codes.ts'
import { controllerCommand, speakerCommand, withSubcommand } from './kubernetes/flags.ts'
import {
  drainCommand,
  explainCommand,
  lintCommand,
  statusCommand,
  supportCommand,
  undrainCommand,
} from './kubernetes/person-flags.ts'
import { version } from './version.ts'

interface StandaloneFlags {
  readonly node: readonly string[]
  readonly state?: string
  /** false with --no-listen. */
  readonly listen?: Endpoint | false
  readonly router?: Endpoint
  readonly socket?: string
  readonly record?: string
  readonly json?: true
}

interface PeersFlags {
  readonly socket?: string
  readonly output: 'text' | 'json'
  readonly json?: true
  readonly watch?: true
}

interface RouterFlags {
  readonly listen: Endpoint
  readonly asn: number
  readonly json?: true
}

/** Reads the command line, runs the subcommand to its end and returns the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let code: number = exitCode.ok
  const program = new Command('holdfast')
    .description('Gives Services their addresses and announces them to routers over BGP.')
    .version(version)
    // Beside the longest of the terms a terminal of 80 columns leaves less than the 40 that Commander wants before it wraps.
    .configureHelp({ minWidthToWrap: 20 })
    .exitOverride()
    .showHelpAfterError('Run with --help to see what it takes.')
  program
    .command('standalone')
    .description('allocate and announce from a directory of Kubernetes manifests, and follow its changes')
    .argument('<dir>', 'the directory; every .yaml, .yml and .json file below it is read')
    .addOption(
      new Option('--node <name>', 'which Node object this host is; several: one process speaks for all of them')
        .argParser((name: string, names: readonly string[]) => [...names, name])
        .default([], 'the host name'),
    )
    .option('--state <dir>', 'keep assignments, last good manifests and status files there')
    .option(
      '--listen <addr:port>',
      'accept sessions there (default: port 179 where that is possible)',
      endpointArgument,
    )
    .option('--no-listen', 'only dial')
    .option('--router <addr:port>', 'run the built-in router there, to try things with', endpointArgument)
    .option('--socket <path>', 'answer holdfast peers there (default: /run/holdfast/holdfast.sock, or HOLDFAST_SOCKET)')
    .option('--record <dir>', 'record every session into a file there, for holdfast replay')
    .option('--json', 'JSON lines, see docs/reference/output.md')
    .action(async (directory: string, flags: StandaloneFlags) => {
      const { runStandalone } = await import('./standalone/run.ts')
      code = await runStandalone({
        directory,
        nodes: flags.node.length > 0 ? [...new Set(flags.node)] : [hostname()],
        state: flags.state,
        listen: flags.listen === false ? 'none' : (flags.listen ?? 'default'),
        router: flags.router,
        socket: flags.socket,
        record: flags.record,
        json: flags.json === true,
      })
    })
  program
    .command('router')
    .description('accept BGP sessions from any neighbour and show what they announce')
    .requiredOption('--listen <addr:port>', 'where to listen', endpointArgument)
    .requiredOption('--asn <n>', 'own AS number, 1 to 4294967295', asnArgument)
    .option('--json', 'JSON lines, see docs/reference/output.md')
    .action(async (flags: RouterFlags) => {
      // Each subcommand loads only what it needs: a router has no use for YAML and schemas.
      const { runRouter } = await import('./router/run.ts')
      code = await runRouter({ listen: flags.listen, asn: flags.asn, json: flags.json === true })
    })
  program
    .command('peers')
    .description('show the sessions of the holdfast that runs on this host')
    .argument('[name]', 'only sessions of this BGPPeer, node or address, with everything that is known of them')
    .option('--socket <path>', 'where it answers (default: /run/holdfast/holdfast.sock, or HOLDFAST_SOCKET)')
    .addOption(new Option('-o, --output <format>', 'how').choices(['text', 'json']).default('text'))
    .option('--json', 'the same as -o json')
    .option('-w, --watch', 'again every second, until Ctrl-C')
    .action(async (name: string | undefined, flags: PeersFlags) => {
      const { runPeers } = await import('./peers/run.ts')
      code = await runPeers({
        name,
        socket: flags.socket,
        isJson: flags.json === true || flags.output === 'json',
        isWatching: flags.watch === true,
      })
    })
  program
    .command('replay')
    .description('repeat a recorded session and say where its outcome differs')
    .argument('<file>', 'a file that holdfast standalone --record made')
    .option('--json', 'one JSON object')
    .action(async (file: string, flags: { readonly json?: true }) => {
      const { runReplay } = await import('./replay/run.ts')
      code = await runReplay({ file, isJson: flags.json === true })
    })
  const clusterCommands = [
    controllerCommand(process.env, async (command) => {
      const { runController } = await import('./controller/run.ts')
      code = await runController(command)
    }),
    speakerCommand(process.env, async (command) => {
      const { runSpeaker } = await import('./speaker/run.ts')
      code = await runSpeaker(command)
    }),
    statusCommand(process.env, async (command) => {
      const { runOverview } = await import('./overview/run.ts')
      code = await runOverview(command)
    }),
    explainCommand(process.env, async (command) => {
      const { runExplain } = await import('./explain/run.ts')
      code = await runExplain(command)
    }),
    lintCommand(process.env, async (command) => {
      const { runLint } = await import('./lint/run.ts')
      code = await runLint(command)
    }),
    supportCommand(process.env, async (command) => {
      const { runSupport } = await import('./support/run.ts')
      code = await runSupport(command)
    }),
    ...[drainCommand, undrainCommand].map((make) =>
      make(process.env, async (command) => {
        const { runDrain } = await import('./node-drain/run.ts')
        code = await runDrain(command)
      }),
    ),
  ]
  for (const command of clusterCommands) program.addCommand(command.copyInheritedSettings(program))
  try {
    await program.parseAsync([...withSubcommand(argv, process.env)])
  } catch (error) {
    // Commander has already printed what is wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
    throw error
  }
  return code
}

function endpointArgument(text: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (!endpoint.ok) throw new InvalidArgumentError(`"${text}" ${endpoint.fault.message}.`)
  return endpoint.value
}

function asnArgument(text: string): number {
  const asn = Number(text)
  if (!/^\d{1,10}$/.test(text) || asn < 1 || asn > 4_294_967_295) {
    throw new InvalidArgumentError(`"${text}" is not an AS number: write a number from 1 to 4294967295.`)
  }
  return asn
}
