import type { HttpApi } from '@holdfast/cluster'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { exitCode } from '../exit-codes.ts'
import type { PersonCommand } from '../kubernetes/person.ts'
import { atCluster } from '../kubernetes/person.ts'
import { forPerson, item, wrap } from '../output/text.ts'
import { StartUpError } from '../start-up-error.ts'
import { version } from '../version.ts'
import { anonymized } from './anonymize.ts'
import type { Bundle } from './bundle.ts'
import { bundleOf, contentsOf } from './bundle.ts'
import { collect } from './read-cluster.ts'

export interface SupportCommand extends PersonCommand {
  /** Where the bundle goes: JSON, compressed with gzip. `json`: to standard output, as it is. */
  readonly file: string
  readonly loadBalancerClass: string | undefined
  readonly ignoreExcludeLB: boolean
  /** Whether the logs of the pods are wanted. */
  readonly hasLogs: boolean
  /** Whether names and addresses are replaced. */
  readonly isAnonymous: boolean
}

/** `-o json` prints one object, as with every other command; a file of that name is `./json`. */
const asText = 'json'

/** `holdfast support`: a bundle of what somebody needs to help. Returns the exit code. */
export const runSupport = (command: SupportCommand): Promise<number> =>
  atCluster(command, async ({ api }) => {
    const bundle = await gather(api, command)
    if (command.file === asText) process.stdout.write(`${JSON.stringify(bundle)}\n`)
    else {
      await save(command.file, bundle)
      process.stdout.write(summary(command, bundle))
    }
    return exitCode.ok
  })

async function gather(api: HttpApi, command: SupportCommand): Promise<Bundle> {
  const { namespace, loadBalancerClass, ignoreExcludeLB, hasLogs, isAnonymous } = command
  const collected = await collect(api, namespace, hasLogs ? api : undefined)
  const time = new Date().toISOString()
  const bundle = bundleOf(collected, { version, time, namespace, loadBalancerClass, ignoreExcludeLB })
  // The key is nowhere kept: what was replaced cannot be worked out again.
  return isAnonymous ? (anonymized(bundle, randomBytes(32)) as Bundle) : bundle
}

/** Readable by its owner alone: there are no secrets in it, but the whole network plan is. */
async function save(file: string, bundle: Bundle): Promise<void> {
  const bytes = await promisify(gzip)(JSON.stringify(bundle))
  try {
    await writeFile(file, bytes, { mode: 0o600 })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new StartUpError(`cannot write ${file}: ${message}`, 'Name another file with --output.')
  }
}

function summary({ file, isAnonymous }: SupportCommand, bundle: Bundle): string {
  const unread = [...new Set([...bundle.notRead, ...bundle.lint.notRead].filter(isForbidden).map(textOf))]
  const replaced = isAnonymous ? ' replaced' : ''
  return forPerson((columns) => [
    file,
    ...contentsOf(bundle).map((line) => `  ${line}`),
    ...(unread.length === 0 ? [] : item('  not shown to you:', unread.join(', '), columns, 0)),
    ...wrap(
      `No passwords, Secrets or ConfigMaps are in it; names and addresses of your network are${replaced}.`,
      columns,
      0,
    ),
    `Read it with: zcat ${file} | less`,
  ])
}

const isForbidden = ({ reason }: Bundle['notRead'][number]): boolean => reason === 'forbidden'
const textOf = ({ resource }: Bundle['notRead'][number]): string => resource
