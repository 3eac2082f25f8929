import { createVirtualClock } from '@holdfast/runtime'
import { kubeApiSuite, suiteTypes } from '../testing/kube-api-suite.ts'
import { keyOfObject } from './memory-store.ts'
import { createMemoryApi } from './memory-api.ts'

kubeApiSuite('The API in memory', () => {
  const clock = createVirtualClock()
  const api = createMemoryApi({ clock, types: [suiteTypes.ConfigMap] })
  const types = Object.values(suiteTypes)
  return Promise.resolve({
    api,
    reset: () => {
      for (const type of types) {
        for (const object of api.readAll(type)) {
          const [namespace = '', name = ''] = keyOfObject(type, object).split('/')
          api.drop(type, { namespace, name })
        }
      }
      return Promise.resolve()
    },
    stop: () => Promise.resolve(),
    forgottenResourceVersion: () => {
      const old = api.resourceVersion()
      api.put(suiteTypes.ConfigMap, { metadata: { namespace: 'suite-a', name: 'compacted' } })
      api.compact()
      return Promise.resolve(old)
    },
    passTime: () => clock.advance(50),
  })
})
