import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { blockNameOf } from './block-phase.ts'
import { readingOf } from './known-blocks.ts'
import type { Round } from './round.ts'
import type { ServiceView } from './service-object.ts'

/** Whether an address may be taken from a Service that names it. */
export type Assurance = (view: ServiceView, leaving: readonly string[]) => Promise<boolean>

/**
 * Nothing is taken from a Service on hearsay. What is followed can be late; so before a status loses an address, the pools are asked
 * for once a round, and where others hold the same address, they too. Where the answer is not what the plan was made from, the
 * write waits for what is followed to catch up; so it does where a block has turned out, since, to be other than the plan had it.
 */
export function createAssurance(round: Round): Assurance {
  let pools: Promise<boolean> | undefined
  return async (view, leaving) => {
    if (round.memory.blocks.isForeign()) return false
    pools ??= arePoolsCurrent(round)
    if (!(await pools)) return false
    for (const key of sharers(round, view, leaving)) if (!(await isCurrent(round, key))) return false
    return true
  }
}

/** Status writes do not count: they leave the generation as it is. */
async function arePoolsCurrent({ options, pools, result }: Round): Promise<boolean> {
  const known = new Map([...pools].map((pool) => [pool.metadata.name, identityOf(pool)]))
  let rest: string | undefined
  do {
    const answer = await options.api.list(resourceTypes.IPAddressPool, {
      namespace: options.rules.namespace,
      ...(rest === undefined ? {} : { continue: rest }),
    })
    if (answer.kind === 'fault') {
      // A server that has just started can say for a while that it does not know the kind: that is no reason to take anything.
      if (answer.code !== 'notFound') result.cut ??= answer
      return false
    }
    for (const pool of answer.value.items) {
      if (known.get(pool.metadata.name) !== identityOf(pool)) return false
      known.delete(pool.metadata.name)
    }
    rest = answer.value.continue
  } while (rest !== undefined)
  return known.size === 0
}

const identityOf = ({ metadata }: KubeObject): string => `${metadata.uid ?? ''} ${metadata.generation ?? ''}`

/** Keys of other Services that hold an address which the Service is to leave. */
function sharers({ memory }: Round, { uid }: ServiceView, leaving: readonly string[]): ReadonlySet<string> {
  const holders = leaving.flatMap((address) => {
    const name = blockNameOf(address)
    const addresses = name === undefined ? [] : (memory.blocks.get(name).spec?.addresses ?? [])
    return addresses.find((entry) => entry.address === address)?.holders ?? []
  })
  return new Set(holders.filter((holder) => holder.uid !== uid).map(({ namespace, name }) => `${namespace}/${name}`))
}

/** Whether the Service is the version that the plan was made from. */
async function isCurrent({ options, services }: Round, key: string): Promise<boolean> {
  const slash = key.indexOf('/')
  const answer = await options.api.get(resourceTypes.Service, {
    namespace: key.slice(0, slash),
    name: key.slice(slash + 1),
  })
  const reading = readingOf(answer)
  return reading !== undefined && reading.object?.metadata.resourceVersion === services.get(key)?.resourceVersion
}
