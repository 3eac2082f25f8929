import type { Keep, KubeObject } from '@holdfast/cluster'
import { createKeeps } from '@holdfast/cluster'
import type { AddressBlockSpec } from '@holdfast/ipam'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { withKnownSpec } from './block-object.ts'
import { announcedCondition } from './service-object.ts'
import { createSharedTexts } from './share-once.ts'

type Keeps = ReturnType<typeof createKeeps>

/**
 * What the controller keeps of the objects that it follows. Of a Service also the conditions of others: the list is written whole,
 * and theirs have to stay in it. `knownSpec` is what is known of a block already.
 */
export function controllerKeeps(
  knownSpec: (block: string) => AddressBlockSpec | undefined = () => undefined,
): (kind: string) => Keep {
  const keeps = createKeeps()
  const table: ReadonlyMap<string, Keep> = new Map(
    Object.entries({
      ...keeps,
      Service: withConditions(keeps.Service),
      AddressBlock: (object: KubeObject) => withKnownSpec(keeps.AddressBlock(object), knownSpec(object.metadata.name)),
    }),
  )
  return (kind) => table.get(kind) ?? ((object) => object)
}

function withConditions(keep: Keeps['Service']): Keep {
  const share = createSharedTexts()
  return (object) => {
    const { conditions } = fieldsOf(object['status'])
    const kept = keep(object)
    if (!Array.isArray(conditions) || conditions.length === 0) return kept
    const shared = conditions.map((condition: unknown) => withSharedTexts(condition, share))
    return { ...kept, status: { ...fieldsOf(kept['status']), conditions: shared } }
  }
}

/** Which texts of a condition many Services have in common. Who has which address is said of one alone. */
const sharedFields = ['type', 'reason', 'lastTransitionTime'] as const

function withSharedTexts(condition: unknown, share: (text: string) => string): unknown {
  const fields = fieldsOf(condition)
  const names = fields['type'] === announcedCondition ? [...sharedFields, 'message'] : sharedFields
  const shared = names.flatMap((name) => {
    const text = fields[name]
    return typeof text === 'string' ? [[name, share(text)] as const] : []
  })
  return shared.length === 0 ? condition : { ...fields, ...Object.fromEntries(shared) }
}
