import { accessSync, constants } from 'node:fs'
import { frrDaemons, labSkip } from '../harness/capability.ts'

export const birdProgram = '/usr/sbin/bird'

/** A program that speaks BFD with Holdfast. */
export interface PeerOptions {
  readonly name: string
  /** Of the section of its configuration that is about BFD. */
  readonly lines: readonly string[]
  /** False: it has no more right to a processor than others. True unless given. */
  readonly isAhead?: boolean
}

/** Lets a peer run before the tests that share its processors, so that a silence of it is one that was made. */
export const priority = (isAhead: boolean): readonly [string, ...string[]] =>
  isAhead ? ['chrt', '--rr', '10'] : ['env']

/** As `labSkip`, with the two other programs that speak BFD. */
export function bfdLabSkip(): string | false {
  const skip = labSkip()
  if (skip !== false) return skip
  const absent = [`${frrDaemons}/bfdd`, birdProgram].filter((file) => !isExecutable(file))
  if (absent.length === 0) return false
  const reason = `${absent.join(', ')} missing (packages frr and bird2)`
  if (process.env['CI'] === 'true') throw new Error(`the lab cannot run: ${reason}`)
  return reason
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
