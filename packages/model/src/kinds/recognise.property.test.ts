import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coreDefinitions } from './core.ts'
import { recogniseEndpointSlice, recogniseService } from './recognise.ts'

// What is recognised is what the schema would have given, field by field, also of objects that are wrong somewhere.

const odd = fc.oneof(
  ...[fc.constant(null), fc.constant(''), fc.constant('no'), fc.nat(3), fc.boolean()],
  ...[fc.constant([]), fc.constant([null]), fc.constant({}), fc.constant({ a: 1 })],
)
const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: odd })
const fields = (of: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  mostly(
    fc.record(Object.fromEntries(Object.entries(of).map(([name, value]) => [name, mostly(value)])), {
      requiredKeys: [],
    }),
  )
const list = (of: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.array(mostly(of), { maxLength: 3 })
const texts = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('x', ''), { maxKeys: 2 })
const name = fc.constantFrom('web', 'a.b', '-', 'Web', '')
const address = fc.constantFrom('10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1', 'None', '', '010.0.0.1', '10.0.0')
const text = fc.constantFrom('', 'x')
const flag = fc.boolean()

const metadata = fc.record(
  { name: mostly(name), namespace: mostly(text), labels: mostly(texts), annotations: mostly(texts), uid: mostly(text) },
  { requiredKeys: ['name'] },
)
const someService = fc.record(
  {
    metadata: mostly(metadata),
    spec: fields({
      type: fc.constantFrom('LoadBalancer', 'ClusterIP', '', 'Other'),
      loadBalancerClass: text,
      loadBalancerIP: text,
      externalTrafficPolicy: fc.constantFrom('Local', 'Cluster', ''),
      clusterIP: address,
      clusterIPs: list(address),
      ipFamilies: list(fc.constantFrom('IPv4', 'IPv6')),
      ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack'),
      ports: list(
        fields({ name: text, protocol: fc.constantFrom('TCP', 'UDP'), port: fc.constantFrom(1, 65_535, 65_536, 1.5) }),
      ),
      selector: texts,
    }),
    status: fields({
      loadBalancer: fields({ ingress: list(fields({ ip: address, hostname: text })) }),
      conditions: list(fields({ type: text, reason: text })),
    }),
  },
  { requiredKeys: ['metadata'] },
)
const someSlice = fc.record(
  {
    metadata: mostly(metadata),
    endpoints: mostly(
      list(fields({ addresses: list(address), nodeName: text, conditions: fields({ ready: flag, serving: flag }) })),
    ),
  },
  { requiredKeys: ['metadata'] },
)

const cases = [
  { kind: 'Service', some: someService, recognise: recogniseService },
  { kind: 'EndpointSlice', some: someSlice, recognise: recogniseEndpointSlice },
] as const

for (const { kind, some, recognise } of cases) {
  test(`a ${kind} that is recognised says what its schema makes of it`, () => {
    const schema = coreDefinitions.find((definition) => definition.kind === kind)?.schema
    assert.ok(schema)
    let recognised = 0
    fc.assert(
      fc.property(some, (value) => {
        const found = recognise(value)
        if (found === undefined) return
        recognised += 1
        const result = schema.safeParse(value)
        assert.ok(result.success, JSON.stringify(result.error?.issues))
        assert.deepEqual(pruned(found, result.data), result.data)
      }),
      { numRuns: 3000 },
    )
    assert.ok(recognised > 50, String(recognised))
  })
}

/** The schema leaves out the fields that it does not know; what is recognised still has them, and nobody reads them. */
function pruned(found: unknown, like: unknown): unknown {
  if (Array.isArray(found) && Array.isArray(like)) return found.map((item, index) => pruned(item, like[index]))
  if (typeof found !== 'object' || found === null || typeof like !== 'object' || like === null) return found
  const [all, known] = [found as Record<string, unknown>, like as Record<string, unknown>]
  return Object.fromEntries(Object.keys(known).map((field) => [field, pruned(all[field], known[field])]))
}
