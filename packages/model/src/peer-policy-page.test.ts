import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { z } from 'zod'
import { effectivePolicy } from './effective-policy.ts'
import { evaluate } from './evaluate.ts'
import { peerPolicySpec } from './schemas/peer-policy.ts'
import { load } from './testing/manifests.ts'
import { node, peer, secret } from './testing/objects.ts'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}

const page = readFileSync(new URL('../../../docs/reference/peer-policy.md', import.meta.url), 'utf8')
const sections = new Map(
  page
    .split(/^#{2,3} /m)
    .map((section) => /^`([^`]+)`\n([^]*)$/.exec(section))
    .filter((match) => match !== null)
    .map(([, name, text]) => [name ?? '', text ?? ''] as const),
)

/** The fields that hold a value, as paths; selectors are Kubernetes' and count as one field each. */
function fieldsOf(schema: Schema, path: string): readonly (readonly [string, Schema])[] {
  if (path.endsWith('Selectors')) return [[path, schema]]
  const { properties, items } = schema
  if (items?.properties !== undefined) return fieldsOf(items, `${path}[]`)
  if (properties === undefined) return [[path, schema]]
  return Object.entries(properties).flatMap(([name, field]) => fieldsOf(field, path === '' ? name : `${path}.${name}`))
}

const fields = fieldsOf(z.toJSONSchema(peerPolicySpec, { io: 'input' }) as Schema, '')

const exampleOf = (section: string): string => /^- Example: `(.*)`$/m.exec(section)?.[1] ?? ''

test('docs/reference/peer-policy.md has a section for every field of the schema, and for no other one', () => {
  assert.deepEqual([...sections.keys()].sort(), fields.map(([path]) => path).sort())
})

for (const [path, schema] of fields) {
  const section = sections.get(path) ?? ''
  test(`the page says of ${path} its range, default, example and what the router needs`, () => {
    for (const line of ['Range', 'Default', 'Example', 'Router']) assert.match(section, new RegExp(`^- ${line}: `, 'm'))
    const range = /^- Range: ([^]*?)\n- /m.exec(section)?.[1] ?? ''
    const words = [...(schema.enum ?? []), ...(schema.items?.enum ?? [])]
    for (const word of words) assert.ok(range.includes(`\`${word}\``), `${path} misses ${word}`)
    if (schema.type !== 'integer') return
    assert.match(range, new RegExp(`^${String(schema.minimum)} to ${String(schema.maximum)}\\b`))
  })

  test(`the example of ${path} is valid, and sets the field`, () => {
    const [top = ''] = path.split(/[.[]/)
    const example = exampleOf(section)
    assert.ok(example.startsWith(`${top}: `))
    assert.ok(path.split('.').every((step) => example.includes(`${step.replace('[]', '')}:`)))
    assert.deepEqual(faultsOf(`spec: { ${example} }`), [])
  })
}

test('the whole policy at the top of the page is valid', () => {
  const [, text = ''] = /```yaml\n([^]*?)```/.exec(page) ?? []
  const peers = ['router-a', 'router-b'].map((name, index) => peer(name, { peerAddress: `192.0.2.${index}` }))
  const { faults, notInForce, model } = evaluate([...load(text), ...peers], undefined)
  assert.deepEqual([faults, notInForce, model.peerPolicies.size], [[], [], 1])
})

test('the example in examples/peer-policy has no faults, and its policies add up on the second router', () => {
  const folder = new URL('../../../examples/peer-policy/', import.meta.url)
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  const objects = files.flatMap((name) => load(readFileSync(new URL(name, folder), 'utf8'), name))
  const { faults, notInForce, model } = evaluate(objects, undefined)
  assert.deepEqual([faults, notInForce], [[], []])
  const [first, second] = [...model.peers.values()].map((one) =>
    effectivePolicy(model, one, model.nodes.get('node-a')!),
  )
  assert.deepEqual([first?.policies, second?.policies], [['all'], ['all', 'second-choice']])
  assert.deepEqual([second?.asPathPrepend, second?.gtsmHops, second?.role], [1, 1, 'Customer'])
})

function faultsOf(spec: string): readonly string[] {
  const head = 'apiVersion: holdfast.dev/v1alpha1\nkind: PeerPolicy\nmetadata: { name: x, namespace: metallb-system }\n'
  const { faults } = evaluate([...load(`${head}${spec}\n`), secret('tor', 'x'), node('a')], undefined)
  return faults.map(({ code, path }) => `${path} ${code}`)
}
