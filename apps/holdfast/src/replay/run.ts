import { readFileSync } from 'node:fs'
import { describeText } from '@holdfast/bgp'
import { parseRecording, replay } from '@holdfast/net'
import { exitCode } from '../exit-codes.ts'
import { endWithReader } from '../output/reader.ts'
import { forPerson, paint } from '../output/text.ts'

export interface ReplayCommand {
  readonly file: string
  readonly isJson: boolean
}

/** More than the longest difference, which `replay` cuts, also where half of it has to be escaped. */
const mostText = 1000

/** `holdfast replay`: repeats a recording; exit code 0 where everything came out as recorded, 4 where something did not. */
export function runReplay({ file, isJson }: ReplayCommand): Promise<number> {
  endWithReader()
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return refuse(`cannot read ${shown(file)}: ${shown(why)}`, 'Name a recording.')
  }
  const parsed = parseRecording(text)
  if (!parsed.ok) return refuse(`${shown(file)}:${parsed.line}: ${parsed.reason}`, parsed.remedy)
  const outcome = replay(parsed.entries)
  if (isJson) process.stdout.write(`${harmlessJson(outcome)}\n`)
  else process.stdout.write(report(outcome))
  return Promise.resolve(outcome.differences.length === 0 ? exitCode.ok : exitCode.differs)
}

function refuse(message: string, remedy: string): Promise<number> {
  process.stderr.write(`holdfast: ${message}\n  ${remedy}\n`)
  return Promise.resolve(exitCode.startUp)
}

function report({ inputs, states, differences, crashes }: ReturnType<typeof replay>): string {
  const lines = [
    ...states.map(
      ({ atMs, role, from, to, reason }) =>
        `${seconds(atMs)}  ${role.padEnd(7)}  ${from} -> ${to}: ${shown(reason.message)}`,
    ),
    ...crashes.map(
      ({ line, text, isRepeated }) =>
        `line ${line}: a defect ended the machine: ${shown(text)} (${isRepeated ? 'and does so again' : 'not any more'})`,
    ),
    '',
    differences.length === 0
      ? `${paint('green', '●')} ${inputs} inputs came out as recorded`
      : `${paint('red', '✘')} of ${inputs} inputs the outcome differs:`,
    ...differences.flatMap(({ line, atMs, expected, actual }) => [
      `  line ${line}, at ${seconds(atMs)}`,
      `    recorded: ${shown(expected ?? 'nothing')}`,
      `    now:      ${shown(actual ?? 'nothing')}`,
    ]),
  ]
  return forPerson(() => lines)
}

/** A recording comes from somebody else: no text of it may move the cursor or write a line of its own. */
const shown = (text: string): string => describeText(text, mostText)

/** `JSON.stringify` escapes line ends and ESC, but not what else a terminal may act upon. */
const harmlessJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`
