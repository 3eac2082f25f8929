// Tables of docs/reference that are made from what the programs are made from.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { announcedReasons } from '../../apps/holdfast/src/controller/announced-claim.ts'
import type { MetricGroup } from './metrics.ts'
import { metricGroups } from './metrics.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A line of deploy/rbac.json: what a program may do with one kind of object, and what for. */
interface Grant {
  readonly program: 'controller' | 'speaker'
  readonly scope: 'cluster' | 'namespace'
  readonly group: string
  readonly resource: string
  readonly verbs: readonly string[]
  /** Only objects of these names. */
  readonly names?: readonly string[]
  readonly why: string
}

/** A line of deploy/roles-for-people.json. */
interface PersonGrant extends Omit<Grant, 'program' | 'scope'> {
  readonly role: 'view' | 'admin'
}

/** The pages with tables of ours, as they are to be: texts by path from the root. */
export const pages = (): ReadonlyMap<string, string> =>
  new Map(
    [
      ['docs/reference/rbac.md', rbacTables()] as const,
      ['docs/reference/metrics.md', metricTables()] as const,
      ['docs/reference/conditions-and-annotations.md', conditionTables()] as const,
    ].map(([path, tables]) => [path, withTables(readFileSync(join(root, path), 'utf8'), tables)]),
  )

/** Replaces what stands between `<!-- NAME -->` and `<!-- end -->`, for each name. Throws where a table has no place. */
function withTables(page: string, tables: ReadonlyMap<string, string>): string {
  let text = page
  for (const [name, table] of tables) {
    const [before, rest] = cut(text, `<!-- ${name} -->\n`, name)
    const [, after] = cut(rest, '<!-- end -->', name)
    text = `${before}<!-- ${name} -->\n${table}<!-- end -->${after}`
  }
  return text
}

function cut(text: string, at: string, name: string): readonly [string, string] {
  const index = text.indexOf(at)
  if (index < 0) throw new Error(`the page has no place for ${name}`)
  return [text.slice(0, index), text.slice(index + at.length)]
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

const grantsIn = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'))

function rbacTables(): ReadonlyMap<string, string> {
  const grants = grantsIn('deploy/rbac.json') as readonly Grant[]
  const ofPeople = grantsIn('deploy/roles-for-people.json') as readonly PersonGrant[]
  const names = ['controller cluster', 'controller namespace', 'speaker cluster', 'speaker namespace'] as const
  const roles = ['view', 'admin'] as const
  return new Map([
    ...names.map((name) => [name, grantTable(grants.filter((one) => `${one.program} ${one.scope}` === name))] as const),
    ...roles.map((role) => [role, grantTable(ofPeople.filter((one) => one.role === role))] as const),
  ])
}

function grantTable(grants: readonly Pick<Grant, 'group' | 'resource' | 'verbs' | 'names' | 'why'>[]): string {
  const rows = grants.map(({ group, resource, verbs, names, why }) => {
    const what = names === undefined ? `\`${resource}\`` : `\`${resource}\` named ${names.join(', ')}`
    return row(group === '' ? 'core' : group, what, verbs.join(', '), why)
  })
  return row('group', 'resource', 'verbs', 'what for') + row('---', '---', '---', '---') + rows.join('')
}

const conditionTables = (): ReadonlyMap<string, string> =>
  new Map([
    [
      'announced reasons',
      row('status', 'reason', 'means') +
        row('---', '---', '---') +
        Object.entries(announcedReasons)
          .map(([reason, { status, meaning }]) => row(status, `\`${reason}\``, meaning))
          .join('') +
        row('False', 'as below', 'No node announces it, all for one reason. The message has it in words.'),
    ],
  ])

const metricTables = (): ReadonlyMap<string, string> =>
  new Map(
    metricGroups().map((group): readonly [string, string] => [
      group.title,
      row('name', 'type', 'labels', 'says') + row('---', '---', '---', '---') + rowsOf(group),
    ]),
  )

const rowsOf = ({ families, labelsOf }: MetricGroup): string =>
  families
    .map(({ name, type, help }) =>
      row(`\`${name}\``, type, labelsOf(name).join(', ') || 'none', help.replaceAll('|', '\\|')),
    )
    .join('')
