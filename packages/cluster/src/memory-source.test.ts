import type { RawObject } from '@holdfast/model'
import { createMemorySource } from './memory-source.ts'
import { describeSourceContract } from './testing/source-contract.ts'

describeSourceContract('createMemorySource', (_test, services) => {
  const known = new Map<string, RawObject>()
  const objectsOf = (wanted: ReadonlyMap<string, string>): readonly RawObject[] =>
    [...wanted].map(([name, type]) => {
      const key = `${name} ${type}`
      const value = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { type } }
      const object = known.get(key) ?? { value, origin: { file: 'memory', lineOf: () => undefined } }
      known.set(key, object)
      return object
    })
  const source = createMemorySource(objectsOf(services))
  return { source, arrange: (wanted) => source.set(objectsOf(wanted)), elapse: () => undefined }
})
