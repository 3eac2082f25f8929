import { createVirtualClock } from '@holdfast/runtime'
import { describeSourceContract } from '../testing/source-contract.ts'
import { createKubernetesSource } from './kubernetes-source.ts'
import { createMemoryApi } from './memory-api.ts'
import { resourceTypes } from './resource-types.ts'

const { Service } = resourceTypes

describeSourceContract('A Kubernetes API', (test, services) => {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock })
  const arrange = (wanted: ReadonlyMap<string, string>): void => {
    for (const [name, type] of wanted) api.put(Service, { metadata: { name, namespace: 'default' }, spec: { type } })
    for (const { metadata } of api.readAll(Service)) {
      if (!wanted.has(metadata.name)) api.drop(Service, { namespace: 'default', name: metadata.name })
    }
  }
  arrange(services)
  const source = createKubernetesSource({
    api: api.connect(),
    clock,
    followed: [{ type: Service, selection: {}, keep: (object) => object, isOptional: false }],
    random: () => 0.5,
    observe: () => undefined,
  })
  test.after(async () => await source.stop())
  return { source, arrange, elapse: () => clock.advance(50) }
})
