import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { Clause } from './clause.ts'

const root = join(import.meta.dirname, '..', '..')

/** A tag as it stands in brackets in a test's title, and in the tables that titles are made from. */
export const clauseTag = /\b(?:rfc\d{3,5}|draft-[a-z0-9]+)-[0-9][0-9a-z.]*-[a-z0-9-]+\b/g

/** All clauses, in the order of their RFCs and sections. */
export async function loadClauses(): Promise<readonly Clause[]> {
  const files = globSync('tools/rfc/clauses/*.ts', { cwd: root }).sort()
  const parts = await Promise.all(
    files.map(async (file) => {
      const module: unknown = await import(pathToFileURL(join(root, file)).href)
      if (!isClauseFile(module)) throw new Error(`${file} does not export "clauses"`)
      return module.clauses
    }),
  )
  return parts.flat().sort((a, b) => compareKeys(keyOf(a), keyOf(b)))
}

const isClauseFile = (module: unknown): module is { readonly clauses: readonly Clause[] } =>
  typeof module === 'object' && module !== null && 'clauses' in module && Array.isArray(module.clauses)

/** `rfc4271-6.1-keepalive-length` is RFC 4271, section 6.1. */
export function placeOf({ id }: Clause): { readonly document: string; readonly section: string } {
  const [, rfc, draft, section = ''] = /^(?:rfc(\d+)|(draft-[a-z0-9]+))-([0-9][0-9a-z.]*)-/.exec(id) ?? []
  return { document: rfc === undefined ? (draft ?? '') : `RFC ${rfc}`, section }
}

type Key = readonly (number | string)[]

function keyOf(clause: Clause): Key {
  const { document, section } = placeOf(clause)
  const numbers = section.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : 99))
  return [document.startsWith('RFC') ? Number(document.slice(4)) : 100_000, ...numbers, clause.id]
}

function compareKeys(a: Key, b: Key): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? ''
    if (left === right) continue
    if (typeof left === 'number' && typeof right === 'number') return left - right
    // A shorter section comes before its subsections.
    if (typeof left !== typeof right) return typeof left === 'string' ? -1 : 1
    return String(left) < String(right) ? -1 : 1
  }
  return 0
}

/** Which test files name which clause: in the title of a test, or in the table that its titles are made from. */
export function tagsInTests(): ReadonlyMap<string, readonly string[]> {
  const patterns = [
    '{packages,apps}/*/src/**/*.test.ts',
    '{packages,apps}/*/src/**/testing/**/*.ts',
    '{lab,fuzz}/**/*.ts',
  ]
  const files = globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] }).sort()
  const found = new Map<string, string[]>()
  for (const file of files) {
    for (const id of new Set(tagsIn(file))) found.set(id, [...(found.get(id) ?? []), file])
  }
  return found
}

/** Only texts count: a tag in a comment proves nothing. */
function tagsIn(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8')
  if (text.search(clauseTag) < 0) return []
  const tags: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      tags.push(...(node.text.match(clauseTag) ?? []))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest))
  return tags
}
