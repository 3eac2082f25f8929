import { exitCode } from '../exit-codes.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { atCluster, tellFailure } from '../kubernetes/person.ts'
import { endWithReader } from '../output/reader.ts'
import { forPerson } from '../output/text.ts'
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
  const { paths, bgpType, loadBalancerClass, namespace, isJson } = command
  if (paths.length > 0) return await lintFiles(command)
  return await atCluster(command, async ({ api }) => {
    const cluster = await readCluster(api, namespace)
    return show(lint({ ...cluster, isLive: true, bgpType, loadBalancerClass }), isJson)
  })
}

async function lintFiles({ paths, bgpType, loadBalancerClass, isJson }: LintCommand): Promise<number> {
  endWithReader()
  try {
    const { objects, findings } = await readFiles(paths)
    return show(lint({ objects, notRead: [], isLive: false, bgpType, loadBalancerClass }, findings), isJson)
  } catch (error) {
    return tellFailure(error)
  }
}

function show(report: LintReport, isJson: boolean): number {
  process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : forPerson((columns) => reportLines(report, columns)))
  return report.verdict === 'not ready' ? exitCode.differs : exitCode.ok
}
