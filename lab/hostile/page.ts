import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from './attack.ts'
import { describeExpectation, expectationOf, type Case } from './case.ts'
import { cases, ids, specials } from './cases/index.ts'
import { scenes, type Scene } from './scene.ts'
import type { Special } from './special.ts'

const file = join(import.meta.dirname, '..', '..', 'docs', 'reference', 'hostile-inputs.md')

/** A line of the page: one input, the sessions that it is tried on, and what has to come of it. */
export interface Entry {
  readonly id: string
  readonly row: string
  readonly title: string
  readonly tags: readonly string[]
  readonly scenes: readonly Scene[]
  readonly required: string
}

function entryOf(one: Case | Special): Entry {
  const own = scenes.filter((scene) => isFor(one, scene))
  const required =
    'required' in one
      ? one.required
      : [...new Set(own.map((scene) => describeExpectation(expectationOf(one, scene))))].join('; within an AS ')
  const { row, title, tags = [] } = one
  return { id: ids.get(one) ?? row, row, title, tags, scenes: own, required }
}

/** Those that need a peer with a policy of its own, which no dialled session has, are for inbound ones. */
const isFor = (one: Case | Special, scene: Scene): boolean =>
  (one.scenes?.(scene) ?? true) && (!scene.isDialled || (one.peer !== 'plain' && one.peer !== 'limited'))

const letters = ['H', 'O', 'U', 'N', 'R']

function byId(a: Entry, b: Entry): number {
  const [first, second] = [keyOf(a), keyOf(b)]
  const different = first.findIndex((value, index) => value !== second[index])
  return (first[different] ?? 0) - (second[different] ?? 0)
}

const keyOf = ({ id }: Entry): readonly number[] => {
  const [, letter = '', row = '', number = ''] = /^(.)(\d+)\.(\d+)$/.exec(id) ?? []
  return [letters.indexOf(letter), Number(row), Number(number)]
}

/** Every input, row by row. */
export const entries: readonly Entry[] = [...cases, ...specials].map(entryOf).toSorted(byId)

/** What was not as required of an input, on which session; empty where all was. */
export const problemsOf = ({ id, scenes: wanted }: Entry, runs: readonly Run[]): readonly string[] => {
  const own = runs.filter((run) => run.id === id)
  return wanted.flatMap(({ name }) => {
    const run = own.find(({ scene }) => scene === name)
    if (run === undefined) return [`${name}: did not run`]
    return run.problem === undefined ? [] : [`${name}: ${run.problem}`]
  })
}

/** The page of a run. */
export const pageOf = (runs: readonly Run[]): string => `# Hostile inputs

Written by \`npm run hostile\`; \`npm test\` runs the same and fails where this page says something else. Every input
goes over TCP to a running \`holdfast standalone\`, on sessions of ${scenes.length} kinds:
${scenes.map(({ name }) => name).join('; ')}.

Required of all of them: the process lives, its memory stays bounded, and a second peer on each kind of session (inbound ones)
keeps its session, gets its KEEPALIVEs in time and sees no UPDATE that does not concern it. "Stays up" means that the session
then answers a ROUTE-REFRESH with the same routes as before and outlives three more KEEPALIVEs; a fault that is counted is one
that RFC 7606 answers by treat-as-withdraw or attribute discard. Both, and why a session ended and through whom, are asserted
in what \`holdfast peers -o json\` shows.

| | input | sessions | required | result |
|---|---|--:|---|---|
${entries.map((entry) => lineOf(entry, runs)).join('\n')}

${entries.length} inputs, ${entries.reduce((sum, one) => sum + one.scenes.length, 0).toLocaleString('en')} runs.
`

function lineOf(entry: Entry, runs: readonly Run[]): string {
  const problems = problemsOf(entry, runs)
  const result = problems.length === 0 ? 'as required' : `**not so**: ${problems.join('; ')}`
  return `| ${entry.id} | ${entry.title} | ${entry.scenes.length} | ${entry.required} | ${result} |`
}

export const readPage = (): string => readFileSync(file, 'utf8')

export const writePage = (text: string): void => writeFileSync(file, text)
