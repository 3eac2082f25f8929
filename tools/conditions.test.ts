// docs/reference/conditions-and-annotations.md against the programs, both ways.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './deploy/pages.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = read('docs/reference/conditions-and-annotations.md').replaceAll(/```[\s\S]*?```/g, '')
const source = globSync(['apps/holdfast/src/**/*.ts', 'packages/*/src/**/*.ts'], { cwd: root })
  // Not tests, nor what stands in for an API server, nor what runs without one.
  .filter((path) => !/\.test\.ts$|\/(?:testing|crd|standalone)\/|\/memory-/.test(path))
  .map(read)
  .join('\n')

/** Words in backticks. */
const saidIn = (text: string): ReadonlySet<string> => matched(text, /`([^`]+)`/g)
const matched = (text: string, pattern: RegExp): ReadonlySet<string> =>
  new Set([...text.matchAll(pattern)].map(([, word = '']) => word))

/** The reasons of a type that is written as a union of texts. */
function unionOf(type: string): ReadonlySet<string> {
  const [, text = ''] = new RegExp(`type ${type} =([^\n]*(?:\n  [/|][^\n]*)*)`).exec(source) ?? []
  const words = matched(text, /'([^']+)'/g)
  assert.ok(words.size > 1, type)
  return words
}

function sectionOf(title: string): string {
  const [, text] = page.split(`\n## ${title}\n`)
  assert.ok(text !== undefined, title)
  return text.split('\n## ')[0] ?? ''
}

const missing = (wanted: Iterable<string>, from: ReadonlySet<string>): readonly string[] =>
  [...wanted].filter((one) => !from.has(one))

/** Names with a prefix that are no label, annotation, taint or condition. */
const others: ReadonlySet<string> = new Set([
  // The type of a Secret.
  'kubernetes.io/basic-auth',
  // Of manifests, which `holdfast lint` reads.
  'kubernetes.io/hostname',
])
const prefixed =
  /['"`]((?:holdfast\.dev|metallb\.io|(?:node\.|node\.cloudprovider\.)?kubernetes\.io)\/[A-Za-z-.]+)(?=[='"`])/g

test('every annotation, label, taint and condition that the programs name is on the page, and the other way round', () => {
  const annotations = [...unionOf('AnnotationName')].map((name) => `metallb.io/${name}`)
  const names = new Set([...matched(source, prefixed), ...annotations].filter((name) => !others.has(name)))
  assert.ok(names.size > 15, [...names].join())
  assert.deepEqual(missing(names, saidIn(page)), [])
  assert.deepEqual(missing(matched(page, prefixed), names), [])
})

test('every taint is on the page with its cause', () => {
  const [, table = ''] = /leavingTaints[^{]*\{([^}]*)\}/.exec(source) ?? []
  const taints = [...table.matchAll(/'?([\w./-]+)'?: '(\w+)'/g)].map(
    ([, key, cause]) => `| \`${key}\` | \`${cause}\` |`,
  )
  const rows = sectionOf('Taints of Nodes')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  assert.deepEqual(rows.sort(), taints.sort())
})

test('every reason of a condition is on the page, and the other way round', () => {
  const statuses = "(?:'(?:True|False|Unknown)',\\s*)?"
  const reasons = matched(
    source,
    new RegExp(`\\b(?:say|claim)\\(\\s*${statuses}'(?!True'|False'|Unknown')([A-Z]\\w+)'`, 'g'),
  )
  assert.ok(reasons.size > 20, [...reasons].join())
  assert.deepEqual(missing(reasons, saidIn(page)), [])
  for (const title of ['Conditions of a Service', 'Conditions of other objects']) {
    const words = [...saidIn(sectionOf(title))].filter((word) => /^[A-Z][A-Za-z]+$/.test(word))
    // Reasons of allocation and of announcing are in camelCase where they come from.
    const isKnown = (word: string): boolean => {
      const [first = '', ...rest] = word
      return [first, first.toLowerCase()].some((letter) => new RegExp(`\\b${letter}${rest.join('')}\\b`).test(source))
    }
    assert.deepEqual(
      words.filter((word) => !isKnown(word)),
      [],
      title,
    )
  }
})

test('every event is on the page, and the other way round', () => {
  const own = matched(source, /type: '(?:Normal|Warning)',\s*reason: '(\w+)'/g)
  const reasons = new Set([...own, ...unionOf('EventReason')])
  const rows = sectionOf('Events').replaceAll(/`holdfast\.dev\/\w+`/g, '')
  assert.deepEqual([...saidIn(rows)].sort(), [...reasons].sort())
})

test('every field manager is on the page, and the other way round', () => {
  const managers = matched(source, /(?:fieldManager(?: =|:)|announcedManager =) '([^']+)'/g)
  assert.ok(managers.size > 4)
  const rows = matched(sectionOf('Field managers'), /^\| `([^`]+)`/gm)
  assert.deepEqual([...rows].sort(), [...managers].sort())
})

test('there is no finalizer', () => {
  assert.doesNotMatch(source, /\bfinalizers\b/)
})
