import type { KubeObject } from '@holdfast/cluster'
import { resourceTypes } from '@holdfast/cluster'
import { objectKeyOf } from '../kubernetes/object-key.ts'
import { readingOf } from './known-blocks.ts'
import type { Round } from './round.ts'

/** Whether the pools are those that the plan was made from. Status writes do not count: they leave the generation as it is. */
export async function arePoolsCurrent({ options, pools, result }: Round): Promise<boolean> {
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

/** Whether the Service is the version that the plan was made from. */
export async function isCurrent({ options, services }: Round, key: string): Promise<boolean> {
  const answer = await options.api.get(resourceTypes.Service, objectKeyOf(key))
  const reading = readingOf(answer)
  return reading !== undefined && reading.object?.metadata.resourceVersion === services.get(key)?.resourceVersion
}
