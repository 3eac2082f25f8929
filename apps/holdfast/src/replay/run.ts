import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { parseRecording, replay } from '@holdfast/net'
import { exitCode } from '../exit-codes.ts'
import { paint } from '../output/text.ts'

export interface ReplayCommand {
  readonly file: string
  readonly isJson: boolean
}

/** `holdfast replay`: repeats a recording; exit code 0 where everything came out as recorded, 4 where something did not. */
export function runReplay({ file, isJson }: ReplayCommand): Promise<number> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return refuse(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, 'Name a recording.')
  }
  const parsed = parseRecording(text)
  if (!parsed.ok) return refuse(`${file}:${parsed.line}: ${parsed.reason}`, parsed.remedy)
  const outcome = replay(parsed.entries)
  if (isJson) process.stdout.write(`${JSON.stringify(outcome)}\n`)
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
      ({ atMs, role, from, to, reason }) => `${seconds(atMs)}  ${role.padEnd(7)}  ${from} -> ${to}: ${reason.message}`,
    ),
    ...crashes.map(
      ({ line, text, isRepeated }) =>
        `line ${line}: a defect ended the machine: ${text} (${isRepeated ? 'and does so again' : 'not any more'})`,
    ),
    '',
    differences.length === 0
      ? `${paint('green', '●')} ${inputs} inputs came out as recorded`
      : `${paint('red', '✘')} of ${inputs} inputs the outcome differs:`,
    ...differences.flatMap(({ line, atMs, expected, actual }) => [
      `  line ${line}, at ${seconds(atMs)}`,
      `    recorded: ${expected ?? 'nothing'}`,
      `    now:      ${actual ?? 'nothing'}`,
    ]),
  ]
  const painted = `${lines.join('\n')}\n`
  return process.stdout.isTTY ? painted : stripVTControlCharacters(painted)
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`
