import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Verdict } from './judge.ts'
import { contexts, judge, SlowestOf } from './judge.ts'
import type { Mutant, Vector } from './mutate.ts'
import { mutants } from './mutate.ts'
import { Random } from './random.ts'

const folder = join(import.meta.dirname, 'corpus')

/** The messages in `corpus/*.hex`: hexadecimal digits, and lines of words behind a `#`. */
export function readCorpus(): readonly Vector[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.hex'))
  return files.toSorted().map((file) => ({ name: file, bytes: fromHex(readFileSync(join(folder, file), 'utf8')) }))
}

function fromHex(text: string): Uint8Array {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  const digits = lines.join('').replaceAll(/\s/g, '')
  if (!/^([0-9a-f]{2})+$/.test(digits)) throw new Error(`not hexadecimal: ${digits}`)
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

/** An input for which something did not hold; it is kept in the corpus from then on. */
export interface Failure {
  readonly mutant: Mutant
  readonly context: string
  readonly error: unknown
  readonly file: string
}

export interface Report {
  readonly seed: number
  readonly count: number
  readonly seconds: number
  readonly slowestMs: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Resident memory when the first tenth was through, and at the end. */
  readonly rss: readonly [before: number, after: number]
  /** What is still referenced at the end and was not when the first tenth was through. */
  readonly retained: number
  readonly failure: Failure | undefined
}

/** What may still be referenced at the end: compiled code, counters, nothing of the messages. */
const mostRetained = 8 * 1024 * 1024

/** Whether everything held, and nothing was left behind. */
export const isSound = ({ failure, retained }: Report): boolean => failure === undefined && retained <= mostRetained

/** Runs so many mutated messages through framer and decoder, or until something does not hold. */
export function campaign(count: number, seed: number): Report {
  const clock = new SlowestOf()
  const verdicts: Record<Verdict, number> = { needMore: 0, reset: 0, repaired: 0, decoded: 0 }
  const tally = { clock, verdicts, seed }
  const source = mutants(readCorpus(), new Random(seed))
  const start = performance.now()
  const warm = runSome(Math.ceil(count / 10), source, tally)
  const before = memory()
  const done = warm.failure === undefined ? runSome(count - warm.count, source, tally) : nothing
  const after = memory()
  return {
    seed,
    count: warm.count + done.count,
    seconds: (performance.now() - start) / 1000,
    slowestMs: clock.slowestMs,
    verdicts,
    rss: [before.rss, after.rss],
    retained: after.used - before.used,
    failure: warm.failure ?? done.failure,
  }
}

interface Tally {
  readonly clock: SlowestOf
  readonly verdicts: Record<Verdict, number>
  readonly seed: number
}

interface Stretch {
  readonly count: number
  readonly failure: Failure | undefined
}

const nothing: Stretch = { count: 0, failure: undefined }

function runSome(count: number, source: Iterator<Mutant, never>, tally: Tally): Stretch {
  for (let index = 0; index < count; index += 1) {
    const mutant = source.next().value
    // Each in one kind of session, in turn: every kind meets a tenth of the neighbours of every message.
    const [name, context] = contexts[index % contexts.length] ?? ['', undefined]
    if (context === undefined) throw new Error('no context')
    try {
      tally.verdicts[judge(mutant.bytes, context, tally.clock)] += 1
    } catch (error) {
      return { count: index + 1, failure: { mutant, context: name, error, file: keep(mutant, name, tally.seed) } }
    }
  }
  return { count, failure: undefined }
}

/** So that the next run begins with it, and a person can look at it. */
function keep({ name, bytes }: Mutant, context: string, seed: number): string {
  const file = join(folder, `found-${seed}-${performance.now().toFixed(0)}.hex`)
  writeFileSync(file, `# made of ${name}, seed ${seed}, session: ${context}\n${Buffer.from(bytes).toString('hex')}\n`)
  return file
}

/** Collects garbage first, so that only what is still referenced counts. */
function memory(): { readonly rss: number; readonly used: number } {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (isCollector(collect)) collect()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, used: heapUsed + external }
}

const isCollector = (value: unknown): value is () => void => typeof value === 'function'
