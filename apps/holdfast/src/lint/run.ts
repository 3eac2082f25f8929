import { exitCode } from '../exit-codes.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { connect } from '../kubernetes/person.ts'
import { endWithReader } from '../output/reader.ts'
import { forPerson } from '../output/text.ts'
import { StartUpError } from '../start-up-error.ts'
import type { LintReport } from './lint.ts'
import { lint } from './lint.ts'
import { readCluster } from './read-cluster.ts'
import { readFiles } from './read-files.ts'
import { reportLines } from './text.ts'
import type { BgpType } from './world.ts'

export interface LintCommand extends PersonCommand {
  /** Manifests, and directories of them; none: the cluster. */
  readonly paths: readonly string[]
  readonly loadBalancerClass: string | undefined
  readonly bgpType: BgpType | undefined
}

/** `holdfast lint`: what will be otherwise when MetalLB is replaced. Returns the exit code. */
export async function runLint(command: LintCommand): Promise<number> {
  try {
    const report = command.paths.length > 0 ? await lintFiles(command) : await lintCluster(command)
    show(report, command.isJson)
    return report.verdict === 'not ready' ? exitCode.differs : exitCode.ok
  } catch (error) {
    if (!(error instanceof StartUpError)) throw error
    process.stderr.write(`holdfast: ${error.message}\n  ${error.remedy}\n`)
    return exitCode.startUp
  }
}

async function lintFiles({ paths, bgpType, loadBalancerClass }: LintCommand): Promise<LintReport> {
  endWithReader()
  const { objects, findings } = await readFiles(paths)
  return lint({ objects, notRead: [], isLive: false, bgpType, loadBalancerClass }, findings)
}

async function lintCluster(command: LintCommand): Promise<LintReport> {
  const { bgpType, loadBalancerClass, namespace } = command
  const api = await connect(command)
  try {
    return lint({ ...(await readCluster(api, namespace)), isLive: true, bgpType, loadBalancerClass })
  } finally {
    api.close()
  }
}

function show(report: LintReport, isJson: boolean): void {
  process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : forPerson((columns) => reportLines(report, columns)))
}
