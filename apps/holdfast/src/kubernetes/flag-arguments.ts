import { InvalidArgumentError, Option } from 'commander'
import { readFileSync } from 'node:fs'
import type { LogLevel } from './command.ts'

/** The environment variables of the process. */
export type Environment = Readonly<Record<string, string | undefined>>

export const isSet = (text: string | undefined): text is string => text !== undefined && text !== ''

/** An option whose default the environment gives, as MetalLB's manifests set it; an empty variable is none. */
export function withVariable(
  [flags, description]: readonly [flags: string, description: string],
  environment: Environment,
  variable: string,
  fallback: string | undefined,
): Option {
  const option = new Option(flags, description)
  const value = environment[variable]
  const shown = fallback === undefined ? variable : `${variable}, else ${fallback}`
  return option.default(isSet(value) ? value : fallback, shown)
}

/** Where kubelet tells a pod its namespace. */
const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

/** The namespace of the pod that we run in, which MetalLB's manifests rely on; undefined: this is no pod, or it has no service account. */
export function podNamespace(environment: Environment, file = namespaceFile): string | undefined {
  if (!isSet(environment['KUBERNETES_SERVICE_HOST'])) return undefined
  try {
    const name = readFileSync(file, 'utf8').trim()
    return name === '' ? undefined : name
  } catch {
    return undefined
  }
}

/** An option that is on or off, and may be written as Go's are: `--name`, `--name=true`, `--name=false`. */
export const flag = (name: string, description: string): Option =>
  new Option(`${name} [true|false]`, description).argParser(booleanArgument).default(false, 'off')

function booleanArgument(text: string | true): boolean {
  if (text === true || /^(?:1|t|true)$/i.test(text)) return true
  if (/^(?:0|f|false)$/i.test(text)) return false
  throw new InvalidArgumentError(`"${text}" is neither true nor false.`)
}

export function portArgument(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError(`"${text}" is not a port: write a number from 0 to 65535.`)
}

export function shareArgument(text: string): number {
  const share = Number(text)
  if (/^\d*\.?\d+$/.test(text) && share <= 1) return share
  throw new InvalidArgumentError(`"${text}" is not a share: write a number from 0 to 1, such as 0.5.`)
}

/** Whole seconds. */
export function secondsArgument(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`"${text}" is no time: write a number of seconds, such as 60.`)
}

const levels: Readonly<Record<string, LogLevel>> = {
  all: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  none: 'none',
}

export function levelArgument(text: string): LogLevel {
  const level = Object.hasOwn(levels, text) ? levels[text] : undefined
  if (level !== undefined) return level
  throw new InvalidArgumentError(`"${text}" is no level: write ${Object.keys(levels).join(', ')}.`)
}
