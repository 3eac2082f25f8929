import { spawnSync } from 'node:child_process'

/** As `labSkip`, for suites that need a network namespace and no router. */
export function namespaceSkip(): string | false {
  const reason = whatIsMissing()
  if (reason === undefined) return false
  if (process.env['CI'] === 'true') throw new Error(`the lab cannot run: ${reason}`)
  return reason
}

function whatIsMissing(): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux network namespaces'
  if (process.getuid?.() !== 0) return 'the lab makes network namespaces, which needs root'
  return spawnSync('ip', ['netns', 'list']).status === 0
    ? undefined
    : '"ip netns" does not work here (package iproute2)'
}
