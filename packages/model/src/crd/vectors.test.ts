import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../evaluate.ts'
import { addressBlockSpec } from '../schemas/address-block.ts'
import { parseNodeState } from '../stored.ts'
import type { CrdVector } from '../testing/crd-vectors.ts'
import { crdVectors } from '../testing/crd-vectors.ts'
import { object } from '../testing/manifests.ts'
import { node, secret } from '../testing/objects.ts'

const whole = ({ apiVersion, kind, name, spec, status, change }: CrdVector) => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'metallb-system' },
  ...((change ?? spec) === undefined ? {} : { spec: change ?? spec }),
  ...(status === undefined ? {} : { status }),
})

/** Objects that the references of vectors lead to. */
const others = [secret('tor', 'x'), { ...secret('b.c', 'x') }, node('a')]

/** What is missing is no matter of the object. */
const references: ReadonlySet<string> = new Set(['unknown-secret'])

function isRead(vector: CrdVector): boolean {
  const value = whole(vector)
  if (vector.kind === 'AddressBlock') return addressBlockSpec.safeParse(vector.spec).success
  if (vector.kind === 'NodeState') return parseNodeState({ ...value, spec: vector.spec ?? {} }).kind === 'ok'
  const { faults } = evaluate([object(value), ...others], undefined)
  return faults.every(({ code }) => references.has(code))
}

for (const vector of crdVectors) {
  if (vector.readable === undefined) continue
  const verb = vector.readable ? 'read' : 'a fault when it is read'
  test(`${vector.apiVersion} ${vector.kind}: ${vector.why} is ${verb}`, () => {
    assert.equal(isRead(vector), vector.readable)
  })
}
