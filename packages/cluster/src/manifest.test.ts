import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseManifest, readManifest } from './manifest.ts'
import { splitDocuments } from './split.ts'
import { service } from './testing/temporary.ts'
import { namesOf } from './testing/source-contract.ts'

const head = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n'

function valueOf(yaml: string): unknown {
  const { objects, faults } = parseManifest('f.yaml', `${head}x: ${yaml}\n`)
  assert.deepEqual(faults, [])
  return (objects[0]!.value as { x: unknown }).x
}

function faultsOf(text: string): readonly string[] {
  return parseManifest('f.yaml', text).faults.map(({ line, code }) => `${line} ${code}`)
}

describe('plain values', () => {
  // What kubectl makes of them: sigs.k8s.io/yaml v1.4, goyaml.v2/resolve.go.
  const cases: readonly (readonly [string, unknown])[] = [
    ['on', true],
    ['Off', false],
    ['yes', true],
    ['NO', false],
    ['y', true],
    ['n', false],
    ['True', true],
    ['tRUE', 'tRUE'],
    ['"on"', 'on'],
    ["'1'", '1'],
    ['010', 8],
    ['09', 9],
    ['0o10', 8],
    ['0x1F', 31],
    ['0b101', 5],
    ['-0x10', -16],
    ['1_000', 1000],
    ['+7', 7],
    ['0', 0],
    ['00', 0],
    ['-3', -3],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1.', 1],
    ['1e3', 1000],
    ['65000:100', '65000:100'],
    ['65535:65281', '65535:65281'],
    ['12:30:45', '12:30:45'],
    ['2026-01-02', '2026-01-02'],
    ['10.0.0.1', '10.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['1e', '1e'],
    ['_1', '_1'],
    ['0x', '0x'],
    ['~', null],
    ['null', null],
    ['', null],
    ['4294967295', 4294967295],
    ['!custom 5', '5'],
  ]
  for (const [yaml, value] of cases) {
    it(`${yaml === '' ? '(nothing)' : yaml} is ${JSON.stringify(value)}`, () => assert.deepEqual(valueOf(yaml), value))
  }

  it('as keys are strings as written', () => {
    assert.deepEqual(valueOf('{on: 1, 8080: 2, y: 3}'), { on: 1, 8080: 2, y: 3 })
  })

  it('named __proto__ stay data', () => {
    const value = valueOf('{__proto__: {polluted: true}}') as object
    assert.deepEqual(Object.keys(value), ['__proto__'])
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
  })
})

describe('a manifest', () => {
  it('is a stream of documents, of which empty ones and comments are none', () => {
    const text = `# head\n---\n${service('a')}---\n---\n# nothing\n---\n${service('b')}...\n---\n${service('c')}`
    const { objects, faults } = parseManifest('f.yaml', text)
    assert.deepEqual([namesOf({ objects }), faults], [['a', 'b', 'c'], []])
    assert.deepEqual(
      objects.map(({ origin }) => origin.lineOf([])),
      [3, 13, 21],
    )
    assert.deepEqual(
      objects.map(({ origin }) => origin.lineOf(['spec', 'type'])),
      [8, 18, 26],
    )
  })

  it('may have Windows line ends, a byte order mark, directives and no newline at its end', () => {
    const text = `\uFEFF%YAML 1.1\r\n---\r\n${service('a').replaceAll('\n', '\r\n')}---\r\n${service('b').trimEnd()}`
    const { objects, faults } = parseManifest('f.yaml', text)
    assert.deepEqual([namesOf({ objects }), faults], [['a', 'b'], []])
    assert.equal(objects[0]!.origin.lineOf(['metadata', 'name']), 6)
  })

  it('has Lists flattened, each item with its own lines, and typed Lists lend their kind', () => {
    const items =
      'items:\n- apiVersion: v1\n  kind: Node\n  metadata:\n    name: node\n  spec:\n    list: [1,\n      2]\n'
    const text = `apiVersion: v1\nkind: List\n${items}---\napiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: s}\n`
    const { objects, faults } = parseManifest('f.yaml', text)
    assert.deepEqual(faults, [])
    assert.deepEqual(namesOf({ objects }), ['node', 's'])
    assert.deepEqual(objects[1]!.value, { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' } })
    const lines = [[], ['metadata', 'name'], ['spec', 'list', 1], ['spec', 'nothing', 'deeper']] as const
    assert.deepEqual(
      lines.map((path) => objects[0]!.origin.lineOf(path)),
      [4, 7, 10, 8],
    )
    assert.equal(objects[1]!.origin.lineOf(['metadata']), 15)
  })

  it('may be JSON, indented with tabs', () => {
    const { objects, faults } = parseManifest(
      'f.json',
      '{\n\t"apiVersion": "v1",\n\t"kind": "Node",\n\t"metadata": {"name": "n"}\n}\n',
    )
    assert.deepEqual([namesOf({ objects }), faults], [['n'], []])
    assert.equal(objects[0]!.origin.lineOf(['metadata', 'name']), 4)
  })

  it('resolves aliases and merge keys', () => {
    assert.deepEqual(valueOf('{a: &a {k: 1}, b: *a, c: {<<: *a, l: 2}}'), {
      a: { k: 1 },
      b: { k: 1 },
      c: { k: 1, l: 2 },
    })
  })
})

describe('a broken manifest', () => {
  it('reports every mistake with its line, also in later documents, and yields nothing', () => {
    const text = `${head}---\n${head}a: b: c\nd: 1\nd: 2\n---\n${head}\te: 1\n---\n${head}f: *nowhere\n`
    assert.deepEqual(faultsOf(text), [
      '8 yaml-nested-mapping',
      '10 yaml-duplicate-key',
      '15 yaml-tab-indent',
      '20 yaml-alias-unknown',
    ])
    const { objects, faults } = parseManifest('f.yaml', text)
    assert.deepEqual(objects, [])
    assert.deepEqual(
      faults.map(({ column }) => column),
      [4, 1, 1, 4],
    )
  })

  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['an unclosed bracket', 'a: [1, 2\nb: 3\n', ['5 yaml-unclosed']],
    ['an unclosed quote', 'a: "b\n', ['5 yaml-unclosed']],
    ['a template', 'a: {{ .Values.a }}\n', ['4 yaml-key']],
    ['a reserved character', 'a: @b\n', ['4 yaml-reserved-character']],
    ['a bad escape', 'a: "\\q"\n', ['4 yaml-escape']],
    ['an alias to itself', 'a: &a [*a]\n', ['4 yaml-alias-unknown']],
    ['two anchors on one value', 'a: &a &b 1\n', ['4 yaml-anchor']],
    ['a merge key without a mapping', '<<: 3\n', ['1 yaml-merge']],
  ]
  for (const [name, text, faults] of cases) {
    it(`with ${name} says so`, () => assert.deepEqual(faultsOf(head + text), faults))
  }

  it('is refused where aliases unfold without end or nesting has none', () => {
    const bomb = 'bcdefghij'.split('').map(
      (name, index, all) =>
        `${name}: &${name} [${Array(10)
          .fill(`*${all[index - 1] ?? 'a'}`)
          .join(', ')}]\n`,
    )
    assert.deepEqual(faultsOf(`a: &a [x, x]\n${bomb.join('')}`), ['1 yaml-alias-excess'])
    assert.deepEqual(faultsOf('['.repeat(50_000)), ['1 yaml-nesting'])
    assert.deepEqual(faultsOf(`${head}a: ${'['.repeat(200)}${']'.repeat(200)}\n`).slice(0, 1), ['4 yaml-nesting'])
    assert.deepEqual(faultsOf('a'.repeat(16 * 1024 * 1024 + 1)), ['undefined file-too-large'])
  })

  it('says of documents that are no objects what they lack, and leaves the others', () => {
    const text = `- 1\n---\nfoo\n---\nkind: on\nmetadata: {name: 5}\n---\n${service('a')}`
    assert.deepEqual(faultsOf(text), [
      '1 document-not-object',
      '3 document-not-object',
      '5 object-without-api-version',
      '5 object-without-kind',
      '5 object-without-name',
    ])
    const { objects, faults } = parseManifest('f.yaml', text)
    assert.deepEqual(namesOf({ objects }), ['a'])
    assert.match(faults[4]!.message, /metadata\.name must be a non-empty string, and is 5/)
    assert.ok(faults.every(({ remedy }) => remedy.length > 0))
  })
})

describe('the next version of a manifest', () => {
  const texts = ['a', 'b', 'c'].map((name) => service(name))
  const first = readManifest('f.yaml', texts.join('---\n'), undefined)

  it('keeps the identity of documents whose text and line are the same', () => {
    const next = readManifest('f.yaml', [texts[0], service('b', 'ClusterIP'), texts[2]].join('---\n'), first)
    assert.deepEqual(
      next.objects.map((object, index) => object === first.objects[index]),
      [true, false, true],
    )
  })

  it('gives documents on other lines a new identity, with the right lines and the same value', () => {
    const next = readManifest('f.yaml', `# one more line\n${texts.join('---\n')}`, first)
    assert.ok(next.objects.every((object, index) => object !== first.objects[index]))
    assert.equal(next.objects[2]!.origin.lineOf(['spec', 'type']), 21)
    assert.equal(next.objects[2]!.value, first.objects[2]!.value)
  })

  it('keeps the identity of the items of a List too, unless aliases could have changed them', () => {
    const list = (b: string, alias: string): string =>
      `apiVersion: v1\nkind: List\nx: &x ${b}\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}, x: ${alias}}\n` +
      `- {apiVersion: v1, kind: B, metadata: {name: ${b}}}\n`
    const plain = readManifest('f.yaml', list('b', '1'), undefined)
    const changed = readManifest('f.yaml', list('c', '1'), plain)
    assert.deepEqual(
      changed.objects.map((object, index) => object === plain.objects[index]),
      [true, false],
    )
    const aliased = readManifest('f.yaml', list('b', '*x'), undefined)
    const other = readManifest('f.yaml', list('c', '*x'), aliased)
    assert.notEqual(other.objects[0], aliased.objects[0])
    assert.equal((other.objects[0]!.value as { x: unknown }).x, 'c')
  })
})

describe('splitting a stream', () => {
  it('loses no character and knows each line', () => {
    const text = '# c\n%YAML 1.2\n---\na: |\n  --- no marker\n---\n--- {b: 1}\n...\n# tail\n----\n'
    const chunks = splitDocuments(text)
    assert.equal(chunks.map((chunk) => chunk.text).join(''), text)
    assert.deepEqual(
      chunks.map((chunk) => chunk.line),
      [1, 6, 7, 9],
    )
  })
})

describe('a List on one long line, as JSON tools write it', () => {
  it('is not kept in memory many times over', () => {
    const items = Array.from({ length: 500 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'A',
      metadata: { name: `a${index}` },
    }))
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
    const { documents, objects } = readManifest('f.json', text, undefined)
    assert.equal(objects.length, 500)
    const kept = documents.flatMap(({ parsed }) => parsed.objects).reduce((sum, { source }) => sum + source.length, 0)
    assert.ok(kept < 2 * text.length, `${kept} characters are kept of ${text.length}`)
    assert.equal(objects.at(-1)?.origin.lineOf(['metadata', 'name']), 1)
  })
})
