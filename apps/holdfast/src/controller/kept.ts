import type { Keep, KubeObject } from '@holdfast/cluster'
import { createKeeps } from '@holdfast/cluster'
import { fieldsOf } from '../kubernetes/fields-at.ts'

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

const withConditions =
  (keep: Keeps['Service']): Keep =>
  (object: KubeObject) => {
    const { conditions } = fieldsOf(object['status'])
    const kept = keep(object)
    if (!Array.isArray(conditions) || conditions.length === 0) return kept
    return { ...kept, status: { ...fieldsOf(kept['status']), conditions } }
  }
