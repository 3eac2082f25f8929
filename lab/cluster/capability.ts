import { spawnSync } from 'node:child_process'
import type { ProgramName } from './binaries.ts'
import { clusterPrograms, locate } from './binaries.ts'

/**
 * What `skip` of a suite with a cluster is set to: false where its programs are there or can be built, else what is missing
 * and how to get it. Under CI that is a failure, so that a run that proves nothing cannot pass.
 */
export function clusterSkip(...more: readonly ProgramName[]): string | false {
  const reason = whatIsMissing([...clusterPrograms, ...more])
  if (reason === undefined) return false
  if (process.env['CI'] === 'true') throw new Error(`the cluster lab cannot run: ${reason}`)
  return reason
}

/** For each, an option that it answers, and the package that it is in. */
const tools = [
  { name: 'openssl', option: 'version', package: 'openssl' },
  { name: 'setpriv', option: '--version', package: 'util-linux' },
  { name: 'flock', option: '--version', package: 'util-linux' },
  // Every lab asks it for leftovers of others.
  { name: 'ip', option: '-V', package: 'iproute2' },
] as const

function whatIsMissing(programs: readonly ProgramName[]): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux'
  const absent = tools.find(({ name, option }) => spawnSync(name, [option]).status !== 0)
  if (absent !== undefined) return `${absent.name} missing (package ${absent.package})`
  const missing = programs.map((name) => locate(name)).find((location) => location.kind === 'missing')
  return missing?.reason
}
