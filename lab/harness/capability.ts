import { accessSync, constants } from 'node:fs'
import { spawnSync } from 'node:child_process'

export const frrDaemons = '/usr/lib/frr'

/**
 * What `skip` of a lab suite is set to: false where everything is there, else the reason. Under CI a missing tool is
 * a failure, so that a run that proves nothing cannot pass.
 */
export function labSkip(): string | false {
  const reason = whatIsMissing()
  if (reason === undefined) return false
  if (process.env['CI'] === 'true') throw new Error(`the lab cannot run: ${reason}`)
  return reason
}

function whatIsMissing(): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux network namespaces'
  if (process.getuid?.() !== 0) return 'the lab makes network namespaces, which needs root'
  if (spawnSync('ip', ['netns', 'list']).status !== 0) return '"ip netns" does not work here (package iproute2)'
  const absent = [`${frrDaemons}/zebra`, `${frrDaemons}/bgpd`, '/usr/bin/vtysh'].filter((file) => !isExecutable(file))
  return absent.length === 0 ? undefined : `${absent.join(', ')} missing (package frr)`
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
