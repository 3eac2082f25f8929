import type { Keep } from '@holdfast/cluster'
import { createKeeps, createSharing } from '@holdfast/cluster'
import { fieldsOf } from '../kubernetes/fields-at.ts'
import { announcedCondition } from './service-object.ts'

type Keeps = ReturnType<typeof createKeeps>

/**
 * What the controller keeps of the objects that it follows. Of a Service also the conditions of others: the list is written whole,
 * and theirs have to stay in it.
 */
export function controllerKeeps(): (kind: string) => Keep {
  const keeps = createKeeps()
  const table: ReadonlyMap<string, Keep> = new Map(Object.entries({ ...keeps, Service: withConditions(keeps.Service) }))
  return (kind) => table.get(kind) ?? ((object) => object)
}

function withConditions(keep: Keeps['Service']): Keep {
  const share = createSharing((text) => text)
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
